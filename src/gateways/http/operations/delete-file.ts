/** DELETE /files/{path}: deletes a file. Its bytes go to the trash of the servers that hold it. */
import { writeConditions } from "../conditions.ts";
import { WRITE_ERRORS, writeConditionHeaders } from "../description.ts";
import { checkMayChange, defined, filePath, type Operation, requestId, requestIdSchema } from "../operation.ts";

export const deleteFile: Operation = {
  methods: ["DELETE"],
  url: "/files/-",
  scope: "write",
  description: {
    id: "deleteFile",
    summary: "Deletes a file.",
    headers: requestIdSchema.extend(writeConditionHeaders.shape),
    answers: { 204: { what: "it is deleted" } },
    errors: ["path-invalid", "argument-invalid", "file-not-found", "is-a-directory", "clock-wrong", ...WRITE_ERRORS],
  },
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    const conditions = writeConditions(call.headers, "DELETE");
    await call.face.remove(path, defined({ only: "file" as const, conditions, requestId: requestId(call) }));
    return { kind: "empty", status: 204 };
  },
};
