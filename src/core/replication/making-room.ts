/** Which own copies go so that a file can come (section 8, step 3). Pure. */
import type { VersionId } from "../ids.ts";

/**
 * R1: a copy goes only for a file whose surplus is lower by so much at least. Then the surpluses of all files, sorted,
 * strictly improve with each exchange, so that exchanging ends.
 */
export const EXCHANGE_GAIN = 2;
/** R4: by so much only for a file that gains a zone by it, when the copy leaves none: the surpluses stay the same then. */
export const ZONE_EXCHANGE_GAIN = 1;
/** R3: by so much only when the server that hands a copy over for it has room for it and for the wanted file then. */
export const SWAP_GAIN = 1;

export interface OwnCopy {
  readonly version: VersionId;
  readonly surplus: number;
  readonly sizeBytes: number;
}

/**
 * Copies that together free `bytes`: those of the highest surplus, and of them no more than it takes. Undefined when all of
 * them are too few.
 *
 * @param copies in order of falling surplus; read no further than needed
 */
export function chooseDrops(copies: Iterable<OwnCopy>, bytes: number): OwnCopy[] | undefined {
  const chosen: OwnCopy[] = [];
  let freed = 0;
  for (const copy of copies) {
    if (freed >= bytes) break;
    chosen.push(copy);
    freed += copy.sizeBytes;
  }
  if (freed < bytes) return undefined;
  // A large one that came late may do without some of those before it, or without the one before it.
  const needed: OwnCopy[] = [];
  for (const copy of chosen.reverse()) {
    if (freed - copy.sizeBytes >= bytes) freed -= copy.sizeBytes;
    else needed.push(copy);
  }
  return needed;
}

/** A file's N, and min(W, N), below which nothing that fsdfs does by itself takes its copies (P3). */
export interface CopyTarget {
  readonly target: number;
  readonly safe: number;
}

/**
 * D1: so many other holders must promise to keep theirs before a copy may go.
 *
 * @param wantedSurplus of the file that comes instead; undefined when none does
 * @param gain by how much the copy's surplus exceeds that at least
 */
export function promisesWanted(
  { target, safe }: CopyTarget,
  wantedSurplus: number | undefined,
  gain = EXCHANGE_GAIN,
): number {
  const left = wantedSurplus === undefined ? target : target + wantedSurplus + gain - 1;
  return Math.max(1, safe, left);
}

/**
 * The promises that it takes when another server has taken the copy over (R3): as many as it had holders before, so that
 * none is lost by it.
 */
export function promisesAfterHandOver({ safe }: CopyTarget, holdersBefore: number): number {
  return Math.max(1, safe, holdersBefore);
}

export function totalBytes(copies: readonly OwnCopy[]): number {
  return copies.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
}
