/** What is not tried for a while, as the pull of a version, because the last attempt failed or an operator wanted it so. */
import type { VersionId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 5 * 60 * 1000;
/** A source that is too busy is asked again soon. */
export const BACKOFF_BUSY_MS = 300;
const BACKOFFS_MAX = 10_000;
const ANY_ROOM = Number.POSITIVE_INFINITY;

interface Backoff {
  readonly until: number;
  /** What the next one doubles. */
  readonly lastMs: number;
  /** It ends when there is more room than this. */
  readonly roomBytes: number;
}

export class Backoffs<Key extends string = VersionId> {
  readonly #clock: Clock;
  readonly #roomBytes: () => number;
  readonly #kept = new Map<Key, Backoff>();

  /** @param roomBytes what there is at most: who waits for room waits no longer when there is more of it */
  constructor(clock: Clock, roomBytes: () => number = () => 0) {
    this.#clock = clock;
    this.#roomBytes = roomBytes;
  }

  has(key: Key): boolean {
    const backoff = this.#kept.get(key);
    if (backoff === undefined || backoff.until <= this.#clock.monotonic()) return false;
    return backoff.roomBytes === ANY_ROOM || this.#roomBytes() <= backoff.roomBytes;
  }

  /** Longer each time, but for sources that were merely busy. */
  failed(key: Key, isBusy: boolean): void {
    if (isBusy) this.#set(key, BACKOFF_BUSY_MS, this.#lastMs(key), ANY_ROOM);
    else this.#setLonger(key, ANY_ROOM);
  }

  /** It found no room; longer each time as well, while there is no more. */
  lacksRoom(key: Key): void {
    this.#setLonger(key, this.#roomBytes());
  }

  /** Copies may go for it in a while. */
  awaitsRoom(key: Key, ms: number): void {
    this.#set(key, ms, BACKOFF_FIRST_MS, this.#roomBytes());
  }

  leaveAlone(key: Key, ms: number): void {
    this.#set(key, ms, BACKOFF_FIRST_MS, ANY_ROOM);
  }

  forget(key: Key): void {
    this.#kept.delete(key);
  }

  /** Milliseconds until the first one ends. Those that have ended are kept: they tell how long the next is. */
  soonestMs(): number {
    const now = this.#clock.monotonic();
    let soonest = Number.POSITIVE_INFINITY;
    for (const { until } of this.#kept.values()) if (until > now) soonest = Math.min(soonest, until - now);
    return soonest;
  }

  #setLonger(key: Key, roomBytes: number): void {
    const ms = Math.min(this.#lastMs(key) * 2, BACKOFF_MAX_MS);
    this.#set(key, ms, ms, roomBytes);
  }

  #lastMs(key: Key): number {
    return this.#kept.get(key)?.lastMs ?? BACKOFF_FIRST_MS / 2;
  }

  /** @param ms for how long now */
  #set(key: Key, ms: number, lastMs: number, roomBytes: number): void {
    if (this.#kept.size >= BACKOFFS_MAX) this.#kept.clear();
    this.#kept.set(key, { until: this.#clock.monotonic() + ms, lastMs, roomBytes });
  }
}
