/**
 * The face of a serving process: it answers readers from the catalog and the disk that it shares with the control
 * process. Everything else is the control process's, and so is whatever is not plainly as recorded.
 */
import { utf8 } from "../../core/bytes.ts";
import { readCopy } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import type { VersionId } from "../../core/ids.ts";
import { type FilePath, parseDirectoryPath, parsePath } from "../../core/paths.ts";
import type { Lease } from "../../core/swarm/lease.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LocalFile, LocalFiles } from "../../ports/local-files.ts";
import {
  type Credential,
  type EntryInfo,
  type Listing,
  type ListOptions,
  type Location,
  NotHere,
  type OpenedFile,
  type OpenOptions,
  type Principal,
  type ReadyFace,
  type ReadyFile,
} from "../face.ts";
import { authenticate } from "../operations/keys.ts";
import type { Lookups } from "../operations/lookups.ts";
import { head, LIST_DEFAULT, LOCATE_MAX, list, locate } from "../operations/read.ts";
import { ListPage, locateJson } from "../operations/read-json.ts";
import type { ReadCounter } from "./read-counts.ts";
import { isAsRecorded, type Pace, Reading, SMALL_BYTES } from "./reading.ts";
import type { Snapshots } from "./snapshot.ts";

/** Rows of a listing, and files that are located, in one turn of the event loop: two milliseconds, or some. */
const LIST_ROWS_PER_TURN = 250;
const LOCATE_PER_TURN = 100;

/** A file that was asked for at this state of the catalog. */
interface KeptFile {
  readonly info: EntryInfo;
  readonly copy: CopyRow;
  readonly kept: { headers?: unknown };
  readonly pace: Pace;
  bytes?: Bytes;
}

export class LocalFace implements ReadyFace {
  readonly #snapshots: Snapshots;
  readonly #files: LocalFiles;
  readonly #reading: Reading;
  readonly #reads: ReadCounter;
  readonly #nextTurn: () => Promise<void>;

  /** @param nextTurn lets other requests have the event loop */
  constructor(
    snapshots: Snapshots,
    files: LocalFiles,
    clock: Clock,
    reads: ReadCounter,
    nextTurn: () => Promise<void>,
  ) {
    this.#reads = reads;
    this.#nextTurn = nextTurn;
    this.#snapshots = snapshots;
    this.#files = files;
    this.#reading = new Reading(clock);
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
    const files = parsePaths(paths);
    return this.#snapshots.look(({ lookups }) => locate(lookups, files));
  }

  /** What takes several turns is made in pieces, each as fresh as its moment, as each page of a long listing is. */
  readonly asJson = {
    list: async (path: string, options: ListOptions = {}): Promise<readonly Bytes[]> => {
      const directory = parseDirectoryPath(path);
      if (options.after !== undefined) parsePath(options.after);
      const page = new ListPage(directory, options);
      if ((options.limit ?? LIST_DEFAULT) > LIST_ROWS_PER_TURN) await this.#nextTurn();
      while (!this.#snapshots.look(({ lookups }) => page.add(lookups, LIST_ROWS_PER_TURN))) await this.#nextTurn();
      return page.pieces();
    },
    locate: async (paths: readonly string[]): Promise<readonly Bytes[]> => {
      const files = parsePaths(paths);
      const pieces: Bytes[] = [];
      for (let at = 0; at < files.length; at += LOCATE_PER_TURN) {
        if (files.length > LOCATE_PER_TURN) await this.#nextTurn();
        const piece = files.slice(at, at + LOCATE_PER_TURN);
        const texts = this.#snapshots.look(({ lookups }) => locateJson(lookups, piece));
        pieces.push(utf8(`${at === 0 ? "" : ","}${texts.join()}`));
      }
      return pieces;
    },
  };

  async open(path: string, options: OpenOptions = {}): Promise<OpenedFile> {
    const name = parsePath(path);
    const { info, copy } = this.#snapshots.look(({ lookups }) => findCopy(lookups, name, options.version));
    const file = this.#openCopy(copy);
    this.#reads.count(info.version!);
    return {
      kind: "content",
      info,
      stream: (start, end) => this.#reading.range(file, copy, start, end),
      close: async () => file.close(),
    };
  }

  openNow(path: string, secret: string): ReadyFile {
    const lease = this.#snapshots.lease();
    const found = this.#snapshots.kept(lease, `open ${path}`, (fresh) => {
      const kept: KeptFile = { ...findCopy(fresh.lookups, parsePath(path), undefined), kept: {}, pace: {} };
      return kept;
    });
    this.#admit(lease, secret);
    const { info, copy, kept, pace } = found;
    if (copy.sizeBytes <= SMALL_BYTES) {
      const whole = this.#bytesOf(found);
      this.#reads.count(info.version!);
      return { kind: "whole", info, kept, whole };
    }
    const file = this.#openCopy(copy);
    this.#reads.count(info.version!);
    return {
      kind: "stream",
      info,
      stream: (start, end) => this.#reading.range(file, copy, start, end, pace),
      close: async () => file.close(),
    };
  }

  /** Of a small file: what was read before, if the file is still the same. */
  #bytesOf(found: KeptFile): Bytes {
    const { copy } = found;
    if (found.bytes !== undefined && this.#files.isStill(copy.location, copy)) return found.bytes;
    const bytes = this.#files.readWhole(copy.location, copy);
    if (bytes === undefined) throw new NotHere();
    if (found.bytes === undefined && this.#snapshots.mayKeep(bytes.length)) found.bytes = bytes;
    return bytes;
  }

  locateNow(path: string, secret: string): string {
    this.#admit(this.#snapshots.lease(), secret);
    const [found] = this.#snapshots.look(({ lookups }) => locateJson(lookups, [parsePath(path)]));
    if (found === undefined || found === "null") throw new NotHere();
    return found;
  }

  /** Whether a key opens what needs no more than reading. @throws FsdfsError or NotHere when it does not */
  #admit(lease: Lease, secret: string): void {
    this.#snapshots.kept(lease, `key ${secret}`, ({ access }) =>
      authenticate(access, { kind: "key", secret }, NO_REQUEST),
    );
  }

  #openCopy(copy: CopyRow): LocalFile {
    const file = this.#reading.hasFailed(copy) ? undefined : this.#files.open(copy.location, copy.inode);
    if (file !== undefined && isAsRecorded(file, copy)) return file;
    file?.close();
    throw new NotHere();
  }

  put = elsewhere;
  makeDirectory = elsewhere;
  remove = elsewhere;
  move = elsewhere;
  setVariables = elsewhere;
  setManyVariables = elsewhere;
  heat = elsewhere;
  status = elsewhere;
  servers = elsewhere;
  serverFiles = elsewhere;
  drop = elsewhere;
  configureServer = elsewhere;
  configureSwarm = elsewhere;
  removeServer = elsewhere;
  clock = elsewhere;
  repairClock = elsewhere;
  merge = elsewhere;
  planMerge = elsewhere;
  mergeState = elsewhere;
  listTrash = elsewhere;
  restore = elsewhere;
  emptyTrash = elsewhere;
  policy = elsewhere;
  tryPolicy = elsewhere;
  setPolicy = elsewhere;
  resetPolicy = elsewhere;
  policyLog = elsewhere;
  createKey = elsewhere;
  listKeys = elsewhere;
  revokeKey = elsewhere;

  adopt(): never {
    throw new NotHere();
  }

  verify(): never {
    throw new NotHere();
  }

  events(): never {
    throw new NotHere();
  }

  health(): never {
    throw new NotHere();
  }
}

async function elsewhere(): Promise<never> {
  throw new NotHere();
}

function parsePaths(paths: readonly string[]): FilePath[] {
  if (paths.length > LOCATE_MAX) {
    throw new FsdfsError("argument-invalid", { name: "paths", reason: `at most ${LOCATE_MAX} at once` });
  }
  return paths.map(parsePath);
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

const NO_REQUEST = { method: "", target: "" };
