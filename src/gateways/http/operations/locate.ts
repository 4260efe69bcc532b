/** GET /locate/{path} and POST /locate: which servers hold files, the best to ask first (S6). */
import { z } from "zod";
import { utf8 } from "../../../core/bytes.ts";
import { FsdfsError } from "../../../errors.ts";
import { check, filePath, type Operation, pathSchema } from "../operation.ts";
import { location, locations } from "../schemas.ts";

export const locate: Operation = {
  methods: ["GET", "HEAD"],
  url: "/locate/-",
  scope: "read",
  description: {
    id: "locate",
    summary: "Which servers hold a file, the best to ask first.",
    answers: { 200: { what: "where it is", schema: location } },
    errors: ["path-invalid", "file-not-found"],
  },
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
  description: {
    id: "locateMany",
    summary: "The same for up to 1,000 files.",
    body: { kind: "json", schema: bodySchema },
    answers: { 200: { what: "for each path in order; null where there is no file", schema: locations } },
    errors: ["path-invalid"],
  },
  async run({ face, json }) {
    const { paths } = check(bodySchema, await json());
    if (face.asJson !== undefined) {
      const files = await face.asJson.locate(paths);
      return { kind: "json-bytes", status: 200, pieces: [utf8('{"files":['), ...files, utf8("]}")] };
    }
    const files = (await face.locate(paths)).map((file) => file ?? null);
    return { kind: "json", status: 200, value: { files } };
  },
};
