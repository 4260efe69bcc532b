/** `fsdfs throttle [SERVER]`: how fast a server copies, while it runs. */
import { PULLS_MAX } from "../../config.ts";
import { rate } from "../../config-values.ts";
import { option, parseInteger } from "../../options.ts";
import type { Rate, ServerChanges, ServerInfo } from "../../server/face.ts";
import { clientCommand } from "../connection.ts";
import { formatSize, shown, writeJson } from "../output.ts";
import { DEFAULT_WORD, whichServer } from "../which-server.ts";

export const throttle = clientCommand({
  name: "throttle",
  summary: "Shows or changes how fast a server copies from others, and others from it.",
  usage: "[SERVER]",
  details: `SERVER is an id or a name; without it the server that is asked is meant. What is given holds over restarts, until something else is said; ${DEFAULT_WORD} takes it back, and then the options of its start count. Uploads and readers are never held back.`,
  options: {
    pulls: option(
      { flag: "pulls", placeholder: "COUNT", help: "How many files it copies from others at once." },
      (text) => (text === DEFAULT_WORD ? null : parseInteger(text, 1, PULLS_MAX)),
      undefined,
    ),
    pullRate: option(
      {
        flag: "pull-rate",
        placeholder: "SIZE",
        help: "How much it copies from others in a second, as in 50M, or unlimited.",
      },
      parseRate,
      undefined,
    ),
    serveRate: option(
      {
        flag: "serve-rate",
        placeholder: "SIZE",
        help: "How much others may copy from it in a second, as in 50M, or unlimited.",
      },
      parseRate,
      undefined,
    ),
  },
  positionals: [0, 1],
  run: async ({ client, values, positionals, context }) => {
    const server = await whichServer(client, positionals[0]);
    const { pulls, pullRate, serveRate } = values;
    const changes: ServerChanges = {
      ...(pulls === undefined ? {} : { pulls }),
      ...(pullRate === undefined ? {} : { pullRate }),
      ...(serveRate === undefined ? {} : { serveRate }),
    };
    const now = Object.keys(changes).length === 0 ? server : await client.configureServer(server.id, changes);
    if (values.json) writeJson(context.out, now);
    else context.out.write(describe(now));
    return 0;
  },
});

function parseRate(text: string): Rate | null {
  if (text === DEFAULT_WORD) return null;
  return text === "unlimited" ? text : rate(text);
}

function describe({ name, settings: { pulls, pullRate, serveRate } }: ServerInfo): string {
  const lines = [
    ["server", shown(name)],
    ["pulls at once", pulls === null ? AS_STARTED : String(pulls)],
    ["pull rate", describeRate(pullRate)],
    ["serve rate", describeRate(serveRate)],
  ];
  return lines.map(([title, value]) => `${title?.padEnd(15)}${value}\n`).join("");
}

const AS_STARTED = "as it was started";

function describeRate(said: Rate | null): string {
  if (said === null) return AS_STARTED;
  return said === "unlimited" ? said : `${formatSize(said)}/s`;
}
