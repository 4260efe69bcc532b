/** Which files to copy next (section 8): the lowest surplus that can be raised. Pure. */
import type { VersionId } from "../ids.ts";

export interface Wanted {
  readonly version: VersionId;
  /** K - N, from the catalog. */
  readonly surplus: number;
  /** Other servers that have announced to be copying it; they count as copies. */
  readonly announced: number;
  /** A copy here would be the first in a zone that it lacks (R4). */
  readonly gainsZone: boolean;
  /** This server's place in the rendezvous order of those that might copy it: they begin with different files. */
  readonly rank: number;
  /** Of files that are alike in all of that. */
  readonly order: number;
  readonly sizeBytes: number;
  /** An up server holds it, and it did not fail lately. */
  readonly available: boolean;
  /** Copies that lie here may have to go for it (R1), and perhaps can. */
  readonly makesRoom: boolean;
}

/** The files that can be copied, the one to begin with first. */
export function rankPulls<W extends Wanted>(wanted: readonly W[], freeBytes: number): W[] {
  return wanted.filter((file) => file.available && (file.makesRoom || file.sizeBytes <= freeBytes)).sort(compare);
}

function compare(a: Wanted, b: Wanted): number {
  return (
    a.surplus + a.announced - (b.surplus + b.announced) ||
    Number(b.gainsZone) - Number(a.gainsZone) ||
    Number(a.makesRoom) - Number(b.makesRoom) ||
    a.rank - b.rank ||
    b.order - a.order
  );
}
