/** GET /health: alive, and whether it would serve. For supervisors and load balancers, so without a key. */
import { FsdfsError } from "../../../errors.ts";
import { renderError } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { health as healthy, unhealthy } from "../schemas.ts";

export const health: Operation = {
  methods: ["GET", "HEAD"],
  url: "/health",
  scope: "none",
  description: {
    id: "health",
    summary: "Whether the server would serve.",
    answers: { 200: { what: "it would", schema: healthy }, 503: { what: "it would not", schema: unhealthy } },
    errors: ["behind", "server-removed"],
  },
  async run({ face }) {
    const value = face.health();
    if (value.status === "ok") return { kind: "json", status: 200, value };
    const { status, name: server } = value;
    const error = status === "removed" ? new FsdfsError("server-removed", { server }) : new FsdfsError(status);
    return { kind: "json", status: error.status, value: { ...value, ...renderError(error) } };
  },
};
