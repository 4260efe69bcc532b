/** How long a machine's port calls take in simulated time. */
import type { PortName } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { World } from "./world.ts";

/** One call in so many takes much longer, as on a busy disk. */
const HICCUP_CHANCE = 0.002;
const HICCUP_MS_MAX = 2_000;

export class Delays {
  /** Times the usual delays: a slow disk. */
  factor = 1;
  /** Without hiccups a call takes no longer than usual: for stories that measure. */
  hiccups = true;
  readonly #world: World;
  readonly #random: SeededRandom;
  #lastWriteMs = 0;

  constructor(world: World, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
  }

  of(port: PortName, method: string): { beforeMs: number; afterMs: number } {
    if (port === "network") return { beforeMs: 0, afterMs: 0 };
    if (port === "catalog" && method === "write") return { beforeMs: this.#inOrder(), afterMs: 0 };
    // A call that hangs for minutes would be taken for rest; a server that stands still is what stops are for.
    const ms = Math.min(this.#duration(method) * this.factor, HICCUP_MS_MAX);
    // Its effect may come early or late in the time it takes.
    return this.#random.chance(0.5) ? { beforeMs: ms, afterMs: 0 } : { beforeMs: 0, afterMs: ms };
  }

  #duration(method: string): number {
    if (this.hiccups && this.#random.chance(HICCUP_CHANCE)) return this.#random.fraction() * HICCUP_MS_MAX;
    const slow = method === "sync" || method === "syncDirectory" || method === "flushed";
    return slow ? 1 + this.#random.fraction() * 19 : 0.1 + this.#random.fraction() * 1.9;
  }

  /** Transactions run in the order they were asked for. */
  #inOrder(): number {
    const now = this.#world.nowMs;
    this.#lastWriteMs = Math.max(this.#lastWriteMs, now + this.#random.fraction() * this.factor);
    return this.#lastWriteMs - now;
  }
}
