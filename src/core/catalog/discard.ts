/**
 * A catalog that is below another's floor gives way to the swarm's (C7): it may hold what was deleted so long ago that
 * nobody remembers the deletion. Only a catalog that was put back from an old backup comes to that.
 *
 * What this server wrote itself and no other knows is kept: it is newer than the backup. Its disk is as it was, so the
 * rows of its copies and its trash stay; each copy is to be looked at once the swarm's catalog is here.
 */
import { walkLog } from "./batch.ts";
import { CHECKPOINT_KEYS } from "./checkpoints.ts";
import { type Floor, raiseFloors, TAKING_KEY } from "./floors.ts";
import { SEAT_KEY, type Table, tableRange, versionOfKey } from "./keys.ts";
import type { ReadView, WriteView } from "./kv.ts";
import { originName, readOrigins } from "./origins.ts";
import { OwnLog } from "./own.ts";
import { piecesOf, removeAll } from "./pieces.ts";
import { encodeStats, readStats, STATS_KEY } from "./stats.ts";
import { remindTodo } from "./todo.ts";
import { type CatalogContext, CatalogTransaction } from "./transaction.ts";
import type { CatalogRecord, Origin } from "./types.ts";

const SHARED: readonly Table[] = ["entries", "directories", "versions", "log", "origins", "work", "settings"];

export interface Discarding {
  readonly context: CatalogContext;
  /** In which this server writes from now on. */
  readonly origin: Origin;
  /** Floors of others. Those of this catalog are kept as well. */
  readonly floors: readonly Floor[];
  /** Up to which number the others know an origin of this server, named by `originName`. */
  known(origin: string): number;
  /**
   * The server leaves its swarm for another (C11): nothing that it wrote, and no floor, comes along. Called in the
   * transaction.
   */
  leave?(view: WriteView): void;
}

/** What the caller has to find out from others, or decide. */
export type OfOthers = Pick<Discarding, "floors" | "known" | "leave">;

/** Empties the catalog in one transaction, which the caller finishes. */
export function discard(view: WriteView, discarding: Discarding): { transaction: CatalogTransaction; log: OwnLog } {
  const { context, origin, floors } = discarding;
  const leaves = discarding.leave !== undefined;
  const newer = leaves ? [] : newerRecords(view, discarding);
  const ownFloors = leaves
    ? []
    : Array.from(readOrigins(view).values(), (row): Floor => ({ origin: row, floor: row.floor }));
  for (const table of SHARED) removeAll(view, tableRange(table));
  // The seat goes as well (C14): the roster may not be whole for a while.
  for (const key of [...CHECKPOINT_KEYS, SEAT_KEY]) view.remove(key);
  for (const copies of piecesOf(view, tableRange("copies"))) {
    for (const { key } of copies) remindTodo(view, versionOfKey(key));
  }
  view.put(TAKING_KEY, Uint8Array.of(1));
  discarding.leave?.(view);
  view.put(STATS_KEY, encodeStats({ ...readStats(view), files: 0, bytes: 0, deletions: 0 }));

  const transaction = new CatalogTransaction(view, context);
  raiseFloors(transaction, [...ownFloors, ...floors]);
  const log = new OwnLog(transaction, origin);
  for (const { key, stamp, value } of newer) log.write(key, stamp, value);
  return { transaction, log };
}

/** What this server wrote to registers that still say it, and nobody else was told. Holdings are stated anew instead. */
function newerRecords(view: ReadView, { context, known }: Discarding): CatalogRecord[] {
  const origins = readOrigins(view);
  const newer = new Map<string, CatalogRecord>();
  for (const [index, row] of origins) {
    if (row.server !== context.self) continue;
    const after = known(originName(row));
    const { records } = walkLog(view, index, (other) => origins.get(other)!, after, Number.MAX_SAFE_INTEGER);
    for (const record of records) {
      if (record.stamp?.server === context.self) newer.set(JSON.stringify(record.key), record);
    }
  }
  return [...newer.values()];
}
