/** PUT /files/{path}: stores the body, or with ?from=URL what lies there, as the file's new version (S1). */
import { z } from "zod";
import type { FilePath } from "../../../core/paths.ts";
import { FsdfsError } from "../../../errors.ts";
import type { PutOptions, PutResult } from "../../../server/face.ts";
import { writeConditions } from "../conditions.ts";
import { FILE_HEADERS, WRITE_ERRORS, writeConditionHeaders } from "../description.ts";
import {
  type Call,
  check,
  checkMayChange,
  defined,
  filePath,
  type Operation,
  requestId,
  requestIdSchema,
} from "../operation.ts";
import { putResult } from "../schemas.ts";

const headersSchema = z.object({
  "fsdfs-sha256": z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, "not 64 hexadecimal digits")
    .toLowerCase()
    .optional(),
});

const { etag, "fsdfs-version": version, "fsdfs-copies": copies } = FILE_HEADERS;
const PUT_HEADERS = { etag, "fsdfs-version": version, "fsdfs-copies": copies };

export const putFile: Operation = {
  methods: ["PUT"],
  url: "/files/-",
  scope: "write",
  description: {
    id: "putFile",
    summary: "Stores the body, or what lies at a URL, as the file's new version.",
    query: z.object({
      from: z.string().optional().describe("a URL that the server is to fetch; the body is empty then"),
    }),
    headers: headersSchema.extend(requestIdSchema.shape).extend(writeConditionHeaders.shape),
    body: { kind: "bytes" },
    answers: {
      200: { what: "a new version of a file", schema: putResult, headers: PUT_HEADERS },
      201: { what: "a new file", schema: putResult, headers: PUT_HEADERS },
    },
    errors: [
      ...(["path-invalid", "argument-invalid", "body-incomplete", "digest-mismatch", "request-timeout"] as const),
      ...(["is-a-directory", "not-a-directory", "no-space", "not-enough-servers", "clock-wrong"] as const),
      ...(["fetch-refused", "fetch-failed", "fetch-timeout", "disk-failed"] as const),
      ...WRITE_ERRORS,
    ],
  },
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
