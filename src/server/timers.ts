/** Waiting and repeating on a server's clock, ended by its stop. */
import type { Clock } from "../ports/clock.ts";

/** Resolves after `ms`, or at once when the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    cancel();
    signal.removeEventListener("abort", end);
    resolve();
  };
  const cancel = clock.after(ms, end);
  signal.addEventListener("abort", end);
  return promise;
}

/** A flag that many may wait for: `wake` resolves all who wait, or the next who does. */
export class Wakeup {
  #waiting = Promise.withResolvers<void>();
  #set = false;

  wake(): void {
    this.#set = true;
    this.#waiting.resolve();
  }

  /** Resolves at the next wake, at once when there was one since the last wait, or after `ms`. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#set && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(ms, resolve);
      const stop = () => resolve();
      signal.addEventListener("abort", stop);
      await Promise.race([promise, this.#waiting.promise]);
      signal.removeEventListener("abort", stop);
      cancel();
    }
    if (this.#set) {
      this.#set = false;
      this.#waiting = Promise.withResolvers<void>();
    }
  }
}
