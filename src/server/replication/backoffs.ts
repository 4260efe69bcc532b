/** Versions that are not pulled for a while, because the last attempt failed or an operator wanted it so. */
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

export class Backoffs {
  readonly #clock: Clock;
  readonly #roomBytes: () => number;
  readonly #versions = new Map<VersionId, Backoff>();

  /** @param roomBytes what there is at most: who waits for room waits no longer when there is more of it */
  constructor(clock: Clock, roomBytes: () => number = () => 0) {
    this.#clock = clock;
    this.#roomBytes = roomBytes;
  }

  has(version: VersionId): boolean {
    const backoff = this.#versions.get(version);
    if (backoff === undefined || backoff.until <= this.#clock.monotonic()) return false;
    return backoff.roomBytes === ANY_ROOM || this.#roomBytes() <= backoff.roomBytes;
  }

  /** Longer each time, but for sources that were merely busy. */
  failed(version: VersionId, isBusy: boolean): void {
    if (isBusy) this.#set(version, BACKOFF_BUSY_MS, this.#lastMs(version), ANY_ROOM);
    else this.#setLonger(version, ANY_ROOM);
  }

  /** It found no room; longer each time as well, while there is no more. */
  lacksRoom(version: VersionId): void {
    this.#setLonger(version, this.#roomBytes());
  }

  /** Copies may go for it in a while. */
  awaitsRoom(version: VersionId, ms: number): void {
    this.#set(version, ms, BACKOFF_FIRST_MS, this.#roomBytes());
  }

  leaveAlone(version: VersionId, ms: number): void {
    this.#set(version, ms, BACKOFF_FIRST_MS, ANY_ROOM);
  }

  forget(version: VersionId): void {
    this.#versions.delete(version);
  }

  /** Milliseconds until the first one ends. Those that have ended are kept: they tell how long the next is. */
  soonestMs(): number {
    const now = this.#clock.monotonic();
    let soonest = Number.POSITIVE_INFINITY;
    for (const { until } of this.#versions.values()) if (until > now) soonest = Math.min(soonest, until - now);
    return soonest;
  }

  #setLonger(version: VersionId, roomBytes: number): void {
    const ms = Math.min(this.#lastMs(version) * 2, BACKOFF_MAX_MS);
    this.#set(version, ms, ms, roomBytes);
  }

  #lastMs(version: VersionId): number {
    return this.#versions.get(version)?.lastMs ?? BACKOFF_FIRST_MS / 2;
  }

  /** @param ms for how long now */
  #set(version: VersionId, ms: number, lastMs: number, roomBytes: number): void {
    if (this.#versions.size >= BACKOFFS_MAX) this.#versions.clear();
    this.#versions.set(version, { until: this.#clock.monotonic() + ms, lastMs, roomBytes });
  }
}
