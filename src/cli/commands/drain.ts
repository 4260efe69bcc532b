/** `fsdfs drain SERVER`: empties a server, so that it can be taken away, and tells when that is so. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../client/client.ts";
import { flagOption } from "../../options.ts";
import type { DrainInfo, ServerInfo } from "../../server/face.ts";
import { UsageError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { count, formatSize, shown, writeJson } from "../output.ts";
import { whichServer } from "../which-server.ts";

const POLL_MS = 1000;

export const drain = clientCommand({
  name: "drain",
  summary: "Has a server give its copies to the others, and tells when it is safe to unplug it.",
  usage: "SERVER",
  details:
    "SERVER is an id or a name. The others copy its files, and it gives up each of its copies once enough of them have theirs; it takes no new ones meanwhile. Waits and shows how far it is; stop looking whenever you like (Ctrl-C), it goes on, also over restarts.",
  options: {
    cancel: flagOption({ flag: "cancel", help: "It is an ordinary server again, with what it still has." }),
    noWait: flagOption({ flag: "no-wait", help: "Does not wait until it is empty." }),
  },
  positionals: [1, 1],
  run: async ({ client, values, positionals, context }) => {
    const { cancel, noWait, json } = values;
    if (cancel && noWait) throw new UsageError("--no-wait has nothing to do with --cancel.", "See: fsdfs drain --help");
    const { id } = await whichServer(client, positionals[0]);
    const begun = await client.configureServer(id, { draining: !cancel });
    const tell = (text: string) => void (json || context.out.write(`${text}\n`));
    if (cancel) tell(`${shown(begun.name)} is an ordinary server again`);
    else if (noWait) tell(`${shown(begun.name)} is being drained. How far it is: fsdfs servers`);
    const end = cancel || noWait ? begun : await drained(client, id, tell, () => sleep(POLL_MS));
    if (json) writeJson(context.out, end);
    return 0;
  },
});

/** Resolves when the server can be taken away, or is not drained any more; tells what changes until then. */
export async function drained(
  client: Pick<Client, "servers">,
  id: string,
  tell: (text: string) => void,
  rest: () => Promise<unknown>,
): Promise<ServerInfo> {
  let told = "";
  for (;;) {
    const server = await whichServer(client, id);
    const text = server.settings.draining ? describeDrain(server) : `${shown(server.name)} is not drained any more`;
    if (text !== told) tell(text);
    told = text;
    if (server.drain?.safe || !server.settings.draining) return server;
    await rest();
  }
}

/** In one line: what is left, what it waits for, and whether the server can be taken away. */
export function describeDrain({ name, state, drain: left }: Pick<ServerInfo, "name" | "state" | "drain">): string {
  if (left === null) return `${shown(name)} has not told yet${state === "up" ? "" : `: it is ${state}`}`;
  const safe = `safe to unplug: ${left.safe ? "yes" : "no"}`;
  if (left.safe) return `${shown(name)} is empty, ${safe}`;
  return [`${count(left.files, "file")}, ${formatSize(left.bytes)} left on ${shown(name)}`, ...waits(left), safe].join(
    ", ",
  );
}

function waits({ files, waiting }: DrainInfo): string[] {
  const told: [number, string][] = [
    [waiting.room, "for room on the other servers"],
    [waiting.servers, "for more servers"],
    [waiting.copies, `until the others have copied ${waiting.copies === 1 ? "it" : "them"}`],
  ];
  return told
    .filter(([waitingFiles]) => waitingFiles > 0)
    .map(
      ([waitingFiles, what]) =>
        `${count(Math.min(files, waitingFiles), "file")} ${waitingFiles === 1 ? "waits" : "wait"} ${what}`,
    );
}
