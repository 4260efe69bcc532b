/** The catalog's counts, which are asked for all the time: read once, and again after each change. */
import type { ReadView } from "../../core/catalog/kv.ts";
import { type CatalogStats, readStats } from "../../core/catalog/stats.ts";

export class Counts {
  #stats: Readonly<CatalogStats> | undefined;
  #changing = 0;

  current(read: () => ReadView): Readonly<CatalogStats> {
    // While a change is under way, nobody here knows whether it is visible yet.
    if (this.#changing > 0) return readStats(read());
    this.#stats ??= readStats(read());
    return this.#stats;
  }

  /** Makes a change of the catalog. */
  async during<T>(change: () => Promise<T>): Promise<T> {
    this.#changing += 1;
    try {
      return await change();
    } finally {
      this.#changing -= 1;
      this.#stats = undefined;
    }
  }
}
