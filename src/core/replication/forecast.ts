/**
 * What the loss of each server would do to the files, tallied file by file. Pure; it costs a few counters for each server and
 * surplus, whatever the number of files.
 */
import type { ServerId } from "../ids.ts";

/** One file, as it is now. */
export interface TalliedFile {
  readonly surplus: number;
  /** min(W, N). */
  readonly safe: number;
  /** Servers that hold it and count for K, servers that hold it and are there at all, and all that state to hold it. */
  readonly counted: readonly ServerId[];
  readonly present: readonly ServerId[];
  readonly stated: readonly ServerId[];
}

export interface Forecast {
  /** Files of which no server would have a copy that is not absent. */
  readonly lost: number;
  /** Files on it of which fewer than min(W, N) counted copies would be left, the lost ones included. */
  readonly below: number;
  /** Undefined without files. */
  readonly minSurplus: { readonly now: number; readonly without: number } | undefined;
}

/** Numbers of files by their surplus. */
type Histogram = Map<number, number>;

export class ForecastTally {
  readonly #all: Histogram = new Map();
  readonly #counted = new Map<ServerId, Histogram>();
  readonly #lost = new Map<ServerId, number>();
  readonly #below = new Map<ServerId, number>();

  add({ surplus, safe, counted, present, stated }: TalliedFile): void {
    increase(this.#all, surplus);
    for (const server of counted) {
      const histogram: Histogram = this.#counted.get(server) ?? new Map();
      this.#counted.set(server, histogram);
      increase(histogram, surplus);
    }
    for (const server of stated) {
      if (!present.some((other) => other !== server)) increase(this.#lost, server);
      if (counted.filter((other) => other !== server).length < safe) increase(this.#below, server);
    }
  }

  of(server: ServerId): Forecast {
    const lost = this.#lost.get(server) ?? 0;
    const below = this.#below.get(server) ?? 0;
    if (this.#all.size === 0) return { lost, below, minSurplus: undefined };
    const now = Math.min(...this.#all.keys());
    const counted = this.#counted.get(server);
    const left = [...this.#all.keys()].map((surplus) => (counted?.has(surplus) ? surplus - 1 : surplus));
    return { lost, below, minSurplus: { now, without: Math.min(...left) } };
  }
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
