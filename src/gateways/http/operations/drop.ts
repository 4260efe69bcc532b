/** POST /drop/{path}: this server gives up its own copy, once enough others have promised theirs (D1). */
import { filePath, type Operation } from "../operation.ts";

export const drop: Operation = {
  methods: ["POST"],
  url: "/drop/-",
  scope: "admin",
  description: {
    id: "drop",
    summary: "Has the asked server give up its own copy.",
    answers: { 204: { what: "it is given up" } },
    errors: ["path-invalid", "file-not-found", "copy-not-here", "is-a-directory", "drop-refused"],
  },
  async run(call) {
    await call.face.drop(filePath(call));
    return { kind: "empty", status: 204 };
  },
};
