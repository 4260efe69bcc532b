/** Which files to copy next (section 8, steps 1 and 2): the lowest surplus that can be raised. Pure. */
import type { VersionId } from "../ids.ts";

export interface Wanted {
  readonly version: VersionId;
  /** K - N, from the catalog. */
  readonly surplus: number;
  /** Other servers that have announced to be copying it; they count as copies. */
  readonly announced: number;
  /** Rendezvous weight of this server for it. */
  readonly order: number;
  readonly sizeBytes: number;
  /** An up server holds it, and it did not fail lately. */
  readonly available: boolean;
}

/** The files that can be copied, the one to begin with first. */
export function rankPulls<W extends Wanted>(wanted: readonly W[], freeBytes: number): W[] {
  return wanted.filter((file) => file.available && file.sizeBytes <= freeBytes).sort(compare);
}

function compare(a: Wanted, b: Wanted): number {
  return a.surplus + a.announced - (b.surplus + b.announced) || b.order - a.order;
}
