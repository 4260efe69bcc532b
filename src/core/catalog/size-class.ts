/**
 * About how large a file is, in the one byte that a row of the work index has: whoever looks for what fits into some room goes past
 * what does not, which on a full disk is nearly all, without reading anything else of it.
 */
import type { Bytes } from "./kv.ts";

/** In rows that are older than this. */
const UNKNOWN = 1;
/** Of an empty file; that of one byte is next. */
const EMPTY = 2;
/** Classes from a size to twice that size. */
const STEPS = 4;

/** @param sizeBytes undefined when nobody can tell */
export function sizeClass(sizeBytes: number | undefined): Bytes {
  if (sizeBytes === undefined) return Uint8Array.of(UNKNOWN);
  if (sizeBytes === 0) return Uint8Array.of(EMPTY);
  let step = Math.floor(STEPS * Math.log2(sizeBytes));
  if (leastOf(step) > sizeBytes) step -= 1; // The logarithm was rounded up.
  return Uint8Array.of(EMPTY + 1 + step);
}

/** The fewest bytes that a file of this class may have. */
export function leastBytes([size = UNKNOWN]: Bytes): number {
  return size <= EMPTY ? 0 : leastOf(size - EMPTY - 1);
}

function leastOf(step: number): number {
  return Math.floor(2 ** (step / STEPS));
}
