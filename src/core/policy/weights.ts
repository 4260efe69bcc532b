/**
 * How much one file should rather be on some servers than on others (R5): what the policy's `prefer` says of it, for each
 * server. It orders what is alike otherwise, and never beats surplus, zones or promises. Weight 0 says more: such a server
 * takes no copy but of a file below N, and gives its own up when there are more than N.
 */
import type { ServerId } from "../ids.ts";
import { rendezvousWeight } from "../rendezvous.ts";

/** Of a server about which nothing was said: as good as the others. */
const NEUTRAL_WEIGHT = 1;

export class Weights {
  readonly #weights: ReadonlyMap<ServerId, number>;
  readonly #mean: number;

  constructor(weights: ReadonlyMap<ServerId, number>) {
    this.#weights = weights;
    let sum = 0;
    for (const weight of weights.values()) sum += weight;
    this.#mean = weights.size === 0 ? NEUTRAL_WEIGHT : sum / weights.size;
  }

  of(server: ServerId): number {
    return this.#weights.get(server) ?? NEUTRAL_WEIGHT;
  }

  /**
   * A server's weight beside the mean of all servers, so that files can be compared: 1 where `prefer` makes no difference, more
   * where the file should rather be here, less where it should rather be elsewhere.
   */
  share(server: ServerId): number {
    return this.#mean === 0 ? 0 : this.of(server) / this.#mean;
  }

  /** Whether a server has no place for the file but one that it needs. */
  shuns(server: ServerId): boolean {
    return this.of(server) === 0;
  }
}

/** Where nobody prefers anything. */
export const NEUTRAL = new Weights(new Map());

/** Whether `other` comes before `self` in the order of servers for a thing: by weight, then by rendezvous. */
export function comesBefore(other: ServerId, self: ServerId, thing: string, weights: Weights): boolean {
  const difference = weights.of(other) - weights.of(self);
  return difference > 0 || (difference === 0 && rendezvousWeight(thing, other) > rendezvousWeight(thing, self));
}
