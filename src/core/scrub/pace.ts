/** How fast a scrub reads, so that its cycle is spread evenly over its time: files are read one by one, with rests between. */

/** Opening a file costs about as much as reading so many bytes. */
const FILE_COST_BYTES = 64 * 1024;
/** Within a file, at least: one is not held open for days because there are few. */
export const RATE_MIN_BYTES = 1_000_000;
/** A scrub that is late, after a server was off or busy, reads so many times faster than one that is not, at most. */
export const CATCH_UP_FACTOR = 4;

export interface Pace {
  readonly cycleMs: number;
  /** Since the cycle began. */
  readonly elapsedMs: number;
  /** What was read in it, and what there is in all. */
  readonly done: Amount;
  readonly total: Amount;
}

export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** How long until the next file is due, in whole milliseconds. */
export function restMs({ elapsedMs, ...pace }: Pace): number {
  return Math.max(0, Math.ceil(dueMs(pace) - elapsedMs));
}

/** How long after the cycle began the next file is due. */
export function dueMs({ cycleMs, done, total }: Omit<Pace, "elapsedMs">): number {
  const all = Math.max(costOf(total), costOf(done));
  return all === 0 ? 0 : cycleMs * (costOf(done) / all);
}

/** What a file of so many bytes may be read by. */
export function rateBytesPerS({ cycleMs, total }: Pick<Pace, "cycleMs" | "total">): number {
  return Math.max(RATE_MIN_BYTES, (CATCH_UP_FACTOR * costOf(total) * 1000) / cycleMs);
}

/** In bytes. */
export function costOf({ files, bytes }: Amount): number {
  return bytes + files * FILE_COST_BYTES;
}
