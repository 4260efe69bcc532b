/** Files and trees of this machine, walked and read without more of them in memory than what is at hand. */
import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { lstat, open, opendir, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { STATE_DIRECTORY_NAME } from "../config.ts";
import type { Bytes } from "../core/catalog/kv.ts";
import { LocalError } from "./command.ts";
import { joinRemote } from "./remote.ts";

const CHUNK_BYTES = 256 * 1024;
/** Entries of a directory that are read ahead. */
const READ_AHEAD = 256;
/** What a file on its way here is called at its end. */
export const PART_SUFFIX = ".fsdfs-part";

export interface LocalEntry {
  /** "other" is neither a file nor a directory; "unreadable" cannot be looked at; "server" is a server's, as below. */
  readonly kind: "file" | "directory" | "other" | "unreadable" | "server";
  readonly local: string;
  readonly remote: string;
  readonly sizeBytes: number;
  /** Why it is unreadable. */
  readonly error?: unknown;
}

/**
 * What is in a directory and below, a directory before what is in it. Links are not followed: they may lead anywhere, and
 * in circles. `sorted` gives the order of a listing of the swarm, for the price of one directory's names in memory.
 */
export async function* walk(local: string, remote: string, { sorted = false } = {}): AsyncGenerator<LocalEntry> {
  let entries: AsyncIterable<Dirent> | Dirent[];
  try {
    entries = sorted ? await sortedEntries(local) : await opendir(local, { bufferSize: READ_AHEAD });
  } catch (error) {
    yield { kind: "unreadable", local, remote, sizeBytes: 0, error };
    return;
  }
  for await (const entry of entries) {
    if (isPart(entry.name)) continue;
    const found = await look(join(local, entry.name), remote, entry);
    yield found;
    if (found.kind === "directory") yield* walk(found.local, found.remote, { sorted });
  }
}

async function look(local: string, parent: string, entry: Dirent): Promise<LocalEntry> {
  try {
    const remote = joinRemote(parent, entry.name);
    if (!entry.isDirectory() && !entry.isFile()) return { kind: "other", local, remote, sizeBytes: 0 };
    const { size } = await lstat(local); // By the name that is shown, it may not be there.
    if (entry.isFile()) return { kind: "file", local, remote, sizeBytes: size };
    return { kind: (await isServers(local)) ? "server" : "directory", local, remote, sizeBytes: 0 };
  } catch (error) {
    return { kind: "unreadable", local, remote: "", sizeBytes: 0, error: explained(error, local) };
  }
}

/**
 * A data directory lies where its server was started, unless that is told otherwise: put into the swarm it would be put into
 * itself, with the password for whoever may read. Of one that is named itself it is what the server keeps there.
 */
async function isServers(directory: string): Promise<boolean> {
  const name = basename(directory) === STATE_DIRECTORY_NAME ? "identity" : `${STATE_DIRECTORY_NAME}/identity`;
  return (await lstat(join(directory, name)).catch(() => undefined)) !== undefined;
}

/** That of a server in which a path of this machine lies, or which it is. */
export async function dataDirectoryAround(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => path);
  for (let at = real; ; at = dirname(at)) {
    if (await isServers(at)) return at;
    if (at === dirname(at)) return undefined;
  }
}

/** Names are compared by their bytes, as the swarm orders them. */
async function sortedEntries(directory: string): Promise<Dirent[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const keys = new Map(entries.map((entry) => [entry, Buffer.from(entry.name)]));
  return entries.sort((a, b) => Buffer.compare(keys.get(a) ?? Buffer.alloc(0), keys.get(b) ?? Buffer.alloc(0)));
}

/** Node shows what is no UTF-8 as U+FFFD, and then does not find it. */
function explained(error: unknown, local: string): unknown {
  const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
  if (!missing || !local.includes("\uFFFD")) return error;
  return new LocalError("Its name is not valid UTF-8.", "Rename it: names in the swarm are UTF-8.", { cause: error });
}

function isPart(name: string): boolean {
  return name.startsWith(".") && name.endsWith(PART_SUFFIX);
}

/** The file's first `sizeBytes` bytes. @throws LocalError when it has fewer, or more, or is written meanwhile */
export async function* readFile(local: string, sizeBytes: number): AsyncGenerator<Bytes> {
  const handle = await open(local, "r");
  const modifiedNs = async () => (await handle.stat({ bigint: true })).mtimeNs;
  try {
    const before = await modifiedNs();
    for (let position = 0; ; ) {
      // One byte more than there should be shows a file that has grown. A chunk of its own each time: what was handed on
      // may still be on its way to the socket.
      const wanted = Math.min(CHUNK_BYTES, sizeBytes - position + 1);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, position);
      position += bytesRead;
      if (position > sizeBytes || (bytesRead === 0 && position < sizeBytes)) throw changed(local);
      // Some of what was read may be of before, and some of after: whoever is sent it must not have all of it then.
      if (position === sizeBytes && (await modifiedNs()) !== before) throw changed(local);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

function changed(local: string): LocalError {
  return new LocalError(
    `${local} changed while it was read.`,
    "Run this again; what is there already is not sent again.",
  );
}

/** Hexadecimal. */
export async function sha256Of(local: string, sizeBytes: number): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readFile(local, sizeBytes)) hash.update(chunk);
  return hash.digest("hex");
}

/** Whether a file of this machine has just this content; it is read only when its size is right. */
export async function hasContent(local: string, size: number, sha256: string): Promise<boolean> {
  const found = await stat(local).catch(() => undefined);
  if (!found?.isFile() || found.size !== size) return false;
  return (await sha256Of(local, size).catch(() => undefined)) === sha256;
}
