/** GET /servers/{id}/files: what a server holds, a page at a time. */

import { check, defined, type Operation, pageSchema } from "../operation.ts";
import { serverFiles } from "../schemas.ts";

export const listServerFiles: Operation = {
  methods: ["GET", "HEAD"],
  url: "/servers/:id/files",
  scope: "read",
  description: {
    id: "listServerFiles",
    summary: "What a server holds, a page at a time.",
    query: pageSchema,
    answers: { 200: { what: "a page", schema: serverFiles } },
    errors: ["argument-invalid", "server-not-found"],
  },
  async run({ face, params, query }) {
    const page = defined(check(pageSchema, Object.fromEntries(query)));
    return { kind: "json", status: 200, value: await face.serverFiles(params.id ?? "", page) };
  },
};
