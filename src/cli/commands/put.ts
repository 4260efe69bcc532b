/** `fsdfs put SRC... DEST`: files and directory trees of this machine go into the swarm, as `cp -r` would. */
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Client } from "../../client/client.ts";
import { FsdfsError } from "../../errors.ts";
import type { Location, PutResult } from "../../server/face.ts";
import { checkApart } from "../apart.ts";
import { Bulk, JOBS_OPTION } from "../bulk.ts";
import { LocalError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { JsonList } from "../json-list.ts";
import { type LocalEntry, walk } from "../local-files.ts";
import { located } from "../located.ts";
import { count } from "../output.ts";
import { isTargetDirectory, joinRemote, remoteKind } from "../remote.ts";
import { uploadFile, uploadInput } from "../uploading.ts";
import { isUrl, nameInUrl, putUrl } from "./put-url.ts";

const PIPED = "What comes out of a pipe is put by: … | fsdfs put - DEST";

/** "input" is standard input, "url" what the server fetches by itself. */
type Upload = LocalEntry | (Omit<LocalEntry, "kind"> & { readonly kind: "input" | "url" });

export const put = clientCommand({
  name: "put",
  summary: "Puts files and directories into the swarm, as cp -r would.",
  usage: "SRC... DEST",
  details:
    "SRC is on this machine (- reads standard input) or an http:// or https:// URL, which the server fetches; DEST is in the swarm. What exists at DEST and is a directory, or ends in '/', takes SRC in under its own name. A file that is there already, with the same size and SHA-256, is not sent again: what was interrupted goes on when it is repeated.\n\nExample: fsdfs put README.md docs /documents/",
  options: { jobs: JOBS_OPTION },
  positionals: [2, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const sources = positionals.slice(0, -1);
    const destination = positionals.at(-1) ?? "";
    checkApart(sources, nameOf);
    const bulk = new Bulk(context.err, values.jobs);
    const into = await isTargetDirectory(client, destination, sources.length);
    const list = values.json ? new JsonList(context.out, "files") : undefined;
    let leastCopies = Number.POSITIVE_INFINITY;
    const counting = bulk.count(() => sizesOf(sources));
    await bulk.run(
      located(client, uploads(client, sources, destination, into), (upload) =>
        upload.kind === "file" ? upload.remote : undefined,
      ),
      ({ item }) => item.local,
      async ({ item, location }) => {
        if (item.kind === "unreadable") throw item.error;
        if (item.kind === "other")
          return bulk.leaveOut(`${item.local} is neither a file nor a directory (links in a tree are not followed)`);
        if (item.kind === "server") return bulk.leaveOut(`${item.local} is the data directory of a server`);
        if (item.kind === "directory") return await client.makeDirectory(item.remote);
        const result = await send(client, item, location, bulk);
        if (result === undefined) return;
        leastCopies = Math.min(leastCopies, result.copies);
        list?.add({ path: item.remote, ...result });
      },
    );
    const code = bulk.finish();
    await counting;
    list?.end(bulk.outcome());
    const { movedFiles, presentFiles } = bulk.progress;
    if (list === undefined && movedFiles + presentFiles > 0) {
      const durable = movedFiles === 0 ? "" : `, on ${count(leastCopies, "server")} at least by now`;
      context.out.write(`${bulk.summary("put")}${durable}${bulk.presentSummary()}\n`);
    }
    return code;
  },
});

/** undefined when it is there already. */
async function send(
  client: Client,
  item: Upload,
  location: Location | null,
  bulk: Bulk,
): Promise<PutResult | undefined> {
  switch (item.kind) {
    case "input":
      return await uploadInput(client, item.remote, bulk);
    case "url":
      return await putUrl(client, item.local, item.remote, bulk);
    default:
      return await uploadFile(client, item, location, bulk);
  }
}

async function* uploads(
  client: Client,
  sources: readonly string[],
  destination: string,
  into: boolean,
): AsyncGenerator<Upload> {
  for (const source of sources) {
    try {
      yield* uploadsOf(client, source, destination, into);
    } catch (error) {
      yield { kind: "unreadable", local: source, remote: "", sizeBytes: 0, error };
    }
  }
}

/** What a source is called in a directory that takes it in; undefined when it has no name there. */
function nameOf(source: string): string | undefined {
  if (source === "-" || isForItsContents(source)) return undefined;
  return isUrl(source) ? nameInUrl(source) : basename(resolve(source));
}

/** As for cp: "dir/." means what is in dir. */
function isForItsContents(source: string): boolean {
  return /(^|\/)\.\.?\/?$/.test(source);
}

async function* uploadsOf(client: Client, source: string, destination: string, into: boolean): AsyncGenerator<Upload> {
  if (source === "-") {
    yield { kind: "input", local: "-", remote: joinRemote(destination, ""), sizeBytes: 0 };
    return;
  }
  if (isUrl(source)) {
    yield { kind: "url", local: source, remote: joinRemote(destination, into ? nameInUrl(source) : ""), sizeBytes: 0 };
    return;
  }
  const found = await stat(source);
  if (found.isDirectory() && isForItsContents(source)) {
    yield* withoutFilledDirectories(walk(source, destination));
    return;
  }
  const remote = joinRemote(destination, into ? basename(resolve(source)) : "");
  if (found.isFile()) {
    yield { kind: "file", local: source, remote, sizeBytes: found.size };
    return;
  }
  // In a tree it is left out; this one was named.
  if (!found.isDirectory()) throw new LocalError("It is neither a file nor a directory.", PIPED);
  if ((await remoteKind(client, remote)) === "file") throw new FsdfsError("not-a-directory", { path: remote });
  yield* withoutFilledDirectories(tree(source, remote));
}

async function* tree(local: string, remote: string): AsyncGenerator<LocalEntry> {
  yield { kind: "directory", local, remote, sizeBytes: 0 };
  yield* walk(local, remote);
}

/** A directory with something in it exists by that; only an empty one has to be made. */
async function* withoutFilledDirectories(entries: AsyncIterable<LocalEntry>): AsyncGenerator<LocalEntry> {
  let last: LocalEntry | undefined;
  for await (const entry of entries) {
    if (last !== undefined && !entry.local.startsWith(`${last.local.replace(/\/$/, "")}/`)) yield last;
    last = entry.kind === "directory" ? entry : undefined;
    if (last === undefined) yield entry;
  }
  if (last !== undefined) yield last;
}

async function* sizesOf(sources: readonly string[]): AsyncGenerator<number> {
  for (const source of sources) {
    const found = source === "-" || isUrl(source) ? undefined : await stat(source);
    if (found?.isFile()) yield found.size;
    if (!found?.isDirectory()) continue;
    for await (const { kind, sizeBytes } of walk(source, "counted")) if (kind === "file") yield sizeBytes;
  }
}
