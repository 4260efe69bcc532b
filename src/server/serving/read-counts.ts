/** How often a serving process has sent which versions to readers, until it tells the control process (core/heat.ts). */
import type { VersionId } from "../../core/ids.ts";

/** Of a second or so; further ones are not counted, which are the least read. */
const VERSIONS_MAX = 10_000;

export type ReadCounts = readonly (readonly [VersionId, number])[];

export class ReadCounter {
  #counts = new Map<VersionId, number>();

  /** It costs a reader some 100 ns. */
  count(version: VersionId): void {
    const before = this.#counts.get(version);
    if (before !== undefined || this.#counts.size < VERSIONS_MAX) this.#counts.set(version, (before ?? 0) + 1);
  }

  /** Since the last time. */
  take(): ReadCounts {
    if (this.#counts.size === 0) return [];
    const counts = [...this.#counts];
    this.#counts = new Map();
    return counts;
  }
}
