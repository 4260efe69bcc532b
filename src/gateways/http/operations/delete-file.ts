/** DELETE /files/{path}: deletes a file. Its bytes go to the trash of the servers that hold it. */
import { writeConditions } from "../conditions.ts";
import { checkMayChange, defined, filePath, type Operation, requestId } from "../operation.ts";

export const deleteFile: Operation = {
  methods: ["DELETE"],
  url: "/files/-",
  scope: "write",
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    const conditions = writeConditions(call.headers, "DELETE");
    await call.face.remove(path, defined({ only: "file" as const, conditions, requestId: requestId(call) }));
    return { kind: "empty", status: 204 };
  },
};
