/** POST /move: gives a file, or a directory with all that is in it, another path. Copies stay where they are (C2). */
import { z } from "zod";
import { parsePath } from "../../../core/paths.ts";
import { check, checkMayChange, type Operation, pathSchema } from "../operation.ts";
import { moved } from "../schemas.ts";

const bodySchema = z.strictObject({ from: pathSchema, to: pathSchema });

export const move: Operation = {
  methods: ["POST"],
  url: "/move",
  scope: "write",
  description: {
    id: "move",
    summary: "Gives a file, or a directory with all that is in it, another path.",
    body: { kind: "json", schema: bodySchema },
    answers: { 200: { what: "from where to where", schema: moved } },
    errors: ["path-invalid", "file-not-found", "already-exists", "not-a-directory", "clock-wrong"],
  },
  async run({ face, principal, json, outlasting }) {
    const body = check(bodySchema, await json());
    const [from, to] = [parsePath(body.from), parsePath(body.to)];
    checkMayChange(principal, from);
    checkMayChange(principal, to);
    outlasting(); // A directory of millions of files takes minutes.
    await face.move(from, to);
    return { kind: "json", status: 200, value: { from, to } };
  },
};
