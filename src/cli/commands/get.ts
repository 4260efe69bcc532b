/** `fsdfs get SRC... DEST`: files and directories of the swarm come to this machine, as `cp -r` would. */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "../../client/client.ts";
import { MAYBE_DONE, retrying } from "../../client/retry.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { Bulk } from "../bulk.ts";
import { LocalError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { writeJson } from "../output.ts";
import { joinRemote, remoteKind, remoteName } from "../remote.ts";

interface Fetch {
  readonly kind: "file" | "directory";
  readonly remote: string;
  readonly local: string;
  readonly sha256: string | null;
}

export const get = clientCommand({
  name: "get",
  summary: "Gets files and directories out of the swarm, as cp -r would.",
  usage: "SRC... [DEST]",
  details:
    "SRC is in the swarm, DEST on this machine: the current directory when there is only one argument, standard output when it is -. A file appears at DEST once it is whole and its SHA-256 is right.",
  options: {},
  positionals: [1, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const sources = positionals.length === 1 ? positionals : positionals.slice(0, -1);
    const destination = positionals.length === 1 ? "." : (positionals.at(-1) ?? ".");
    if (destination === "-") return await getToOutput(client, sources);
    const bulk = new Bulk(context.err);
    const got: { path: string; file: string; size: number }[] = [];
    await bulk.run(
      fetches(client, sources, destination),
      (fetch) => fetch.remote,
      async (fetch) => {
        if (fetch.kind === "directory") await mkdir(fetch.local, { recursive: true });
        else got.push({ path: fetch.remote, file: fetch.local, size: await getFile(client, fetch, bulk) });
      },
    );
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { files: got, errors: bulk.failures });
    else if (got.length > 0) context.out.write(`${bulk.summary("got")}\n`);
    return code;
  },
});

async function* fetches(client: Client, sources: readonly string[], destination: string): AsyncGenerator<Fetch> {
  const into = await isLocalDirectory(destination, sources.length);
  for (const source of sources) {
    const local = into ? join(destination, remoteName(source)) : destination;
    switch (await remoteKind(client, source)) {
      case "missing":
        throw new FsdfsError("file-not-found", { path: source });
      case "file":
        yield { kind: "file", remote: parsePath(source), local, sha256: null };
        break;
      case "directory":
        yield { kind: "directory", remote: source, local, sha256: null };
        for await (const entry of client.listAll(source, { recursive: true })) {
          // A name that a path cannot have must not lead out of DEST.
          const remote = joinRemote(source, entry.name);
          yield { kind: entry.type, remote, local: join(local, entry.name), sha256: entry.sha256 };
        }
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

/** Written beside its place under another name, so that nobody takes a part for the whole. */
async function getFile(client: Client, { remote, local }: Fetch, bulk: Bulk): Promise<number> {
  await mkdir(dirname(local), { recursive: true });
  const staged = join(dirname(local), `.${basename(local).slice(0, 100)}.${randomUUID()}.fsdfs-part`);
  let size = 0;
  try {
    await retrying(MAYBE_DONE, async () => {
      bulk.bytesDone(-size, remote);
      size = 0;
      const { body } = await client.get(remote);
      const counted = counting(body, (sizeBytes) => {
        size += sizeBytes;
        bulk.bytesDone(sizeBytes, remote);
      });
      await pipeline(Readable.from(counted, { objectMode: true }), createWriteStream(staged));
    });
    await rename(staged, local);
  } finally {
    await rm(staged, { force: true });
  }
  bulk.fileDone(remote);
  return size;
}

async function getToOutput(client: Client, sources: readonly string[]): Promise<number> {
  for (const source of sources) {
    const { body } = await client.get(source);
    await pipeline(Readable.from(body, { objectMode: true }), process.stdout, { end: false });
  }
  return 0;
}

async function* counting(chunks: AsyncIterable<Bytes>, tell: (sizeBytes: number) => void): AsyncGenerator<Bytes> {
  for await (const chunk of chunks) {
    tell(chunk.length);
    yield chunk;
  }
}
