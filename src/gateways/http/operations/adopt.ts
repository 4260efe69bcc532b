/**
 * POST /adopt: files of a directory on this server's machine become the swarm's, without being copied (C9). The answer is
 * a line of JSON for each thing that is to be told, while it goes on; hanging up ends it.
 */
import { z } from "zod";
import { FsdfsError } from "../../../errors.ts";
import { check, continued, defined, type Operation, pathSchema } from "../operation.ts";
import { adoptEvent } from "../schemas.ts";

/** PATH_MAX. */
const DIRECTORY_LENGTH_MAX = 4096;

const bodySchema = z.strictObject({
  directory: z.string("not a text").regex(/^\//, "not an absolute path").max(DIRECTORY_LENGTH_MAX, "too long"),
  to: pathSchema.optional(),
  overwrite: z.boolean("neither true nor false").optional(),
  move: z.boolean("neither true nor false").optional(),
  dryRun: z.boolean("neither true nor false").optional(),
});

export const adopt: Operation = {
  methods: ["POST"],
  url: "/adopt",
  scope: "admin",
  description: {
    id: "adopt",
    summary: "Makes files on the server's machine files of the swarm, without copying them.",
    headers: z.object({ "fsdfs-local": z.string().optional().describe("shows that the caller is on the machine") }),
    body: { kind: "json", schema: bodySchema },
    answers: { 200: { what: "a line of JSON for each", mediaType: "application/x-ndjson", schema: adoptEvent } },
    errors: ["path-invalid", "adopt-refused", "adopt-running", "clock-wrong"],
  },
  async run({ face, isLocal, json, outlasting }) {
    const { directory, ...options } = check(bodySchema, await json());
    if (directory.includes("\0"))
      throw new FsdfsError("argument-invalid", { name: "directory", reason: "it has a NUL" });
    const events = face.adopt(directory, { local: isLocal, ...defined(options) });
    outlasting();
    const first = await events.next(); // What is refused gets a status.
    return { kind: "lines", status: 200, lines: first.done ? events : continued(first.value, events) };
  },
};
