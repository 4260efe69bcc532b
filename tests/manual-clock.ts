import type { Clock } from "../src/ports/clock.ts";

/** A clock for tests: time that passes only when it is told to. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  monotonic(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; ) {
      this.#nowMs++;
      for (const { run } of this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)) run();
      this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
      for (let i = 0; i < 20; i++) await null;
    }
  }
}
