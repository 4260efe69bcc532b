/** GET /servers: the roster, with how each server is. */
import type { Operation } from "../operation.ts";

export const listServers: Operation = {
  methods: ["GET", "HEAD"],
  url: "/servers",
  scope: "read",
  async run({ face }) {
    return { kind: "json", status: 200, value: { servers: await face.servers() } };
  },
};
