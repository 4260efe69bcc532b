/** POST /move: gives a file, or a directory with all that is in it, another path. Copies stay where they are (C2). */
import { z } from "zod";
import { parsePath } from "../../../core/paths.ts";
import { check, checkMayChange, type Operation, pathSchema } from "../operation.ts";

const bodySchema = z.strictObject({ from: pathSchema, to: pathSchema });

export const move: Operation = {
  methods: ["POST"],
  url: "/move",
  scope: "write",
  async run({ face, principal, json }) {
    const body = check(bodySchema, await json());
    const [from, to] = [parsePath(body.from), parsePath(body.to)];
    checkMayChange(principal, from);
    checkMayChange(principal, to);
    await face.move(from, to);
    return { kind: "json", status: 200, value: { from, to } };
  },
};
