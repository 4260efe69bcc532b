/**
 * One write transaction on the catalog: rows, indexes and counts change together or not at all (C13). What a register
 * is and how two writes to it meet stands in merge.ts; this is what all rules share while a transaction lasts.
 */

import { readable } from "../bytes.ts";
import type { ServerId, VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { entryKey, versionKey } from "./keys.ts";
import type { Bytes, ReadView, WriteView } from "./kv.ts";
import type { CatalogNote } from "./notes.ts";
import { type OriginIndexes, OriginTable } from "./origins.ts";
import {
  decodeRegister,
  decodeRegisters,
  decodeVersionRow,
  encodeRegisters,
  encodeVersionRow,
  NO_VERSION,
  type Register,
  type VersionRow,
} from "./rows.ts";
import { type CatalogStats, encodeStats, isTreeCounted, readStats, STATS_KEY } from "./stats.ts";
import { reindex } from "./surplus.ts";
import { countTree, isLive, noteLive } from "./tree.ts";
import type { Origin } from "./types.ts";

/** What the rules must know besides the rows. */
export interface CatalogContext {
  readonly self: ServerId;
  /** Whether this server's copies count for K: it belongs to the roster and is not absent (M3). */
  counts(server: ServerId): boolean;
  /** N where no register says otherwise. */
  readonly defaultTarget: number;
}

/**
 * Rows are decoded once. Those of versions are written by `finish`, once each however often they change: read them through
 * `version`, not from the view.
 */
export class CatalogTransaction {
  readonly view: WriteView;
  readonly context: CatalogContext;
  readonly origins: OriginTable;
  readonly stats: CatalogStats;
  /** Something was noted that may be a file and a directory (C12). */
  conflicts = false;
  /** What changed, in order; undefined: nobody wants to know. */
  notes: CatalogNote[] | undefined;
  readonly #touched = new Set<VersionId>();
  readonly #described = new Set<VersionId>();
  readonly #registers = new Map<FilePath, readonly Register[]>();
  readonly #doubtful = new Set<FilePath>();
  readonly #versions = new Map<VersionId, VersionRow>();
  readonly #changedVersions = new Set<VersionId>();

  /** `indexes` and `names` are those of the origins that are known to be in the store. */
  constructor(view: WriteView, context: CatalogContext, indexes?: OriginIndexes, names?: ReadonlyMap<number, Origin>) {
    this.view = view;
    this.context = context;
    this.origins = new OriginTable(view, indexes, names);
    this.stats = readStats(view);
    if (!isTreeCounted(view)) countTree(view);
  }

  /** @param heals of a row that cannot be read there are none, as if it were lost: a content that is merged heals it (C5) */
  registers(path: FilePath, heals = false): readonly Register[] {
    const known = this.#registers.get(path);
    if (known !== undefined) return known;
    const row = this.view.get(entryKey(path));
    const read = () => (row === undefined ? [] : decodeRegisters(row));
    const found = heals ? readable(read) : read();
    if (found === undefined) this.doubt(path);
    const registers = found ?? [];
    this.#registers.set(path, registers);
    return registers;
  }

  /** The row of a path is damaged: what is counted by it may not be what it says (tree.ts). */
  doubt(path: FilePath): void {
    this.#doubtful.add(path);
  }

  setRegisters(path: FilePath, registers: readonly Register[]): void {
    const before = this.#doubtful.delete(path) ? undefined : isLive(this.registers(path));
    this.#registers.set(path, registers);
    if (registers.length === 0) this.view.remove(entryKey(path));
    else this.view.put(entryKey(path), encodeRegisters(registers));
    noteLive(this.view, path, before, isLive(registers));
  }

  version(version: VersionId): VersionRow {
    const known = this.#versions.get(version);
    if (known !== undefined) return known;
    const row = readVersionRow(this.view, version);
    this.#versions.set(version, row);
    return row;
  }

  setVersion(version: VersionId, row: VersionRow): void {
    this.#versions.set(version, row);
    this.#changedVersions.add(version);
    this.touch(version);
  }

  /** Marks a version whose place in the work index may have changed. */
  touch(version: VersionId): void {
    this.#touched.add(version);
  }

  /** Notes that something else is said of a version, which has no part in K, N and surplus: a variable. */
  describe(version: VersionId): void {
    this.#described.add(version);
  }

  /** Versions whose paths, N or holdings this transaction changed. */
  get touched(): ReadonlySet<VersionId> {
    return this.#touched;
  }

  /** Versions of which something else is said than before. */
  get described(): ReadonlySet<VersionId> {
    return this.#described;
  }

  /** Writes what was kept back till the end: indexes, origins, counts. */
  finish(): void {
    for (const version of this.#touched) reindex(this, version);
    for (const version of this.#changedVersions) this.#writeVersion(version);
    this.origins.flush();
    this.view.put(STATS_KEY, encodeStats(this.stats));
  }

  #writeVersion(version: VersionId): void {
    const row = this.version(version);
    if (row.paths.length === 0 && row.holdings.length === 0) this.view.remove(versionKey(version));
    else this.view.put(versionKey(version), encodeVersionRow(row));
  }
}

export function readRegisters(view: ReadView, key: Bytes): Register[] {
  const row = view.get(key);
  return row === undefined ? [] : decodeRegisters(row);
}

/** One register of a path: for who needs no other. */
export function readRegister(view: ReadView, key: Bytes, field: string): Register | undefined {
  const row = view.get(key);
  return row === undefined ? undefined : decodeRegister(row, field);
}

export function readVersionRow(view: ReadView, version: VersionId): VersionRow {
  const row = view.get(versionKey(version));
  return row === undefined ? NO_VERSION : decodeVersionRow(row);
}
