/** `fsdfs trash ls|restore|empty`: what was deleted or overwritten, having it back, and throwing it away. */
import type { Client } from "../../client/client.ts";
import { isVersionId } from "../../core/ids.ts";
import { parseDirectoryPath } from "../../core/paths.ts";
import { flagOption, option } from "../../options.ts";
import type { EmptiedTrash, Restored, TrashCount, TrashedFile } from "../../server/face.ts";
import { Bulk } from "../bulk.ts";
import { type Command, type Output, UsageError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { JsonList } from "../json-list.ts";
import { count, formatSize, formatTime, shown, table, writeJson } from "../output.ts";
import { StatusLine } from "../status-line.ts";

/** Lines that are aligned together. */
const TABLE_ROWS = 1000;

const ls = clientCommand({
  name: "trash ls",
  summary: "Lists what was deleted or overwritten and can be had back.",
  usage: "[PATH]",
  details:
    "What was at PATH or below it; all of it without one. 'lost': a later write, of which nobody who has it heard in time, took its place, as in a partition. Servers that are not up are not asked.",
  options: {},
  positionals: [0, 1],
  run: async ({ client, values, positionals, context }) => {
    const under = parseDirectoryPath(positionals[0] ?? "");
    const list = values.json ? new JsonList(context.out, "files") : undefined;
    let rows: TrashedFile[] = [];
    const unreached = new Set<string>();
    for await (const page of pagesOf(client, under)) {
      for (const server of page.unreached) unreached.add(server);
      if (list !== undefined) for (const file of page.files) list.add(file);
      else rows.push(...page.files);
      if (rows.length >= TABLE_ROWS) rows = write(context.out, rows);
    }
    if (rows.length > 0) write(context.out, rows);
    list?.end({ unreached: [...unreached] });
    tellUnreached(context.err, [...unreached]);
    return 0;
  },
});

const restore = clientCommand({
  name: "trash restore",
  summary: "Brings back what was deleted or overwritten.",
  usage: "PATH|VERSION",
  details:
    "PATH is what lay there last; with -r all that lay below it last. A VERSION is one of fsdfs trash ls. Nothing that is there is replaced without --overwrite.",
  options: {
    to: option({ flag: "to", placeholder: "PATH", help: "Where to; to its own path unless given." }, String, undefined),
    overwrite: flagOption({ flag: "overwrite", help: "Also over a file, which goes to the trash in its turn." }),
    recursive: flagOption({ flag: "recursive", short: "r", help: "All that lay below PATH." }),
  },
  positionals: [1, 1],
  run: async ({ client, values, positionals, context }) => {
    const [what = ""] = positionals;
    const { to, overwrite, recursive } = values;
    if (recursive && to !== undefined)
      throw new UsageError("--to is for one file.", "Restore the files, then move them.");
    const bulk = new Bulk(context.err);
    const files: Restored[] = [];
    const bringBack = async (wish: Parameters<Client["restore"]>[0]) => {
      files.push(await client.restore({ ...wish, overwrite }));
    };
    if (!recursive) {
      const one = isVersionId(what) ? { version: what } : { path: what };
      await bringBack(to === undefined ? one : { ...one, to });
    } else {
      await bulk.run(
        await lastOnes(client, parseDirectoryPath(what)),
        ({ path }) => path,
        ({ version }) => bringBack({ version }),
      );
    }
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { restored: files, errors: bulk.failures });
    else if (recursive) context.out.write(`${count(files.length, "file")} restored\n`);
    else
      for (const file of files) context.out.write(`/${shown(file.path)} is back, on ${count(file.copies, "server")}\n`);
    return code;
  },
});

const empty = clientCommand({
  name: "trash empty",
  summary: "Throws away what was deleted or overwritten, now.",
  usage: "[PATH]",
  details:
    "What was at PATH or below it; all of it without one. What stays is what a file replaced that has too few copies yet, and the trash of servers that are not up.",
  options: {},
  positionals: [0, 1],
  run: async ({ client, values, positionals, context }) => {
    const line = new StatusLine(context.err);
    const under = parseDirectoryPath(positionals[0] ?? "");
    const emptied = await client.emptyTrash({ under, onProgress: (soFar) => line.show(describe(soFar).trimEnd()) });
    line.clear();
    const { thrownAway, kept, unreached } = emptied;
    if (values.json) writeJson(context.out, { thrownAway, kept, unreached });
    else context.out.write(describe(emptied));
    tellUnreached(context.err, unreached);
    return 0;
  },
});

export const TRASH_COMMANDS: readonly Command[] = [ls, restore, empty];

async function* pagesOf(client: Client, under: string) {
  for (let after: string | null | undefined; after !== null; ) {
    const page = await client.listTrash({ under, ...(after === undefined ? {} : { after }) });
    yield page;
    after = page.next;
  }
}

/** Of each path the version that lay there last. */
async function lastOnes(client: Client, under: string): Promise<readonly TrashedFile[]> {
  const last = new Map<string, TrashedFile>();
  for await (const file of client.listAllTrash({ under })) {
    const known = last.get(file.path);
    if (known === undefined || known.trashed <= file.trashed) last.set(file.path, file);
  }
  return [...last.values()];
}

function write(out: Output, rows: readonly TrashedFile[]): TrashedFile[] {
  out.write(
    table(rows, [
      { title: "SIZE", value: ({ size }) => formatSize(size), right: true },
      { title: "WHEN", value: ({ trashed }) => formatTime(trashed) },
      { title: "WHY", value: ({ reason }) => reason },
      { title: "BY", value: ({ by }) => shown(by ?? "-") },
      { title: "VERSION", value: ({ version }) => version },
      { title: "PATH", value: ({ path }) => `/${shown(path)}` },
    ]),
  );
  return [];
}

function describe({ thrownAway, kept }: EmptiedTrash): string {
  const tell = ({ copies, bytes }: TrashCount) =>
    `${copies === 1 ? "1 copy" : `${copies.toLocaleString("en-US")} copies`}, ${formatSize(bytes)}`;
  const stays = kept.copies === 0 ? "" : `; ${tell(kept)} stay until what replaced them is safe`;
  return `${tell(thrownAway)} thrown away${stays}\n`;
}

function tellUnreached(err: Output, servers: readonly string[]): void {
  if (servers.length > 0) err.write(`Not up, so not asked: ${servers.map(shown).join(", ")}\n`);
}
