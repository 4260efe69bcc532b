/**
 * One write transaction on the catalog: rows, indexes and counts change together or not at all (C13). What a register
 * is and how two writes to it meet stands in merge.ts; this is what all rules share while a transaction lasts.
 */
import type { ServerId, VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { entryKey, versionKey } from "./keys.ts";
import type { Bytes, ReadView, WriteView } from "./kv.ts";
import { type OriginIndexes, OriginTable } from "./origins.ts";
import {
  decodeRegisters,
  decodeVersionRow,
  encodeRegisters,
  encodeVersionRow,
  NO_VERSION,
  type Register,
  type VersionRow,
} from "./rows.ts";
import { type CatalogStats, encodeStats, readStats, STATS_KEY } from "./stats.ts";
import { reindex } from "./surplus.ts";
import type { Origin } from "./types.ts";

/** What the rules must know besides the rows. */
export interface CatalogContext {
  readonly self: ServerId;
  /** Whether this server's copies count for K: it belongs to the roster and is not absent (M3). */
  counts(server: ServerId): boolean;
  /** N where no register says otherwise. */
  readonly defaultTarget: number;
}

export class CatalogTransaction {
  readonly view: WriteView;
  readonly context: CatalogContext;
  readonly origins: OriginTable;
  readonly stats: CatalogStats;
  readonly #touched = new Set<VersionId>();
  /** Rows as this transaction read or wrote them last. */
  readonly #versions = new Map<VersionId, VersionRow>();

  /** `indexes` and `names` are those of the origins that are known to be in the store. */
  constructor(view: WriteView, context: CatalogContext, indexes?: OriginIndexes, names?: ReadonlyMap<number, Origin>) {
    this.view = view;
    this.context = context;
    this.origins = new OriginTable(view, indexes, names);
    this.stats = readStats(view);
  }

  registers(path: FilePath): Register[] {
    return readRegisters(this.view, entryKey(path));
  }

  setRegisters(path: FilePath, registers: readonly Register[]): void {
    if (registers.length === 0) this.view.remove(entryKey(path));
    else this.view.put(entryKey(path), encodeRegisters(registers));
  }

  version(version: VersionId): VersionRow {
    const read = this.#versions.get(version);
    if (read !== undefined) return read;
    const row = readVersionRow(this.view, version);
    this.#versions.set(version, row);
    return row;
  }

  setVersion(version: VersionId, row: VersionRow): void {
    this.#versions.set(version, row);
    this.view.put(versionKey(version), encodeVersionRow(row));
    this.touch(version);
  }

  removeVersion(version: VersionId): void {
    this.#versions.set(version, NO_VERSION);
    this.view.remove(versionKey(version));
  }

  /** Marks a version whose place in the work index may have changed. */
  touch(version: VersionId): void {
    this.#touched.add(version);
  }

  /** Versions whose paths or holdings this transaction changed. */
  get touched(): ReadonlySet<VersionId> {
    return this.#touched;
  }

  /** Writes what was kept back till the end: indexes, origins, counts. */
  finish(): void {
    for (const version of this.#touched) reindex(this, version);
    this.origins.flush();
    this.view.put(STATS_KEY, encodeStats(this.stats));
  }
}

export function readRegisters(view: ReadView, key: Bytes): Register[] {
  const row = view.get(key);
  return row === undefined ? [] : decodeRegisters(row);
}

export function readVersionRow(view: ReadView, version: VersionId): VersionRow {
  const row = view.get(versionKey(version));
  return row === undefined ? NO_VERSION : decodeVersionRow(row);
}
