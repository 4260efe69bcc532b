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

/** @throws RangeError when a count is negative: the catalog contradicts itself */
export function encodeStats(stats: CatalogStats): Bytes {
  const writer = new ByteWriter(48);
  for (const name of Object.keys(NOTHING) as (keyof CatalogStats)[]) {
    if (stats[name] < 0) throw new RangeError(`the count of ${name} fell to ${stats[name]}`);
    writer.varint(stats[name]);
  }
  return writer.finish();
}
