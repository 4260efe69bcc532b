/** DELETE /servers/{id}: takes a server out of the swarm for good (C7). */
import { z } from "zod";
import { check, defined, type Operation } from "../operation.ts";
import { removedServer } from "../schemas.ts";

const querySchema = z.object({
  acceptLoss: z
    .enum(["true", "false"], "neither true nor false")
    .optional()
    .describe("also when files would be lost, or have too few copies"),
});

export const removeServer: Operation = {
  methods: ["DELETE"],
  url: "/servers/:id",
  scope: "admin",
  description: {
    id: "removeServer",
    summary: "Takes a server out of the swarm for good.",
    query: querySchema,
    answers: { 200: { what: "it is removed, and what was lost", schema: removedServer } },
    errors: ["argument-invalid", "server-not-found", "server-ambiguous", "remove-refused", "clock-wrong"],
  },
  async run({ face, params, query, outlasting }) {
    const { acceptLoss } = defined(check(querySchema, Object.fromEntries(query)));
    outlasting(); // Of a server with millions of files it takes a while to find out.
    const value = await face.removeServer(params.id ?? "", { acceptLoss: acceptLoss === "true" });
    return { kind: "json", status: 200, value };
  },
};
