/**
 * Who copies a file first. All servers hear in the same moment that a file is new, or has lost a copy, and would begin before
 * any could hear that others have. So they take turns in their order for the file, by what the policy prefers and then by
 * rendezvous: as many as it wants for begin at once, each one after them a little later, when it may have heard that it is not needed any more.
 */
import type { ServerId, VersionId } from "../../core/ids.ts";
import { comesBefore, type Weights } from "../../core/policy/weights.ts";
import type { Clock } from "../../ports/clock.ts";

/**
 * From one server's turn to the next's. Servers notice within 250 ms of each other that one has become absent, and it takes a
 * heartbeat, 500 ms, until all are told what is being copied.
 */
export const TURN_MS = 800;
/** What has changed so long ago has had everybody's turn. */
const LAST_TURN_MS = 60_000;
/** Among more files than these that change there is no crowd at one. */
const HEARD_MAX = 10_000;

interface Change {
  readonly at: number;
  /** Who have begun to copy it since it changed, and given up: their turn is over. */
  readonly gaveUp: readonly ServerId[];
}

export class Turns {
  readonly #clock: Clock;
  readonly #self: ServerId;
  /** When files last changed, or their copies did; the longest ago first. */
  readonly #changes = new Map<VersionId, Change>();
  /** What others were last heard to be copying. */
  readonly #pulls = new Map<ServerId, readonly VersionId[]>();

  constructor(clock: Clock, self: ServerId) {
    this.#clock = clock;
    this.#self = self;
  }

  /** These have changed. */
  hear(versions: Iterable<VersionId>): void {
    const now = this.#clock.monotonic();
    for (const [version, { at }] of this.#changes) {
      if (now - at < LAST_TURN_MS) break;
      this.#changes.delete(version);
    }
    for (const version of versions) this.#note(version, { at: now, gaveUp: [] });
  }

  /**
   * This is what another server is copying now. What it was copying, and neither is nor holds, it has given up, and turns are
   * taken anew by the others, who had counted on its copy. Answers whether there is any.
   */
  hearPulls(server: ServerId, pulls: readonly VersionId[], holds: (version: VersionId) => boolean): boolean {
    const before = this.#pulls.get(server) ?? [];
    this.#pulls.set(server, pulls);
    const givenUp = before.filter((version) => !pulls.includes(version) && !holds(version));
    for (const version of givenUp) {
      const gaveUp = [...new Set(this.#changes.get(version)?.gaveUp).add(server)];
      this.#note(version, { at: this.#clock.monotonic(), gaveUp });
    }
    return givenUp.length > 0;
  }

  #note(version: VersionId, change: Change): void {
    this.#changes.delete(version);
    if (this.#changes.size < HEARD_MAX) this.#changes.set(version, change);
  }

  /** How many of these servers come before this one in the order for a file: where it should rather be first (R5). */
  rank(version: VersionId, servers: readonly ServerId[], weights: Weights): number {
    const gaveUp = this.#changes.get(version)?.gaveUp ?? [];
    const before = (server: ServerId) => comesBefore(server, this.#self, version, weights) && !gaveUp.includes(server);
    return servers.filter(before).length;
  }

  /** How many milliseconds it is until the turn of the server of this rank. `surplus` counts announced pulls as copies. */
  waitMs(version: VersionId, rank: number, surplus: number): number {
    const at = this.#changes.get(version)?.at;
    const turns = rank + 1 - Math.max(1, -surplus);
    return at === undefined || turns <= 0 ? 0 : Math.max(0, at + turns * TURN_MS - this.#clock.monotonic());
  }
}
