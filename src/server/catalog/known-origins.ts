/** The table of origins as it was last committed, in memory: asked for at each heartbeat and each batch. */
import { originName, readOrigin, readOrigins } from "../../core/catalog/origins.ts";
import type { OriginRow } from "../../core/catalog/rows.ts";
import type { Origin } from "../../core/catalog/types.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";

export class KnownOrigins {
  readonly #store: CatalogStore;
  #rows = new Map<number, OriginRow>();
  #indexes = new Map<string, number>();
  #numbers = new Map<string, number>();

  constructor(store: CatalogStore) {
    this.#store = store;
    this.refresh();
  }

  /** By local index. */
  get rows(): ReadonlyMap<number, OriginRow> {
    return this.#rows;
  }

  /** Local indexes by `originName`. */
  get indexes(): ReadonlyMap<string, number> {
    return this.#indexes;
  }

  /** @throws Error when there is none: indexes come from rows of the catalog */
  at(index: number): OriginRow {
    return this.#rows.get(index) ?? readOrigin(this.#store.read(), index);
  }

  /** The contiguous number of an origin, named by `originName`. */
  number(name: string): number {
    return this.#numbers.get(name) ?? 0;
  }

  /** What was committed about an origin; numbers only rise, so the order of two commits does not matter here. */
  note(index: number, row: OriginRow): void {
    const name = originName(row);
    this.#indexes.set(name, index);
    const known = this.#rows.get(index);
    const isOlder =
      known !== undefined && (known.contiguous > row.contiguous || known.seen > row.seen || known.floor > row.floor);
    if (isOlder) return;
    this.#rows.set(index, row);
    this.#numbers.set(name, row.contiguous);
  }

  /** Whether anything is here that was written by others, or before this incarnation. */
  hasOthersThan(own: Origin | undefined): boolean {
    const isOther = (row: OriginRow) => own === undefined || originName(row) !== originName(own);
    return [...this.#rows.values()].some((row) => isOther(row) && row.seen > 0);
  }

  forget(): void {
    this.#rows = new Map();
    this.#indexes = new Map();
    this.#numbers = new Map();
  }

  refresh(): void {
    this.forget();
    for (const [index, row] of readOrigins(this.#store.read())) this.note(index, row);
  }
}
