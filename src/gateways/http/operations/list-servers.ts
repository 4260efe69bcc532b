/** GET /servers: the roster, with how each server is. */
import type { ServerInfo } from "../../../server/face.ts";
import type { Operation } from "../operation.ts";
import { servers } from "../schemas.ts";

export const listServers: Operation = {
  methods: ["GET", "HEAD"],
  url: "/servers",
  scope: "read",
  description: {
    id: "listServers",
    summary: "The roster, and how each server is.",
    answers: { 200: { what: "all of them", schema: servers } },
    errors: [],
  },
  async run({ face, principal }) {
    const found = await face.servers();
    // Names of files that were never given to fsdfs are the operator's business.
    const servers = principal.scope === "admin" ? found : found.map(withoutExamples);
    return { kind: "json", status: 200, value: { servers } };
  },
};

function withoutExamples(server: ServerInfo): ServerInfo {
  return server.strangers === null ? server : { ...server, strangers: { ...server.strangers, examples: [] } };
}
