/** POST /merge and GET /merge: makes this swarm a part of another, with all its files, and how far that is (C11). */
import { z } from "zod";
import { check, type Operation } from "../operation.ts";

const bodySchema = z.strictObject({
  with: z.string("not a text"),
  dryRun: z.boolean("neither true nor false").optional(),
});

export const merge: Operation = {
  methods: ["POST"],
  url: "/merge",
  scope: "admin",
  async run({ face, json }) {
    const { with: address, dryRun } = check(bodySchema, await json());
    if (dryRun) return { kind: "json", status: 200, value: await face.planMerge(address) };
    return { kind: "json", status: 202, value: await face.merge(address) };
  },
};

export const mergeState: Operation = {
  methods: ["GET", "HEAD"],
  url: "/merge",
  scope: "read",
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.mergeState() };
  },
};
