/** POST /drop/{path}: this server gives up its own copy, once enough others have promised theirs (D1). */
import { filePath, type Operation } from "../operation.ts";

export const drop: Operation = {
  methods: ["POST"],
  url: "/drop/-",
  scope: "admin",
  async run(call) {
    await call.face.drop(filePath(call));
    return { kind: "empty", status: 204 };
  },
};
