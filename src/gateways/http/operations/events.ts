/** GET /events: what happens in the swarm, as server-sent events, until the client leaves. */
import { z } from "zod";
import { EVENT_TYPES } from "../../../core/event-types.ts";
import type { SwarmEvent } from "../../../server/face.ts";
import { check, continued, defined, type Operation } from "../operation.ts";
import { swarmEvent } from "../schemas.ts";

const querySchema = z.object({
  types: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(EVENT_TYPES, `none of ${EVENT_TYPES.join(", ")}`)))
    .optional(),
  under: z.string().optional(),
});

export const events: Operation = {
  methods: ["GET"],
  url: "/events",
  scope: "read",
  description: {
    id: "events",
    summary: "What happens in the swarm, as server-sent events.",
    query: querySchema,
    headers: z.object({ "last-event-id": z.string().optional().describe("sent by browsers that connect again") }),
    answers: { 200: { what: "one in each data", mediaType: "text/event-stream", schema: swarmEvent } },
    errors: ["argument-invalid", "path-invalid", "too-many-watchers"],
  },
  async run({ face, query, headers, endless, limits }) {
    const { types, under } = check(querySchema, Object.fromEntries(query));
    const again = headers["last-event-id"] !== undefined;
    const told = face.events({ ...defined({ types, under }), again, signal: endless() });
    const first = await told.next(); // What is refused gets a status.
    const stream: AsyncIterable<SwarmEvent> = first.done ? told : continued(first.value, told);
    return { kind: "events", events: stream, heartbeatMs: limits.eventsHeartbeatMs, stallMs: limits.eventsStallMs };
  },
};
