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

interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** Who waits for a signal's end. The signal itself has one listener for all of them, adding and removing being slow. */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/** Calls `abort` when the signal is aborted, which it is not yet. Answers what stops that. */
function onAbort(signal: AbortSignal, abort: () => void): () => void {
  const { callbacks, listener } = waitingFor.get(signal) ?? listenTo(signal);
  callbacks.add(abort);
  return () => {
    callbacks.delete(abort);
    if (callbacks.size > 0) return;
    // A signal made of others is kept as long as it is listened to.
    signal.removeEventListener("abort", listener);
    waitingFor.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const abort of callbacks) abort();
  };
  const waiting = { callbacks, listener };
  waitingFor.set(signal, waiting);
  signal.addEventListener("abort", listener);
  return waiting;
}

/** A flag that many may wait for: `wake` resolves all who wait, or the next who does. */
export class Wakeup {
  /** Not a promise that all race against: one that is never resolved would remember everyone who ever waited. */
  readonly #waiting = new Set<() => void>();
  #set = false;

  wake(): void {
    this.#set = true;
    for (const resolve of this.#waiting) resolve();
  }

  /** Resolves at the next wake, at once when there was one since the last wait, or after `ms`. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#set && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(ms, resolve);
      const forget = onAbort(signal, resolve);
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
      forget();
      cancel();
    }
    this.#set = false;
  }
}
