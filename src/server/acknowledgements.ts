/**
 * Writes that wait until all who may answer readers know of them (F3 of core/swarm/liveness.ts). Of hundreds that wait at
 * once each looked at every change by itself; they are looked at together, with one timer for all.
 */
import type { Clock } from "../ports/clock.ts";
import { onAbort } from "./timers.ts";

/** Time alone ends a wait as well: a server that has been silent for so long answers no reader. */
const POLL_MS = 100;

/** Whether another server need not be waited for, so far as a record of this number is concerned. */
export type IsSettled = (number: number) => boolean;

interface Waiting {
  /** The origin whose record it is. */
  readonly origin: string;
  readonly number: number;
  readonly resolve: (isSettled: boolean) => void;
}

export interface AcknowledgementsParts {
  readonly clock: Clock;
  readonly ending: AbortSignal;
  /** What is the same for all records of an origin at this moment, one for each other server. */
  others(origin: string): readonly IsSettled[];
}

export class Acknowledgements {
  readonly #parts: AcknowledgementsParts;
  readonly #waiting = new Set<Waiting>();
  #cancelPoll: (() => void) | undefined;

  constructor(parts: AcknowledgementsParts) {
    this.#parts = parts;
    onAbort(parts.ending, () => this.#end());
  }

  /** Resolves when a record is known, with false when this server stops before. */
  settled(origin: string, number: number): Promise<boolean> {
    if (this.#parts.ending.aborted) return Promise.resolve(false);
    if (this.#parts.others(origin).every((isSettled) => isSettled(number))) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#waiting.add({ origin, number, resolve });
      this.#poll();
    });
  }

  /** Something that may end waits has changed. */
  look(): void {
    if (this.#waiting.size === 0) return;
    const others = new Map<string, readonly IsSettled[]>();
    for (const waiting of this.#waiting) {
      const { origin, number, resolve } = waiting;
      const all = others.get(origin) ?? this.#parts.others(origin);
      others.set(origin, all);
      if (!all.every((isSettled) => isSettled(number))) continue;
      this.#waiting.delete(waiting);
      resolve(true);
    }
  }

  #poll(): void {
    this.#cancelPoll ??= this.#parts.clock.after(POLL_MS, () => {
      this.#cancelPoll = undefined;
      this.look();
      if (this.#waiting.size > 0) this.#poll();
    });
  }

  #end(): void {
    this.#cancelPoll?.();
    for (const { resolve } of this.#waiting) resolve(false);
    this.#waiting.clear();
  }
}
