/** Counts that status and quota need at once, kept in the transaction that changes what they count. */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { metaKey, tableRange } from "./keys.ts";
import type { Bytes, ReadView } from "./kv.ts";
import { decodeTrashRow } from "./rows.ts";

export interface CatalogStats {
  /** Live files of the swarm and the sum of their sizes. */
  files: number;
  bytes: number;
  /** Copies on this server's disk, staged ones of a commit included. */
  copies: number;
  copyBytes: number;
  trashFiles: number;
  trashBytes: number;
  /** Of those, what was dropped: copies that the swarm has more of, which give way to any other copy. */
  droppedBytes: number;
  /** Tombstones and withdrawals that are not collected yet (C7). */
  deletions: number;
}

export const STATS_KEY: Bytes = metaKey("stats");

export function readStats(view: ReadView): CatalogStats {
  const row = view.get(STATS_KEY);
  if (row === undefined) return { ...NOTHING };
  const reader = new ByteReader(row);
  return {
    files: reader.varint(),
    bytes: reader.varint(),
    copies: reader.varint(),
    copyBytes: reader.varint(),
    trashFiles: reader.varint(),
    trashBytes: reader.varint(),
    deletions: reader.varint(),
    droppedBytes: reader.done ? droppedBytesIn(view) : reader.varint(),
  };
}

/** Behind the counts: this catalog's directories are counted (tree.ts). Earlier versions write none. */
const TREE_COUNTED = 1;

/** Whether what is written of directories holds. Of an empty catalog there is nothing to be written. */
export function isTreeCounted(view: ReadView): boolean {
  const row = view.get(STATS_KEY);
  if (row === undefined) return true;
  const reader = new ByteReader(row);
  for (const _ of Object.keys(NOTHING)) if (!reader.done) reader.varint();
  return !reader.done && reader.varint() === TREE_COUNTED;
}

const NOTHING: CatalogStats = {
  files: 0,
  bytes: 0,
  copies: 0,
  copyBytes: 0,
  trashFiles: 0,
  trashBytes: 0,
  deletions: 0,
  droppedBytes: 0,
};

/** For a catalog that has not counted them yet. */
function droppedBytesIn(view: ReadView): number {
  let bytes = 0;
  for (const { value } of view.range(tableRange("trash"))) {
    const { reason, sizeBytes } = decodeTrashRow(value);
    if (reason === "dropped") bytes += sizeBytes;
  }
  return bytes;
}

/** What these count is told by others, and may be damaged: then they are wrong, and no change must fail by it. */
const OF_SWARM: readonly (keyof CatalogStats)[] = ["files", "bytes", "deletions"];

/** @throws RangeError when a count of this server's disk is negative: the catalog contradicts itself */
export function encodeStats(stats: CatalogStats): Bytes {
  const writer = new ByteWriter(48);
  for (const name of Object.keys(NOTHING) as (keyof CatalogStats)[]) {
    const count = Math.min(OF_SWARM.includes(name) ? Math.max(stats[name], 0) : stats[name], Number.MAX_SAFE_INTEGER);
    if (count < 0) throw new RangeError(`the count of ${name} fell to ${count}`);
    writer.varint(count);
  }
  return writer.varint(TREE_COUNTED).finish();
}
