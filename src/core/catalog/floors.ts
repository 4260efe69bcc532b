/** Whether one catalog is below another (G2 in collect.ts), and the floors that an empty one takes over. */
import { metaKey, tableRange } from "./keys.ts";
import type { ReadView } from "./kv.ts";
import { originName, readOrigins } from "./origins.ts";
import type { CatalogTransaction } from "./transaction.ts";
import type { Origin } from "./types.ts";

/** Set in a catalog that was discarded, until it has all that the others knew. */
export const TAKING_KEY = metaKey("taking");

/** How far a catalog knows an origin. */
export interface Knowledge {
  readonly contiguous: number;
  readonly floor: number;
}

export interface Floor {
  readonly origin: Origin;
  readonly floor: number;
}

/** Whether a catalog that knows this much of an origin may hold what one with that floor has collected the deletion of. */
export function isBelow({ contiguous, floor }: Knowledge, floorOfOther: number): boolean {
  return floorOfOther > contiguous && floorOfOther > floor;
}

/**
 * Takes over floors, while nothing that others wrote is here: what is below them cannot be here either then. Answers
 * whether it did.
 */
export function adoptFloors(
  transaction: CatalogTransaction,
  own: Origin | undefined,
  floors: readonly Floor[],
): boolean {
  if (!isBlank(transaction.view, own)) return false;
  raiseFloors(transaction, floors);
  return true;
}

export function raiseFloors({ origins }: CatalogTransaction, floors: readonly Floor[]): void {
  for (const { origin, floor } of floors) {
    const index = origins.intern(origin);
    const row = origins.at(index);
    if (floor > row.floor) origins.set(index, { ...row, floor });
  }
}

/** What this server wrote itself is new where the catalog was discarded, and of no path where it never was. */
function isBlank(view: ReadView, own: Origin | undefined): boolean {
  for (const row of readOrigins(view).values()) {
    const isOwn = own !== undefined && originName(row) === originName(own);
    if (!isOwn && row.seen > 0) return false;
  }
  if (view.get(TAKING_KEY) !== undefined) return true;
  for (const table of ["entries", "versions"] as const) {
    for (const _ of view.range({ ...tableRange(table), limit: 1 })) return false;
  }
  return true;
}
