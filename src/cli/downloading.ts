/**
 * One file of the swarm on its way to this machine. It grows beside its place under another name, which tells its version,
 * so that nobody takes a part for the whole and a later attempt goes on where this one ended. It takes its place when it
 * is whole and its SHA-256 is right.
 */
import { createHash, type Hash } from "node:crypto";
import { constants, type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Client } from "../client/client.ts";
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";
import type { Location } from "../server/face.ts";
import type { Bulk } from "./bulk.ts";
import { LocalError } from "./command.ts";
import { hasContent, PART_SUFFIX } from "./local-files.ts";

/** Leaves room for digest, version and suffix in the 255 bytes of a name. */
const NAME_BYTES_MAX = 200;
/** A file that is overwritten while it is read is begun anew, so often. */
const ATTEMPTS_MAX = 5;
/** Directories whose left-over parts are remembered. */
const DIRECTORIES_MAX = 256;

/** How far a download is. */
interface Appending {
  readonly location: Location;
  readonly kept: number;
  readonly hash: Hash;
  readonly counted: { movedBytes: number };
}

export class Downloads {
  readonly #client: Client;
  readonly #bulk: Bulk;
  readonly #parts = new Map<string, Promise<string[]>>();

  constructor(client: Client, bulk: Bulk) {
    this.#client = client;
    this.#bulk = bulk;
  }

  /** False when just this content is at `local` already. */
  async fetch(found: Location, local: string): Promise<boolean> {
    if (await hasContent(local, found.size, found.sha256)) {
      this.#bulk.filePresent(found.size, found.path);
      return false;
    }
    const there = await stat(local).catch(() => undefined);
    if (there?.isDirectory())
      throw new LocalError(`${local} is a directory.`, "Move it away, or choose another place.");
    // As /dev/null: a file would take its place.
    if (there !== undefined && !there.isFile())
      throw new LocalError(`${local} is neither a file nor a directory.`, "For standard output there is -.");
    await mkdir(dirname(local), { recursive: true });
    let location = found;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#fetchVersion(location, local);
        this.#bulk.fileDone(location.path);
        return true;
      } catch (error) {
        if (!(error instanceof FsdfsError) || attempt >= ATTEMPTS_MAX) throw error;
        if (error.code !== "precondition-failed" && error.code !== "digest-mismatch") throw error;
        location = await this.#client.locate(found.path);
      }
    }
  }

  async #fetchVersion(location: Location, local: string): Promise<void> {
    const part = partOf(local, location.version);
    await this.#removeStale(local, basename(part));
    const hash = createHash("sha256");
    // From here to its place it is this very file, whatever another process does with its name: what was counted of one
    // must not be missing in another.
    let handle = await open(part, constants.O_RDWR).catch(nothingThere);
    const kept = handle === undefined ? 0 : await hashKept(handle, location.size, hash);
    this.#bulk.bytesPresent(kept, location.path);
    const counted = { movedBytes: 0 };
    try {
      if (kept < location.size || location.size === 0) {
        const body = await this.#rest(location, kept);
        // Not emptied: another process may be at the same part, and then writes the same.
        handle ??= await open(part, constants.O_RDWR | constants.O_CREAT);
        await this.#append(handle, body, { location, kept, hash, counted });
      }
      const actual = hash.digest("hex");
      if (actual !== location.sha256) {
        await rm(part, { force: true });
        throw new FsdfsError("digest-mismatch", { actual });
      }
      if (handle !== undefined) await giveItsPlace(handle, part, local);
    } catch (error) {
      this.#bulk.bytesPresent(-kept, location.path);
      this.#bulk.bytesDone(-counted.movedBytes, location.path);
      throw error;
    } finally {
      await handle?.close();
    }
  }

  async #rest(location: Location, kept: number): Promise<AsyncIterable<Bytes>> {
    const { path, version } = location;
    const range = kept === 0 ? {} : { range: { start: kept } };
    const { body } = await this.#client.get(path, { from: location, version, ...range });
    return body;
  }

  async #append(
    handle: FileHandle,
    body: AsyncIterable<Bytes>,
    { location, kept, hash, counted }: Appending,
  ): Promise<void> {
    let position = kept;
    for await (const chunk of body) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) {
        at += (await handle.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
      }
      position += chunk.length;
      counted.movedBytes += chunk.length;
      this.#bulk.bytesDone(chunk.length, location.path);
    }
    await handle.truncate(location.size); // Of what was there and is none of it.
  }

  /** Parts of other versions of this file will never be whole. */
  async #removeStale(local: string, own: string): Promise<void> {
    const directory = dirname(local);
    const prefix = prefixOf(local);
    for (const name of await this.#partsIn(directory)) {
      const version = name.startsWith(prefix) ? name.slice(prefix.length, -PART_SUFFIX.length) : "";
      if (name !== own && /^[0-9a-f]{14}-[0-9a-f]{12}$/.test(version)) await rm(join(directory, name), { force: true });
    }
  }

  #partsIn(directory: string): Promise<string[]> {
    const known = this.#parts.get(directory);
    if (known !== undefined) return known;
    if (this.#parts.size >= DIRECTORIES_MAX) this.#parts.clear();
    const parts = readdir(directory).then((names) => names.filter((name) => name.endsWith(PART_SUFFIX)));
    this.#parts.set(directory, parts);
    return parts;
  }
}

/** What a name that is cut has lost is told by its digest: others may begin as it does. */
function prefixOf(local: string): string {
  const name = basename(local);
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES_MAX) return `.${name}.`;
  // A character that was cut in two is left out.
  const begin = new TextDecoder().decode(bytes.subarray(0, NAME_BYTES_MAX)).replace(/\uFFFD$/, "");
  return `.${begin}~${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}.`;
}

export function partOf(local: string, version: string): string {
  return join(dirname(local), `${prefixOf(local)}${version}${PART_SUFFIX}`);
}

/** How many bytes of a part are there already, with those hashed. */
async function hashKept(handle: FileHandle, size: number, hash: Hash): Promise<number> {
  const there = await handle.stat();
  if (!there.isFile() || there.size === 0 || there.size > size) return 0;
  let kept = 0;
  // It may be growing under another process.
  for await (const chunk of handle.createReadStream({ start: 0, end: there.size - 1, autoClose: false })) {
    hash.update(chunk);
    kept += chunk.length;
  }
  return kept;
}

/** Another process may have given this same file its place already. @throws LocalError when it is at neither name */
async function giveItsPlace(handle: FileHandle, part: string, local: string): Promise<void> {
  const own = await handle.stat({ bigint: true });
  const isAt = async (name: string) => {
    const found = await stat(name, { bigint: true }).catch(nothingThere);
    return found?.dev === own.dev && found.ino === own.ino;
  };
  if (await isAt(part)) await rename(part, local);
  else if (!(await isAt(local)))
    throw new LocalError(`${part} was taken away while it grew.`, "Does another process get the same? Run this again.");
}

function nothingThere(error: Error & { code?: string }): undefined {
  if (error.code !== "ENOENT") throw error;
}
