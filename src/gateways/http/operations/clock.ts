/** GET /clock and POST /clock/repair: how the servers' clocks are, and right times again after one ran ahead (C8). */
import { z } from "zod";
import { check, defined, type Operation } from "../operation.ts";
import { clockRepair, clockStatus } from "../schemas.ts";

const repairSchema = z.strictObject({ withoutAbsent: z.boolean("neither true nor false").optional() });

export const clock: Operation = {
  methods: ["GET", "HEAD"],
  url: "/clock",
  scope: "read",
  description: {
    id: "clock",
    summary: "The servers' clocks.",
    answers: { 200: { what: "as this server sees them", schema: clockStatus } },
    errors: [],
  },
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.clock() };
  },
};

export const repairClock: Operation = {
  methods: ["POST"],
  url: "/clock/repair",
  scope: "admin",
  description: {
    id: "repairClock",
    summary: "Has all servers date new files right after a clock ran ahead.",
    body: { kind: "json", schema: repairSchema, optional: true },
    answers: { 200: { what: "what was done", schema: clockRepair } },
    errors: ["clock-repair-refused", "clock-wrong"],
  },
  async run({ face, hasBody, json }) {
    const options = hasBody() ? check(repairSchema, await json()) : {};
    return { kind: "json", status: 200, value: await face.repairClock(defined(options)) };
  },
};
