/** GET /status: the swarm in a few numbers, and what to do about them. */
import type { Operation } from "../operation.ts";

export const status: Operation = {
  methods: ["GET", "HEAD"],
  url: "/status",
  scope: "read",
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.status() };
  },
};
