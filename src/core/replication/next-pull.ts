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
  /** How much it should rather be here than elsewhere (R5): 1 where that makes no difference. */
  readonly preference: number;
  /** This server's place in the order of those that might copy it: they begin with different files. */
  readonly rank: number;
  /** Of files that are alike in all of that. */
  readonly order: number;
  readonly sizeBytes: number;
  /** Room that there is for it without giving up copies. */
  readonly freeBytes: number;
  /** An up server holds it, and it did not fail lately. */
  readonly available: boolean;
  /** It is other servers' turn to copy it, and this one's only if they do not. */
  readonly isLeft: boolean;
  /** Copies that lie here may have to go for it (R1), and perhaps can. */
  readonly makesRoom: boolean;
}

/** A file that can be copied now, and the free bytes that it must leave for those that are wanted more. */
export type RankedPull<W extends Wanted> = W & { readonly keptBytes: number };

/** The files that can be copied now, the one to begin with first. What is left to others keeps its room until they have it. */
export function rankPulls<W extends Wanted>(wanted: readonly W[]): RankedPull<W>[] {
  const ranked: RankedPull<W>[] = [];
  let keptBytes = 0;
  let left: W[] = [];
  for (const file of wanted.filter(({ available }) => available).sort(compare)) {
    if (left.length > 0 && surplusOf(left[0]!) < surplusOf(file)) {
      for (const { sizeBytes } of left) keptBytes += sizeBytes;
      left = [];
    }
    if (file.isLeft) left.push(file);
    else if (file.makesRoom || file.sizeBytes <= file.freeBytes - keptBytes) ranked.push({ ...file, keptBytes });
  }
  return ranked;
}

function surplusOf({ surplus, announced }: Wanted): number {
  return surplus + announced;
}

function compare(a: Wanted, b: Wanted): number {
  return (
    surplusOf(a) - surplusOf(b) ||
    Number(b.gainsZone) - Number(a.gainsZone) ||
    Number(a.makesRoom) - Number(b.makesRoom) ||
    b.preference - a.preference ||
    a.rank - b.rank ||
    b.order - a.order
  );
}
