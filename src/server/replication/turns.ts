/**
 * Who copies a new file first. All servers hear of it in the same moment, and would begin before any could hear that others
 * have: so the first few by rendezvous begin, as many as it wants for and some, and the others when they may have heard.
 */
import { wallMsOf } from "../../core/hybrid-clock.ts";
import { type ServerId, type VersionId, versionTime } from "../../core/ids.ts";
import { rendezvousWeight } from "../../core/rendezvous.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Mesh } from "../mesh/mesh.ts";

/** Some of the first may be unable or unwilling to copy it. */
const MORE = 2;
/** Two heartbeats, and the way there and back. */
export const TURN_MS = 1200;
/** A file is new when it was made so lately, by whatever clock. */
const NEW_MS = 120_000;
const SEEN_MAX = 10_000;

export interface TurnsParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly mesh: Mesh;
}

export class Turns {
  readonly #parts: TurnsParts;
  /** New files and when this server first heard of them, the oldest first. */
  readonly #seenAt = new Map<VersionId, number>();

  constructor(parts: TurnsParts) {
    this.#parts = parts;
  }

  /** Takes notice of new files among these. */
  hear(versions: Iterable<VersionId>): void {
    const now = this.#parts.clock.monotonic();
    const wall = this.#parts.clock.wall();
    for (const [version, at] of this.#seenAt) {
      if (now - at < NEW_MS) break;
      this.#seenAt.delete(version);
    }
    for (const version of versions) {
      if (this.#seenAt.size >= SEEN_MAX) return; // Among so many there is no crowd at one.
      if (this.#seenAt.has(version) || wall - wallMsOf(versionTime(version)) > NEW_MS / 2) continue;
      this.#seenAt.set(version, now);
    }
  }

  /**
   * How long this server leaves a file to others, in milliseconds.
   *
   * @param surplus of the file, pulls announced by others included
   * @param isTaken whether a server holds it or is copying it
   */
  waitMs(version: VersionId, surplus: number, isTaken: (server: ServerId) => boolean): number {
    const at = this.#seenAt.get(version);
    const leftMs = at === undefined ? 0 : at + TURN_MS - this.#parts.clock.monotonic();
    if (leftMs <= 0) return 0;
    const own = rendezvousWeight(version, this.#parts.catalog.self);
    const isBefore = (server: ServerId) => !isTaken(server) && rendezvousWeight(version, server) > own;
    const before = this.#parts.mesh.upLinks().filter(({ server }) => isBefore(server)).length;
    return before < Math.max(0, -surplus) + MORE ? 0 : leftMs;
  }
}
