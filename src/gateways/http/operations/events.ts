/** GET /events: what happens in the swarm, as server-sent events, until the client leaves. */
import { z } from "zod";
import { EVENT_TYPES, type SwarmEvent } from "../../../server/face.ts";
import { check, continued, defined, type Operation } from "../operation.ts";

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
  async run({ face, query, headers, endless, limits }) {
    const { types, under } = check(querySchema, Object.fromEntries(query));
    const again = headers["last-event-id"] !== undefined;
    const told = face.events({ ...defined({ types, under }), again, signal: endless() });
    const first = await told.next(); // What is refused gets a status.
    const stream: AsyncIterable<SwarmEvent> = first.done ? told : continued(first.value, told);
    return { kind: "events", events: stream, heartbeatMs: limits.eventsHeartbeatMs, stallMs: limits.eventsStallMs };
  },
};
