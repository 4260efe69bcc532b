/** `fsdfs ls [PATH]`: what is in a directory of the swarm. */
import type { Client } from "../../client/client.ts";
import { parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { flagOption } from "../../options.ts";
import type { Listing } from "../../server/face.ts";
import { clientCommand } from "../connection.ts";
import { formatSize, formatTime, shown, table, writeJson } from "../output.ts";

type Entry = Listing["entries"][number];

export const ls = clientCommand({
  name: "ls",
  summary: "Lists a directory; directories end in '/'.",
  usage: "[PATH]",
  details: "With -l: copies there are / wanted, size, time of the last change, name.",
  options: {
    long: flagOption({ flag: "long", short: "l", help: "Shows copies, size and time as well." }),
    recursive: flagOption({ flag: "recursive", short: "r", help: "Shows everything below, too." }),
  },
  positionals: [0, 1],
  run: async ({ client, values, positionals, context }) => {
    const entries = await entriesOf(client, positionals[0] ?? "/", values.recursive);
    if (values.json) writeJson(context.out, { entries, next: null });
    else if (values.long) context.out.write(longList(entries));
    else context.out.write(entries.map((entry) => `${nameOf(entry)}\n`).join(""));
    return 0;
  },
});

/** A file lists itself, as with ls. */
async function entriesOf(client: Client, path: string, recursive: boolean): Promise<Entry[]> {
  try {
    const entries: Entry[] = [];
    for await (const entry of client.listAll(path, { recursive })) entries.push(entry);
    return entries;
  } catch (error) {
    if (!(error instanceof FsdfsError) || error.code !== "not-a-directory" || path.endsWith("/")) throw error;
    const { path: _, ...info } = await client.head(path);
    const { target } = await client.locate(path);
    return [{ ...info, target, name: parsePath(path) }];
  }
}

function longList(entries: readonly Entry[]): string {
  return table(entries, [
    {
      title: "COPIES",
      value: (entry) => (entry.type === "directory" ? "-" : `${entry.copies}/${entry.target}`),
      right: true,
    },
    { title: "SIZE", value: (entry) => (entry.type === "directory" ? "-" : formatSize(entry.size)), right: true },
    { title: "MODIFIED", value: (entry) => formatTime(entry.modified) },
    { title: "NAME", value: nameOf },
  ]);
}

function nameOf(entry: Entry): string {
  return shown(entry.type === "directory" ? `${entry.name}/` : entry.name);
}
