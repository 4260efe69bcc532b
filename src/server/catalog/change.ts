/** What one change of the catalog can do, and what it did. */
import type { ChainedAnnouncement } from "../../core/catalog/batch.ts";
import type { Bytes, ReadView } from "../../core/catalog/kv.ts";
import type { CatalogNote } from "../../core/catalog/notes.ts";
import type { CatalogTransaction } from "../../core/catalog/transaction.ts";
import type { CatalogRecord, Stamp } from "../../core/catalog/types.ts";
import type { HybridTime, VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";

/** The inside of one change. */
export interface Change {
  readonly transaction: CatalogTransaction;
  readonly view: ReadView;
  /** How long ago it was asked for: the store has made others since, or its disk stood still. */
  readonly waitedMs: number;
  /** A time after everything this server has seen (C8). */
  now(): HybridTime;
  /** A name that no other version has, for one that is written at `time`. */
  nameVersion(time: HybridTime): VersionId;
  /** Writes a register of a path with a stamp that exceeds the one it replaces; `at` when its time was taken already. */
  writePath(path: FilePath, field: string, value: Bytes, at?: HybridTime | Stamp): Stamp;
  /** Says again, as a record of this server, what a register of a path says already: so that its number can be waited for. */
  restatePath(path: FilePath, field: string): void;
  writeHolding(version: VersionId, held: boolean): void;
  writeSetting(name: string, value: Bytes): void;
  /** Begins the next epoch of the swarm's clock (C8), for all that is written from the next change on. */
  beginEpoch(value: Bytes): void;
  merge(record: CatalogRecord): boolean;
  announce(announcement: ChainedAnnouncement): void;
  /** The number that the last record of this server has now. */
  readonly number: number;
}

/** What a change did, for those who act on it. */
export interface Changed {
  /** Of these paths, N or holdings are others. */
  readonly versions: ReadonlySet<VersionId>;
  /** Of these variables are others. */
  readonly described: ReadonlySet<VersionId>;
  readonly settings: boolean;
  /** Something was noted that may be a file and a directory (C12). */
  readonly conflicts?: boolean;
  /** This server wrote records of its own. */
  readonly own: boolean;
  /** What changed, in order; only while somebody watches (`Catalog.isWatched`). */
  readonly notes?: readonly CatalogNote[] | undefined;
  /** The catalog was given up for another one: what changed by that is not told. */
  readonly replaced?: true;
}

const NONE: ReadonlySet<VersionId> = new Set();

/** Told when the catalog was given up for another one. */
export const REPLACED = { versions: NONE, described: NONE, settings: true, replaced: true } as const;
