/**
 * What gives one server's writes their times, and its versions their names (C8).
 *
 * T1. Within an epoch a time exceeds all times of that epoch which this server gave or has seen. With a new epoch the
 *     clock follows the wall clock again: times of earlier epochs push it no further.
 * T2. No two versions of this server have the same name, ever. Names therefore rise through all epochs, and are ahead of
 *     the times for as long as the wall clock has not caught up with what was named before a repair.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { hybridTimeOf, nextHybridTime, wallMsOf } from "../hybrid-clock.ts";
import type { HybridTime } from "../ids.ts";
import type { Epochs } from "./epochs.ts";
import type { Bytes } from "./kv.ts";

const NEVER = 0 as HybridTime;
const TIME_BYTES = 7;
/** Clocks that are in use may have been so far apart when an incarnation began: each of two a good minute (C8). */
const INCARNATION_AHEAD_MAX = hybridTimeOf(180_000);

export class StampClock {
  #epoch = 0;
  #time = NEVER;
  #named = NEVER;

  /** Goes on from what `encode` gave, in the last epoch that is known. */
  constructor(stored: Bytes | undefined, epochs: Epochs) {
    if (stored !== undefined) {
      const reader = new ByteReader(stored);
      this.#time = reader.uint(TIME_BYTES) as HybridTime;
      this.#named = reader.done ? this.#time : (reader.uint(TIME_BYTES) as HybridTime);
      this.#epoch = reader.done ? 0 : reader.varint();
    }
    for (const [epoch, began] of epochs) this.observe(epoch, began);
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The last time that was given or seen in this epoch. */
  get time(): HybridTime {
    return this.#time;
  }

  /** The last name that was given, or passed over. */
  get named(): HybridTime {
    return this.#named;
  }

  /** T1. */
  next(wallMs: number): HybridTime {
    this.#time = nextHybridTime(this.#time, wallMs);
    return this.#time;
  }

  /** T2. The name of a version that is written at `time`: the time itself, but for what was named ahead of it. */
  name(time: HybridTime): HybridTime {
    this.#named = Math.max(time, this.#named + 1) as HybridTime;
    return this.#named;
  }

  observe(epoch: number, time: HybridTime): void {
    if (epoch < this.#epoch || (epoch === this.#epoch && time <= this.#time)) return;
    this.#epoch = epoch;
    this.#time = time;
  }

  /**
   * Nothing is named, nor written, up to `incarnation` and `spread` beyond it: a catalog that was put back may have
   * forgotten it. An incarnation that a wrong clock gave moves names only (T1).
   */
  passOver(incarnation: HybridTime, spread: number, wallMs: number): void {
    const wall = hybridTimeOf(wallMs);
    const begun = incarnation <= wall + INCARNATION_AHEAD_MAX ? incarnation : wall;
    this.#named = Math.max(this.#named, incarnation + spread) as HybridTime;
    this.#time = Math.max(this.#time, begun + spread) as HybridTime;
  }

  /** The catalog is empty again. What was named stays named (T2). */
  forget(): void {
    this.#epoch = 0;
    this.#time = NEVER;
  }

  /** By how many milliseconds times are ahead of the wall clock: what is written now will say so. */
  aheadMs(wallMs: number): number {
    return Math.max(0, wallMsOf(this.#time) - wallMs);
  }

  encode(): Bytes {
    const writer = new ByteWriter(2 * TIME_BYTES + 2).uint(this.#time, TIME_BYTES).uint(this.#named, TIME_BYTES);
    return writer.varint(this.#epoch).finish();
  }
}
