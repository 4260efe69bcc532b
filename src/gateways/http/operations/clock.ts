/** GET /clock and POST /clock/repair: how the servers' clocks are, and right times again after one ran ahead (C8). */
import { z } from "zod";
import { check, defined, type Operation } from "../operation.ts";

const repairSchema = z.strictObject({ withoutAbsent: z.boolean("neither true nor false").optional() });

export const clock: Operation = {
  methods: ["GET", "HEAD"],
  url: "/clock",
  scope: "read",
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.clock() };
  },
};

export const repairClock: Operation = {
  methods: ["POST"],
  url: "/clock/repair",
  scope: "admin",
  async run({ face, hasBody, json }) {
    const options = hasBody() ? check(repairSchema, await json()) : {};
    return { kind: "json", status: 200, value: await face.repairClock(defined(options)) };
  },
};
