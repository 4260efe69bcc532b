/** DELETE /files/{path}: deletes a file. Its bytes go to the trash of the servers that hold it. */
import { FsdfsError } from "../../../errors.ts";
import { checkMayChange, filePath, type Operation } from "../operation.ts";

export const deleteFile: Operation = {
  methods: ["DELETE"],
  url: "/files/-",
  scope: "write",
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    const info = await call.face.head(path);
    if (info.type === "directory") throw new FsdfsError("is-a-directory", { path });
    await call.face.remove(path);
    return { kind: "empty", status: 204 };
  },
};
