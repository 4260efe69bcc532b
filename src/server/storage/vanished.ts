/**
 * Copies whose files have vanished (S8). A few are an operator's doing: their holdings are withdrawn at once, and they
 * are copied anew. Many within a day are more likely a disk or a mount that is away: those become doubtful. They are
 * neither served nor promised, since their files cannot be opened, and still count for the grace period; a file that
 * reappears is as good as before.
 */
import type { CatalogStats } from "../../core/catalog/stats.ts";
import type { VersionId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

/** More than so many, and more than this share of the copies, within a day: not an operator's hand any more. */
const FEW_FILES = 10;
const FEW_SHARE = 0.1;
const DAY_MS = 24 * 3600 * 1000;

export class Vanished {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #stats: () => CatalogStats;
  readonly #log: Log;
  /** When each file of the last day was found gone. */
  readonly #foundGone = new Map<VersionId, number>();
  readonly #doubtful = new Map<VersionId, number>();

  constructor(clock: Clock, graceMs: number, stats: () => CatalogStats, log: Log) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#stats = stats;
    this.#log = log;
  }

  /** A copy's file is not there. Whether its holding is to be withdrawn now; not while it is doubtful. */
  isGone(version: VersionId): boolean {
    const now = this.#clock.monotonic();
    const since = this.#doubtful.get(version);
    if (since !== undefined) return now - since > this.#graceMs;
    for (const [other, at] of this.#foundGone) if (now - at > DAY_MS) this.#foundGone.delete(other);
    this.#foundGone.set(version, now);
    if (this.#foundGone.size <= Math.max(FEW_FILES, this.#stats().copies * FEW_SHARE)) return true;
    if (this.#doubtful.size === 0) {
      this.#log.error("ALARM: many files have vanished from the data directory; is its disk mounted?", {
        vanished: this.#foundGone.size,
      });
    }
    this.#doubtful.set(version, now);
    return false;
  }

  /** A copy's file is there, or its holding has been withdrawn. */
  isSettled(version: VersionId): void {
    this.#doubtful.delete(version);
  }

  /** Copies to be looked at again: they may have reappeared, or be gone for good. */
  doubtful(): VersionId[] {
    return [...this.#doubtful.keys()];
  }
}
