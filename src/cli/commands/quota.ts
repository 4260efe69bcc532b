/** `fsdfs quota [SERVER] [SIZE]`: what the files of a server may take, while it runs. */
import { parseSizeBytes } from "../../options.ts";
import type { ServerInfo } from "../../server/face.ts";
import { UsageError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { formatSize, shown, writeJson } from "../output.ts";
import { DEFAULT_WORD, whichServer } from "../which-server.ts";

export const quota = clientCommand({
  name: "quota",
  summary: "Shows or changes what the files of a server may take.",
  usage: `[SERVER] [SIZE|${DEFAULT_WORD}]`,
  details: `SERVER is an id or a name; without it the server that is asked is meant, and a single argument that is a size is the SIZE. It holds over restarts, until something else is said; ${DEFAULT_WORD} takes it back, and then the server's --quota counts. A server above its quota copies nothing.`,
  options: {},
  positionals: [0, 2],
  run: async ({ client, values, positionals, context }) => {
    const { server: named, size } = readArguments(positionals);
    const server = await whichServer(client, named);
    const bytes = size === DEFAULT_WORD ? null : size === undefined ? undefined : sizeOf(size);
    const now = bytes === undefined ? server : await client.configureServer(server.id, { quota: bytes });
    if (values.json) writeJson(context.out, now);
    else context.out.write(bytes === null ? describeTakenBack(now) : describe(now));
    return 0;
  },
});

function readArguments(positionals: readonly string[]): { server: string | undefined; size: string | undefined } {
  const [first, second] = positionals;
  if (second !== undefined) return { server: first, size: second };
  return first !== undefined && isSize(first) ? { server: undefined, size: first } : { server: first, size: undefined };
}

function isSize(text: string): boolean {
  if (text === DEFAULT_WORD) return true;
  try {
    parseSizeBytes(text);
    return true;
  } catch {
    return false;
  }
}

function sizeOf(text: string): number {
  try {
    return parseSizeBytes(text);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), "See: fsdfs quota --help");
  }
}

/** What it was started with it has yet to tell. */
function describeTakenBack({ name, quota: { used } }: ServerInfo): string {
  return `${shown(name)} may take what it was started with, and takes ${formatSize(used)}\n`;
}

/** What it has, which follows what was said within a second. */
function describe({ name, quota: { total, used }, settings }: ServerInfo): string {
  const said = settings.quota === null ? `${formatSize(total)}, as it was started` : formatSize(settings.quota);
  const over = used - (settings.quota ?? total);
  const more = over > 0 ? `, which is ${formatSize(over)} too much` : "";
  return `${shown(name)} may take ${said}, and takes ${formatSize(used)}${more}\n`;
}
