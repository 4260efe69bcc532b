/**
 * What has arrived of pulls that were cut: staged files that are kept, with the version that they are the beginning of, so
 * that the next attempt asks only for the rest, of any holder, also after a restart. Their bytes stay claimed (S3); they give
 * way to whatever wants room, and go when they are not wanted any more or have been kept for long.
 */
import type { Hash } from "node:crypto";
import type { VersionId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Space } from "./space.ts";

/** As many as may be pulled at once. */
const PARTIALS_MAX = 64;
/** A holder may be away for a night. */
const PARTIAL_KEPT_MS = 24 * 3600 * 1000;

export interface Partial {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** Of its bytes; undefined when they have to be read for it, after a restart. */
  readonly hash: Hash | undefined;
  /** When bytes last came, on the monotonic clock. */
  readonly arrivedAt: number;
}

export class Partials {
  readonly #space: Space;
  readonly #leftovers: Leftovers;
  readonly #clock: Clock;
  /** What was kept first comes first. */
  readonly #kept = new Map<VersionId, Partial>();

  constructor(space: Space, leftovers: Leftovers, clock: Clock) {
    this.#space = space;
    this.#leftovers = leftovers;
    this.#clock = clock;
  }

  /** Its bytes are claimed, and stay so. */
  async keep(version: VersionId, partial: Partial): Promise<void> {
    const before = this.#kept.get(version);
    this.#kept.delete(version);
    this.#kept.set(version, partial);
    this.#space.idle(partial.sizeBytes);
    const [oldest] = this.#kept.keys();
    if (before !== undefined) await this.#discard(before);
    if (this.#kept.size > PARTIALS_MAX && oldest !== undefined) await this.discard(oldest);
  }

  has(version: VersionId): boolean {
    return this.#kept.has(version);
  }

  /** It is the caller's from now on, and so is the claim on its bytes. */
  take(version: VersionId): Partial | undefined {
    const partial = this.#kept.get(version);
    if (partial === undefined) return undefined;
    this.#kept.delete(version);
    this.#space.idle(-partial.sizeBytes);
    return partial;
  }

  async discard(version: VersionId): Promise<void> {
    const partial = this.#kept.get(version);
    this.#kept.delete(version);
    if (partial !== undefined) await this.#discard(partial);
  }

  /** Something else needs the room. */
  async discardAll(): Promise<void> {
    for (const version of [...this.#kept.keys()]) await this.discard(version);
  }

  /** Those that nobody wants any more, and those that nobody could give more of for long. */
  async tidy(isWanted: (version: VersionId) => boolean): Promise<void> {
    const bound = this.#clock.monotonic() - PARTIAL_KEPT_MS;
    for (const [version, { arrivedAt }] of [...this.#kept]) {
      if (arrivedAt < bound || !isWanted(version)) await this.discard(version);
    }
  }

  async #discard({ name, sizeBytes }: Partial): Promise<void> {
    this.#space.idle(-sizeBytes);
    await this.#leftovers.remove(name);
    this.#space.release(sizeBytes);
  }
}
