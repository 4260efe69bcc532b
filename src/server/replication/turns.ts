/**
 * Who copies a file first. All servers hear in the same moment that a file is new, or has lost a copy, and would begin before
 * any could hear that others have. So they take turns in their order for the file, by what the policy prefers and then by
 * rendezvous: as many as it wants for begin at once, each one after them a little later, when it may have heard that it is not needed any more.
 */
import type { ServerId, VersionId } from "../../core/ids.ts";
import { comesBefore, type Weights } from "../../core/policy/weights.ts";
import type { Clock } from "../../ports/clock.ts";

/** From one server's turn to the next's: as long as from one heartbeat, which tells what is being copied, to the next. */
export const TURN_MS = 500;
/** What has changed so long ago has had everybody's turn. */
const LAST_TURN_MS = 60_000;
/** Among more files than these that change there is no crowd at one. */
const HEARD_MAX = 10_000;

export class Turns {
  readonly #clock: Clock;
  readonly #self: ServerId;
  /** When files last changed, or their copies did; the longest ago first. */
  readonly #changedAt = new Map<VersionId, number>();

  constructor(clock: Clock, self: ServerId) {
    this.#clock = clock;
    this.#self = self;
  }

  /** These have changed. */
  hear(versions: Iterable<VersionId>): void {
    const now = this.#clock.monotonic();
    for (const [version, at] of this.#changedAt) {
      if (now - at < LAST_TURN_MS) break;
      this.#changedAt.delete(version);
    }
    for (const version of versions) {
      this.#changedAt.delete(version);
      if (this.#changedAt.size >= HEARD_MAX) return;
      this.#changedAt.set(version, now);
    }
  }

  /** How many of these servers come before this one in the order for a file: where it should rather be first (R5). */
  rank(version: VersionId, servers: readonly ServerId[], weights: Weights): number {
    let rank = 0;
    for (const server of servers) if (comesBefore(server, this.#self, version, weights)) rank += 1;
    return rank;
  }

  /** How many milliseconds it is until the turn of the server of this rank. `surplus` counts announced pulls as copies. */
  waitMs(version: VersionId, rank: number, surplus: number): number {
    const at = this.#changedAt.get(version);
    const turns = rank + 1 - Math.max(1, -surplus);
    return at === undefined || turns <= 0 ? 0 : Math.max(0, at + turns * TURN_MS - this.#clock.monotonic());
  }
}
