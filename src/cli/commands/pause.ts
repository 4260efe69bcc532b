/** `fsdfs pause [SERVER]` and `fsdfs resume [SERVER]`: a server's work of its own. */
import type { Command } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { shown, writeJson } from "../output.ts";
import { whichServer } from "../which-server.ts";

export const PAUSE_COMMANDS: readonly Command[] = [
  pausing("pause", true, "Has a server do no work of its own: no copying, no making room."),
  pausing("resume", false, "Has a paused server go on."),
];

function pausing(name: string, paused: boolean, summary: string): Command {
  return clientCommand({
    name,
    summary,
    usage: "[SERVER]",
    details:
      "SERVER is an id or a name; without it the server that is asked is meant. Uploads, readers and the catalog go on. It holds over restarts: a swarm whose servers are paused does not repair itself.",
    options: {},
    positionals: [0, 1],
    run: async ({ client, values, positionals, context }) => {
      const { id } = await whichServer(client, positionals[0]);
      const server = await client.configureServer(id, { paused });
      if (values.json) writeJson(context.out, server);
      else context.out.write(`${shown(server.name)} ${paused ? "is paused" : "goes on"}\n`);
      return 0;
    },
  });
}
