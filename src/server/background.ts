/**
 * Background work as small units: each is a loop that does a step, tells how long to rest, and can be woken. A step that
 * fails is logged, once while it goes on to fail alike, and tried again later; it never ends the server.
 */
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { Wakeup } from "./timers.ts";

/** What a step says about the next: go on at once, or rest for so many milliseconds unless woken. */
export type NextStep = { readonly restMs: number };

/** After a failed step. */
const FAILURE_REST_MS = 1000;

export class BackgroundUnit {
  readonly name: string;
  readonly #step: (signal: AbortSignal) => Promise<NextStep>;
  readonly #wakeup = new Wakeup();
  #running: Promise<void> | undefined;

  constructor(name: string, step: (signal: AbortSignal) => Promise<NextStep>) {
    this.name = name;
    this.#step = step;
  }

  wake(): void {
    this.#wakeup.wake();
  }

  start(clock: Clock, log: Log, signal: AbortSignal): void {
    this.#running ??= this.#run(clock, log, signal);
  }

  /** Resolves when the loop has ended after the signal. */
  async ended(): Promise<void> {
    await this.#running;
  }

  async #run(clock: Clock, log: Log, signal: AbortSignal): Promise<void> {
    let told: string | undefined;
    while (!signal.aborted) {
      let restMs: number;
      try {
        ({ restMs } = await this.#step(signal));
        told = undefined;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = String(thrown);
        if (error !== told) log.warn("background work failed and will be tried again", { unit: this.name, error });
        told = error;
        restMs = FAILURE_REST_MS;
      }
      if (restMs > 0) await this.#wakeup.wait(clock, restMs, signal);
    }
  }
}
