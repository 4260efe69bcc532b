/** PUT /files/{path}: stores the body, or with ?from=URL what lies there, as the file's new version (S1). */
import { z } from "zod";
import type { FilePath } from "../../../core/paths.ts";
import { FsdfsError } from "../../../errors.ts";
import type { PutOptions, PutResult } from "../../../server/face.ts";
import { writeConditions } from "../conditions.ts";
import { type Call, check, checkMayChange, defined, filePath, type Operation, requestId } from "../operation.ts";

const headersSchema = z.object({
  "fsdfs-sha256": z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, "not 64 hexadecimal digits")
    .toLowerCase()
    .optional(),
});

export const putFile: Operation = {
  methods: ["PUT"],
  url: "/files/-",
  scope: "write",
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    const headers = check(headersSchema, call.headers);
    const conditions = writeConditions(call.headers, "PUT");
    const options = defined({ sha256: headers["fsdfs-sha256"], requestId: requestId(call), conditions });
    const from = call.query.get("from");
    const result = from === null ? await putBody(call, path, options) : await putFetched(call, path, from, options);
    return {
      kind: "json",
      status: result.created ? 201 : 200,
      headers: {
        etag: `"${result.version}"`,
        "fsdfs-version": result.version,
        "fsdfs-copies": result.copies,
      },
      value: result,
    };
  },
};

async function putBody(call: Call, path: FilePath, options: PutOptions): Promise<PutResult> {
  return await call.face.put(path, call.body(), { ...options, ...defined({ sizeBytes: call.declaredSize() }) });
}

async function putFetched(call: Call, path: FilePath, from: string, options: PutOptions): Promise<PutResult> {
  if (call.hasBody())
    throw new FsdfsError("argument-invalid", { name: "The body", reason: "with 'from' there is none" });
  const { body, sizeBytes, close } = await call.fetch(from);
  try {
    return await call.face.put(path, body, { ...options, ...defined({ sizeBytes }) });
  } finally {
    close();
  }
}
