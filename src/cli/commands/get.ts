/** `fsdfs get SRC... DEST`: files and directories of the swarm come to this machine, as `cp -r` would. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../client/client.ts";
import { parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { checkApart } from "../apart.ts";
import { Bulk, JOBS_OPTION } from "../bulk.ts";
import { LocalError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { Downloads } from "../downloading.ts";
import { JsonList } from "../json-list.ts";
import { located } from "../located.ts";
import { joinRemote, remoteKind, remoteName } from "../remote.ts";
import { copyToOutput } from "./cat.ts";

interface Fetch {
  readonly kind: "file" | "directory" | "failed";
  readonly remote: string;
  readonly local: string;
  /** Why the source could not be looked at. */
  readonly error?: unknown;
}

export const get = clientCommand({
  name: "get",
  summary: "Gets files and directories out of the swarm, as cp -r would.",
  usage: "SRC... [DEST]",
  details:
    "SRC is in the swarm, DEST on this machine: the current directory when there is only one argument, standard output when it is -. Files come from all the servers that hold them. A file appears at DEST once it is whole and its SHA-256 is right; until then it grows beside it, and what was interrupted goes on when it is repeated. What is there already is not fetched again.\n\nExample: fsdfs get /documents copy-of-documents",
  options: { jobs: JOBS_OPTION },
  positionals: [1, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const sources = positionals.length === 1 ? positionals : positionals.slice(0, -1);
    const destination = positionals.length === 1 ? "." : (positionals.at(-1) ?? ".");
    if (destination === "-") return await getToOutput(client, sources);
    checkApart(sources, remoteName);
    const bulk = new Bulk(context.err, values.jobs);
    const downloads = new Downloads(client, bulk);
    const list = values.json ? new JsonList(context.out, "files") : undefined;
    const counting = bulk.count(() => sizesOf(client, sources));
    await bulk.run(
      located(client, fetches(client, sources, destination), ({ kind, remote }) =>
        kind === "file" ? remote : undefined,
      ),
      ({ item }) => item.remote,
      async ({ item: { kind, remote, local, error }, location }) => {
        if (kind === "failed") throw error;
        if (kind === "directory") {
          await mkdir(local, { recursive: true });
          return;
        }
        if (location === null) throw new FsdfsError("file-not-found", { path: remote });
        const { size, sha256, version } = location;
        if (await downloads.fetch(location, local)) list?.add({ path: remote, file: local, size, sha256, version });
      },
    );
    const code = bulk.finish();
    await counting;
    list?.end(bulk.outcome());
    const { movedFiles, presentFiles } = bulk.progress;
    if (list === undefined && movedFiles + presentFiles > 0) {
      context.out.write(`${bulk.summary("got")}${bulk.presentSummary()}\n`);
    }
    return code;
  },
});

async function* fetches(client: Client, sources: readonly string[], destination: string): AsyncGenerator<Fetch> {
  const into = await isLocalDirectory(destination, sources.length);
  for (const source of sources) {
    try {
      yield* fetchesOf(client, source, into ? join(destination, remoteName(source)) : destination);
    } catch (error) {
      yield { kind: "failed", remote: source, local: "", error };
    }
  }
}

async function* fetchesOf(client: Client, source: string, local: string): AsyncGenerator<Fetch> {
  switch (await remoteKind(client, source)) {
    case "missing":
      throw new FsdfsError("file-not-found", { path: source });
    case "file":
      yield { kind: "file", remote: parsePath(source), local };
      break;
    case "directory":
      if ((await stat(local).catch(() => undefined))?.isDirectory() === false)
        throw new LocalError(`${local} is not a directory.`, "Move it away, or choose another place.");
      yield { kind: "directory", remote: source, local };
      for await (const entry of client.listAll(source, { recursive: true })) {
        // A name that a path cannot have must not lead out of DEST.
        const remote = joinRemote(source, entry.name);
        yield { kind: entry.type, remote, local: join(local, entry.name) };
      }
  }
}

async function isLocalDirectory(destination: string, sources: number): Promise<boolean> {
  const found = await stat(destination).catch(() => undefined);
  if (found?.isDirectory()) return true;
  if (sources > 1 || (destination.endsWith("/") && found !== undefined)) {
    throw new LocalError(`${destination} is not a directory.`, "Make it first, or get one file at a time.");
  }
  return destination.endsWith("/");
}

async function* sizesOf(client: Client, sources: readonly string[]): AsyncGenerator<number> {
  for (const source of sources) {
    if ((await remoteKind(client, source)) === "file") yield (await client.head(source)).size;
    else {
      for await (const { type, size } of client.listAll(source, { recursive: true })) if (type === "file") yield size;
    }
  }
}

async function getToOutput(client: Client, sources: readonly string[]): Promise<number> {
  for (const source of sources) await copyToOutput(client, source);
  return 0;
}
