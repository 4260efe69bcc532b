/** GET /status: the swarm in a few numbers, and what to do about them. */

import type { Operation } from "../operation.ts";
import { status as swarmStatus } from "../schemas.ts";

export const status: Operation = {
  methods: ["GET", "HEAD"],
  url: "/status",
  scope: "read",
  description: {
    id: "status",
    summary: "The swarm in a few numbers.",
    answers: { 200: { what: "they, and what to do about them", schema: swarmStatus } },
    errors: [],
  },
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.status() };
  },
};
