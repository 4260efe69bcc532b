/** GET /servers/{id}/files: what a server holds, a page at a time. */
import { check, defined, type Operation, pageSchema } from "../operation.ts";

export const listServerFiles: Operation = {
  methods: ["GET", "HEAD"],
  url: "/servers/:id/files",
  scope: "read",
  async run({ face, params, query }) {
    const page = defined(check(pageSchema, Object.fromEntries(query)));
    return { kind: "json", status: 200, value: await face.serverFiles(params.id ?? "", page) };
  },
};
