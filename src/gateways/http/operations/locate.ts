/** GET /locate/{path} and POST /locate: which servers hold files, the best to ask first (S6). */
import { z } from "zod";
import { FsdfsError } from "../../../errors.ts";
import { check, filePath, type Operation, pathSchema } from "../operation.ts";

export const locate: Operation = {
  methods: ["GET", "HEAD"],
  url: "/locate/-",
  scope: "read",
  async run(call) {
    const path = filePath(call);
    const [value] = await call.face.locate([path]);
    if (value === undefined) throw new FsdfsError("file-not-found", { path });
    return { kind: "json", status: 200, value };
  },
};

const bodySchema = z.strictObject({
  paths: z.array(pathSchema, "not a list of paths").max(1_000, "more than 1,000 paths"),
});

export const locateMany: Operation = {
  methods: ["POST"],
  url: "/locate",
  scope: "read",
  async run({ face, json }) {
    const { paths } = check(bodySchema, await json());
    const files = (await face.locate(paths)).map((file) => file ?? null);
    return { kind: "json", status: 200, value: { files } };
  },
};
