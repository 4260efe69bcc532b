/** Waiting and repeating on a server's clock, ended by its stop. */
import type { Clock } from "../ports/clock.ts";

/** Resolves after `ms`, or at once when one of the signals is aborted. */
export function sleep(clock: Clock, ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return pause((end) => clock.after(ms, end), signals);
}

/** The same after about so long, for what repeats. */
export function rest(clock: Clock, ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return pause((end) => clock.after(ms, end, "about"), signals);
}

function pause(begin: (end: () => void) => () => void, signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    cancel();
    for (const forget of forgets) forget();
    resolve();
  };
  const cancel = begin(end);
  const forgets = signals.map((signal) => onAbort(signal, end));
  return promise;
}

interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** Who waits for a signal's end. The signal itself has one listener for all of them, adding and removing being slow. */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `abort` when the signal is aborted, at once when it is. Answers what stops that. Of several signals each is
 * listened to: what AbortSignal.any makes of them is kept by Node, with all that its listeners know, until it is aborted
 * or they are gone, and those of a simulated server that was killed never go.
 */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  if (signal.aborted) {
    abort();
    return () => undefined;
  }
  const { callbacks, listener } = waitingFor.get(signal) ?? listenTo(signal);
  callbacks.add(abort);
  return () => {
    callbacks.delete(abort);
    if (callbacks.size > 0) return;
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

  /** Resolves at the next wake, at once when there was one since the last wait, or after about `ms`. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#set && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = clock.after(ms, resolve, "about");
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
