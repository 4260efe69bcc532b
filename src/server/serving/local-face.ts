/**
 * The face of a serving process: it answers readers from the catalog and the disk that it shares with the control
 * process. Everything else is the control process's, and so is whatever is not plainly as recorded.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import type { VersionId } from "../../core/ids.ts";
import { type FilePath, parseDirectoryPath, parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { LocalFile, LocalFiles } from "../../ports/local-files.ts";
import {
  type Credential,
  type EntryInfo,
  type Face,
  type Listing,
  type ListOptions,
  type Location,
  NotHere,
  type OpenedFile,
  type OpenOptions,
  type Principal,
} from "../face.ts";
import { authenticate } from "../operations/keys.ts";
import type { Lookups } from "../operations/lookups.ts";
import { head, LOCATE_MAX, list, locate } from "../operations/read.ts";
import type { Snapshots } from "./snapshot.ts";

/** Read in one step: what a disk gives at once, and a client's socket takes at once. */
const SMALL_BYTES = 64 * 1024;
const CHUNK_BYTES = 512 * 1024;
/** Chunks of memory that are kept for the next response. */
const SPARE_MAX = 16;

export class LocalFace implements Face {
  readonly #snapshots: Snapshots;
  readonly #files: LocalFiles;

  constructor(snapshots: Snapshots, files: LocalFiles) {
    this.#snapshots = snapshots;
    this.#files = files;
  }

  async authenticate(credential: Credential, request: { method: string; target: string }): Promise<Principal> {
    try {
      return this.#snapshots.look(({ access }) => authenticate(access, credential, request));
    } catch {
      throw new NotHere(); // Who is refused is to hear it from the one that decides.
    }
  }

  async head(path: string): Promise<EntryInfo> {
    const file = parseDirectoryPath(path);
    return this.#snapshots.look(({ lookups }) => head(lookups, file));
  }

  async list(path: string, options: ListOptions = {}): Promise<Listing> {
    const directory = parseDirectoryPath(path);
    if (options.after !== undefined) parsePath(options.after);
    return this.#snapshots.look(({ lookups }) => list(lookups, directory, options));
  }

  async locate(paths: readonly string[]): Promise<(Location | undefined)[]> {
    if (paths.length > LOCATE_MAX) {
      throw new FsdfsError("argument-invalid", { name: "paths", reason: `at most ${LOCATE_MAX} at once` });
    }
    const files = paths.map(parsePath);
    return this.#snapshots.look(({ lookups }) => locate(lookups, files));
  }

  async open(path: string, options: OpenOptions = {}): Promise<OpenedFile> {
    const name = parsePath(path);
    const { info, copy } = this.#snapshots.look(({ lookups }) => findCopy(lookups, name, options.version));
    const file = this.#files.open(copy.location, copy.inode);
    if (file === undefined || !isAsRecorded(file, copy)) {
      file?.close();
      throw new NotHere();
    }
    return {
      kind: "content",
      info,
      stream: (start, end) => readRange(file, copy, start, end),
      close: async () => file.close(),
    };
  }

  put = elsewhere;
  makeDirectory = elsewhere;
  remove = elsewhere;
  move = elsewhere;
  status = elsewhere;
  servers = elsewhere;
  serverFiles = elsewhere;
  drop = elsewhere;
  clock = elsewhere;
  repairClock = elsewhere;
  createKey = elsewhere;
  listKeys = elsewhere;
  revokeKey = elsewhere;

  adopt(): never {
    throw new NotHere();
  }

  health(): never {
    throw new NotHere();
  }
}

async function elsewhere(): Promise<never> {
  throw new NotHere();
}

/** @throws NotHere when there is no copy in its place; FsdfsError when there is no such file */
function findCopy(
  lookups: Lookups,
  path: FilePath,
  version: VersionId | undefined,
): { readonly info: EntryInfo; readonly copy: CopyRow } {
  // Of a link that leads to no such version the control process tells what is wrong.
  if (version !== undefined && readEntry(lookups.read(), path)?.type !== "file") throw new NotHere();
  const info = head(lookups, path);
  if (version !== undefined && info.version !== version) throw new NotHere();
  if (info.type === "directory") throw new FsdfsError("is-a-directory", { path });
  const copy = readCopy(lookups.read(), info.version!);
  if (copy === undefined) throw new NotHere();
  return { info, copy };
}

/** S5. */
function isAsRecorded(file: LocalFile, copy: CopyRow): boolean {
  const { sizeBytes, modifiedNs } = file.look();
  return sizeBytes === copy.sizeBytes && modifiedNs === copy.modifiedNs;
}

/** Each chunk is of memory that the next is read into. No chunk is handed out that was read after a change (P4, S8). */
async function* readRange(file: LocalFile, copy: CopyRow, start: number, end: number): AsyncGenerator<Bytes> {
  const buffer =
    end - start <= SMALL_BYTES ? new Uint8Array(end - start) : (spare.pop() ?? new Uint8Array(CHUNK_BYTES));
  try {
    for (let position = start; position < end; ) {
      const wanted = Math.min(buffer.length, end - position);
      const chunk = wanted === buffer.length ? buffer : buffer.subarray(0, wanted);
      const count = buffer.length <= SMALL_BYTES ? file.readNow(chunk, position) : await file.read(chunk, position);
      if (count === 0) throw new Error("a copy ended before its size");
      if (!isAsRecorded(file, copy)) throw new Error("a copy changed while it was read");
      position += count;
      yield count === chunk.length ? chunk : chunk.subarray(0, count);
    }
  } finally {
    if (buffer.length === CHUNK_BYTES && spare.length < SPARE_MAX) spare.push(buffer);
    file.close();
  }
}

const spare: Uint8Array[] = [];
