/** Notices that what is waited for does not come: one timer for a whole stream, however many pieces it has. */
import type { Clock } from "../../ports/clock.ts";

export class Stall {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #noticed: () => void;
  /** Undefined: nothing is waited for. */
  #waitsSince: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, patienceMs: number, noticed: () => void) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.#noticed = noticed;
  }

  /** Something is waited for from now on. */
  waits(): void {
    this.#waitsSince = this.#clock.monotonic();
    if (this.#cancel === undefined) this.#wait(this.#patienceMs);
  }

  /** It has come. */
  came(): void {
    this.#waitsSince = undefined;
  }

  end(): void {
    this.#waitsSince = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      if (this.#waitsSince === undefined) return;
      const leftMs = this.#waitsSince + this.#patienceMs - this.#clock.monotonic();
      if (leftMs > 0) this.#wait(leftMs);
      else this.#noticed();
    });
  }
}
