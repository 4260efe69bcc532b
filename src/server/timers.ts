/** Waiting and repeating on a server's clock, ended by its stop. */
import type { Clock } from "../ports/clock.ts";

/** Resolves after `ms`, or at once when the signal is aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    cancel();
    forget();
    resolve();
  };
  const cancel = clock.after(ms, end);
  const forget = onAbort(signal, end);
  return promise;
}

/** Who waits for a signal's end; the signal itself has one listener, adding and removing those being slow. */
const waitingFor = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `abort` when the signal is aborted, which it is not yet. Answers what stops that. */
function onAbort(signal: AbortSignal, abort: () => void): () => void {
  const waiting = waitingFor.get(signal) ?? listenTo(signal);
  waiting.add(abort);
  return () => waiting.delete(abort);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>();
  waitingFor.set(signal, waiting);
  signal.addEventListener("abort", () => {
    for (const abort of waiting) abort();
  });
  return waiting;
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
      const forget = onAbort(signal, resolve);
      await Promise.race([promise, this.#waiting.promise]);
      forget();
      cancel();
    }
    if (this.#set) {
      this.#set = false;
      this.#waiting = Promise.withResolvers<void>();
    }
  }
}
