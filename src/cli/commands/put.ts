/** `fsdfs put SRC... DEST`: files and directory trees of this machine go into the swarm, as `cp -r` would. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Client, PutSource } from "../../client/client.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import type { PutResult } from "../../server/face.ts";
import { Bulk } from "../bulk.ts";
import { clientCommand } from "../connection.ts";
import { count, writeJson } from "../output.ts";
import { isTargetDirectory, joinRemote, remoteKind } from "../remote.ts";
import { isUrl, putUrl } from "./put-url.ts";

/** Up to here a file is read twice, out of the page cache, so that the server can check what arrives. */
const HASH_AHEAD_BYTES_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

interface Upload {
  readonly kind: "file" | "url" | "directory" | "other" | "unreadable";
  readonly local: string;
  readonly remote: string;
  readonly sizeBytes: number;
  /** Why it is unreadable. */
  readonly error?: unknown;
}

export const put = clientCommand({
  name: "put",
  summary: "Puts files and directories into the swarm, as cp -r would.",
  usage: "SRC... DEST",
  details:
    "SRC is on this machine (- reads standard input) or an http:// or https:// URL, which the server fetches; DEST is in the swarm. What exists at DEST and is a directory, or ends in '/', takes SRC in under its own name.",
  options: {},
  positionals: [2, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const sources = positionals.slice(0, -1);
    const destination = positionals.at(-1) ?? "";
    const bulk = new Bulk(context.err);
    const results: (PutResult & { path: string })[] = [];
    const into = await isTargetDirectory(client, destination, sources.length);
    await bulk.run(
      uploads(client, sources, destination, into),
      (upload) => upload.local,
      async (upload) => {
        if (upload.kind === "unreadable") throw upload.error;
        if (upload.kind === "other")
          bulk.skipped.push(`${upload.local} is neither a file nor a directory (links in a tree are not followed)`);
        else if (upload.kind === "url") results.push(await putUrl(client, upload.local, destination, into, bulk));
        else if (upload.kind === "directory") await client.makeDirectory(upload.remote);
        else results.push({ path: upload.remote, ...(await putFile(client, upload, bulk)) });
      },
    );
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { files: results, errors: bulk.failures });
    else if (results.length > 0) {
      const copies = Math.min(...results.map((result) => result.copies));
      context.out.write(`${bulk.summary("put")}, on ${count(copies, "server")} at least by now\n`);
    }
    return code;
  },
});

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

async function* uploadsOf(client: Client, source: string, destination: string, into: boolean): AsyncGenerator<Upload> {
  if (source === "-") {
    yield { kind: "file", local: "-", remote: joinRemote(destination, ""), sizeBytes: Number.NaN };
    return;
  }
  if (isUrl(source)) {
    yield { kind: "url", local: source, remote: "", sizeBytes: Number.NaN };
    return;
  }
  const found = await stat(source);
  // As for cp: "dir/." means what is in dir.
  if (found.isDirectory() && /(^|\/)\.\.?\/?$/.test(source)) {
    yield* tree(source, destination);
    return;
  }
  const remote = joinRemote(destination, into ? basename(resolve(source)) : "");
  if (!found.isDirectory()) {
    yield { kind: found.isFile() ? "file" : "other", local: source, remote, sizeBytes: found.size };
    return;
  }
  if ((await remoteKind(client, remote)) === "file") throw new FsdfsError("not-a-directory", { path: remote });
  yield* namedTree(source, remote);
}

/** A directory with something in it exists by that; an empty one has to be made. */
async function* namedTree(local: string, remote: string): AsyncGenerator<Upload> {
  let empty = true;
  for await (const upload of tree(local, remote)) {
    empty = false;
    yield upload;
  }
  if (empty) yield { kind: "directory", local, remote, sizeBytes: 0 };
}

/** What is in a directory. Links are left out: they may lead anywhere, and in circles. */
async function* tree(local: string, remote: string): AsyncGenerator<Upload> {
  const entries = await readdir(local, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(local, entry.name);
    try {
      const target = joinRemote(remote, entry.name);
      if (entry.isDirectory()) yield* namedTree(path, target);
      else if (entry.isFile()) yield { kind: "file", local: path, remote: target, sizeBytes: (await stat(path)).size };
      else yield { kind: "other", local: path, remote: target, sizeBytes: 0 };
    } catch (error) {
      yield { kind: "unreadable", local: path, remote: "", sizeBytes: 0, error };
    }
  }
}

async function putFile(client: Client, upload: Upload, bulk: Bulk): Promise<PutResult> {
  const fromInput = upload.local === "-";
  const sha256 = upload.sizeBytes <= HASH_AHEAD_BYTES_MAX ? await sha256Of(upload.local) : undefined;
  let sentBytes = 0;
  const source: PutSource = {
    sizeBytes: fromInput ? undefined : upload.sizeBytes,
    once: fromInput,
    open: () => {
      // A further attempt begins anew, and so does its share of the progress.
      bulk.bytesDone(-sentBytes, upload.local);
      sentBytes = 0;
      return counted(read(upload.local), (sizeBytes) => {
        sentBytes += sizeBytes;
        bulk.bytesDone(sizeBytes, upload.local);
      });
    },
  };
  const result = await client.put(upload.remote, source, sha256 === undefined ? {} : { sha256 });
  bulk.fileDone(upload.local);
  return result;
}

function read(local: string): AsyncIterable<Bytes> {
  return local === "-" ? process.stdin : createReadStream(local, { highWaterMark: CHUNK_BYTES });
}

async function* counted(chunks: AsyncIterable<Bytes>, tell: (sizeBytes: number) => void): AsyncGenerator<Bytes> {
  for await (const chunk of chunks) {
    tell(chunk.length);
    yield chunk;
  }
}

async function sha256Of(local: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of read(local)) hash.update(chunk);
  return hash.digest("hex");
}
