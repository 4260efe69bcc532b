/** Versions that are not pulled for a while, because the last attempt failed or an operator wanted it so. */
import type { VersionId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";

const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 5 * 60 * 1000;
/** A source that is too busy is asked again soon. */
export const BACKOFF_BUSY_MS = 300;
const BACKOFFS_MAX = 10_000;

export class Backoffs {
  readonly #clock: Clock;
  readonly #versions = new Map<VersionId, { until: number; ms: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(version: VersionId): boolean {
    const backoff = this.#versions.get(version);
    return backoff !== undefined && backoff.until > this.#clock.monotonic();
  }

  /** Longer each time, but for sources that were merely busy. */
  failed(version: VersionId, isBusy: boolean): void {
    const last = this.#versions.get(version)?.ms ?? BACKOFF_FIRST_MS / 2;
    const ms = isBusy ? BACKOFF_BUSY_MS : Math.min(last * 2, BACKOFF_MAX_MS);
    if (this.#versions.size >= BACKOFFS_MAX) this.#versions.clear();
    this.#versions.set(version, { until: this.#clock.monotonic() + ms, ms: isBusy ? last : ms });
  }

  leaveAlone(version: VersionId, ms: number): void {
    this.#versions.set(version, { until: this.#clock.monotonic() + ms, ms: BACKOFF_FIRST_MS });
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
}
