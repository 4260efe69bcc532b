/** Entering how far another server says to know an origin (C3). */
import type { ChainedAnnouncement } from "../../core/catalog/batch.ts";
import { isBelow } from "../../core/catalog/floors.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { CatalogTransaction } from "../../core/catalog/transaction.ts";
import type { Origin } from "../../core/catalog/types.ts";
import { FsdfsError } from "../../errors.ts";

/** @throws FsdfsError `behind` when this catalog is below the sender's floor: its log lacks what is unknown here (C7) */
export function announce(
  transaction: CatalogTransaction,
  announcement: ChainedAnnouncement,
  own: Origin | undefined,
): void {
  if (own !== undefined && originName(own) === originName(announcement.origin)) return;
  const index = transaction.origins.intern(announcement.origin);
  const row = transaction.origins.at(index);
  const { number, chain, floor } = announcement;
  if (number <= row.contiguous) return;
  if (isBelow(row, floor)) throw new FsdfsError("behind");
  transaction.origins.set(index, { ...row, contiguous: number, seen: Math.max(row.seen, number), chain });
}
