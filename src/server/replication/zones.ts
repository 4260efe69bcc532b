/**
 * Zones (R4): what fails together, as a rack or a room. Copies should be in as many zones as there should be copies, and
 * that comes second: of files of one surplus those are copied first that gain a zone by it, and a file that does may take
 * the place of a copy whose surplus is higher by one only, if that leaves no zone.
 */
import { holdersOf, targetOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Settings } from "../settings.ts";

export class Zones {
  readonly #catalog: Catalog;
  readonly #settings: Settings;
  /** The zones of the roster as it was last. */
  #counted: { readonly roster: Settings["roster"]; readonly count: number } | undefined;

  constructor(catalog: Catalog, settings: Settings) {
    this.#catalog = catalog;
    this.#settings = settings;
  }

  /**
   * Whether a file lacks a zone without a copy here, and has it with one: it is asked of files that are not here, which would
   * gain it, and of files that are, which would lose it.
   */
  dependsOnThis(version: VersionId): boolean {
    const count = this.#count();
    if (count === 0) return false;
    const catalog = this.#catalog;
    const view = catalog.read();
    const row = readVersionRow(view, version);
    const others = new Set<string>();
    for (const holder of holdersOf(row, (origin) => catalog.serverOf(origin))) {
      if (holder !== catalog.self && catalog.context.counts(holder)) others.add(this.#zoneOf(holder));
    }
    if (others.has(this.#zoneOf(catalog.self))) return false;
    return others.size < Math.min(targetOf(view, row, catalog.context), count);
  }

  /** How many zones there are; 0 when each server is one by itself, since they say nothing then that K does not. */
  #count(): number {
    const { roster } = this.#settings;
    if (roster === this.#counted?.roster) return this.#counted.count;
    const zones = new Set(Array.from(roster.values(), ({ zone }) => zone));
    const count = zones.size === roster.size ? 0 : zones.size;
    this.#counted = { roster, count };
    return count;
  }

  #zoneOf(server: ServerId): string {
    return this.#settings.roster.get(server)?.zone ?? server;
  }
}
