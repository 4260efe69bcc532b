/** DELETE /files/{path}: deletes a file. Its bytes go to the trash of the servers that hold it. */
import { z } from "zod";
import { writeConditions } from "../conditions.ts";
import { WRITE_ERRORS, writeConditionHeaders } from "../description.ts";
import { check, checkMayChange, defined, filePath, type Operation, requestId, requestIdSchema } from "../operation.ts";

const querySchema = z.object({
  forever: z
    .enum(["true", "false"], "neither true nor false")
    .optional()
    .describe("it is to lie in no server's trash, also where it is heard of later"),
});

export const deleteFile: Operation = {
  methods: ["DELETE"],
  url: "/files/-",
  scope: "write",
  description: {
    id: "deleteFile",
    summary: "Deletes a file.",
    query: querySchema,
    headers: requestIdSchema.extend(writeConditionHeaders.shape),
    answers: { 204: { what: "it is deleted" } },
    errors: ["path-invalid", "argument-invalid", "file-not-found", "is-a-directory", "clock-wrong", ...WRITE_ERRORS],
  },
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    const conditions = writeConditions(call.headers, "DELETE");
    const { forever } = defined(check(querySchema, Object.fromEntries(call.query)));
    const { by } = call.principal;
    const options = { only: "file" as const, conditions, requestId: requestId(call), by };
    await call.face.remove(path, defined({ ...options, forever: forever === "true" ? true : undefined }));
    return { kind: "empty", status: 204 };
  },
};
