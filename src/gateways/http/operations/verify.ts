/**
 * POST /verify: has every server re-hash its copies of what is at a path or below it. The answer is a line of JSON for each
 * look at how far it is, and the report at the end; hanging up ends it.
 */
import { z } from "zod";
import { RATE_MIN } from "../../../config.ts";
import { check, continued, defined, type Operation, pathSchema } from "../operation.ts";
import { verifyEvent } from "../schemas.ts";

const bodySchema = z.strictObject({
  path: pathSchema.optional().describe("all files unless given"),
  rate: z
    .int("not a whole number")
    .min(RATE_MIN, `below ${RATE_MIN}`)
    .optional()
    .describe("bytes a second, of each server"),
});

export const verify: Operation = {
  methods: ["POST"],
  url: "/verify",
  scope: "admin",
  description: {
    id: "verify",
    summary: "Re-hashes all copies of what is at a path or below it, and repairs what is wrong.",
    body: { kind: "json", schema: bodySchema },
    answers: { 200: { what: "a line of JSON for each", mediaType: "application/x-ndjson", schema: verifyEvent } },
    errors: ["argument-invalid", "path-invalid", "file-not-found", "verify-running"],
  },
  async run({ face, json, outlasting }) {
    const { path = "", ...options } = check(bodySchema, await json());
    const events = face.verify(path, defined(options));
    outlasting();
    const first = await events.next(); // What is refused gets a status.
    return { kind: "lines", status: 200, lines: first.done ? events : continued(first.value, events) };
  },
};
