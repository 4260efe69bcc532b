/** `fsdfs events`: what happens in the swarm, while one looks. */

import { EVENT_TYPES } from "../../core/event-types.ts";
import { option, parseChoice } from "../../options.ts";
import type { SwarmEvent } from "../../server/face.ts";
import { clientCommand } from "../connection.ts";
import { formatSize, shown } from "../output.ts";

export const events = clientCommand({
  name: "events",
  summary: "Shows what happens in the swarm: files, copies, pulls, servers, alarms. Ctrl-C ends it.",
  usage: "[PATH]",
  details: "With PATH only what happens to it, or below it.",
  options: {
    types: option(
      {
        flag: "types",
        placeholder: "TYPES",
        defaultText: "all",
        help: `Which, as in file,copy; of ${EVENT_TYPES.join(", ")}.`,
      },
      (text) => text.split(",").map((type) => parseChoice(type, EVENT_TYPES)),
      undefined,
    ),
  },
  positionals: [0, 1],
  run: async ({ client, values, positionals: [under], context }) => {
    const interrupted = new AbortController();
    context.onInterrupt(() => interrupted.abort());
    const asked = { ...(values.types && { types: values.types }), ...(under === undefined ? {} : { under }) };
    try {
      for await (const event of client.events({ ...asked, signal: interrupted.signal })) {
        context.out.write(`${values.json ? JSON.stringify(event) : describe(event)}\n`);
      }
    } catch (error) {
      if (!interrupted.signal.aborted) throw error;
      return 0;
    }
    context.err.write("fsdfs: the server ended it; it stops.\n");
    return 1;
  },
});

function describe(event: SwarmEvent): string {
  switch (event.type) {
    case "ready":
      return `watching, by server ${event.server}`;
    case "missed":
      return `some changes were not told: ${event.reason}`;
    case "server":
      return `server ${shown(event.name)} ${event.change}  ${shown(event.url)}`;
    case "alarm":
      return `alarm ${event.change}, ${shown(event.name)}: ${shown(event.message)}`;
    case "copy":
      return `copy ${event.change} on ${event.server}  ${shown(event.path ?? event.version)}`;
    case "pull": {
      const all = event.size === null ? "" : ` of ${formatSize(event.size)}`;
      return `pull ${event.change}, ${formatSize(event.received)}${all}  ${shown(event.path ?? event.version)}`;
    }
    case "file":
      if (event.change === "put") return `file put, ${formatSize(event.size)}  ${shown(event.path)}`;
      if (event.change === "moved") return `file moved  ${shown(event.path)} -> ${shown(event.to)}`;
      return `${event.change === "directory" ? "directory made" : "file deleted"}  ${shown(event.path)}`;
  }
}
