/** POST /merge and GET /merge: makes this swarm a part of another, with all its files, and how far that is (C11). */
import { z } from "zod";
import { check, type Operation } from "../operation.ts";
import { mergePlan, mergeState as merging } from "../schemas.ts";

const bodySchema = z.strictObject({
  with: z.string("not a text"),
  dryRun: z.boolean("neither true nor false").optional(),
});

export const merge: Operation = {
  methods: ["POST"],
  url: "/merge",
  scope: "admin",
  description: {
    id: "merge",
    summary: "Makes this swarm a part of another, with all its files.",
    body: { kind: "json", schema: bodySchema },
    answers: {
      200: { what: "what would become of the entries here, when it is only asked", schema: mergePlan },
      202: { what: "it has begun", schema: merging },
    },
    errors: ["merge-refused", "clocks-differ", "server-unreachable"],
  },
  async run({ face, json, outlasting }) {
    const { with: address, dryRun } = check(bodySchema, await json());
    outlasting(); // What would become of each entry is asked of the other swarm.
    if (dryRun) return { kind: "json", status: 200, value: await face.planMerge(address) };
    return { kind: "json", status: 202, value: await face.merge(address) };
  },
};

export const mergeState: Operation = {
  methods: ["GET", "HEAD"],
  url: "/merge",
  scope: "read",
  description: {
    id: "mergeState",
    summary: "How far a merge is.",
    answers: { 200: { what: "as the asked server knows it", schema: merging } },
    errors: [],
  },
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.mergeState() };
  },
};
