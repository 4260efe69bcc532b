/** The table of origins: each has a small local index, so that marks and log keys stay short. */
import type { HybridTime } from "../ids.ts";
import { originKey, tableRange } from "./keys.ts";
import type { ReadView, WriteView } from "./kv.ts";
import { decodeOriginRow, encodeOriginRow, type OriginRow } from "./rows.ts";
import type { Origin } from "./types.ts";

export function originName(origin: Origin): string {
  return `${origin.server}@${origin.incarnation}`;
}

/** Every origin that is known, by its index. */
export function readOrigins(view: ReadView): Map<number, OriginRow> {
  const origins = new Map<number, OriginRow>();
  for (const { key, value } of view.range(tableRange("origins"))) {
    origins.set(key[1]! * 256 + key[2]!, decodeOriginRow(value));
  }
  return origins;
}

/** The origins inside one transaction: rows are read once, changed in memory, and written by `flush`. */
export class OriginTable {
  readonly #view: WriteView;
  readonly #rows: Map<number, OriginRow>;
  readonly #indexByName = new Map<string, number>();
  readonly #changed = new Set<number>();

  constructor(view: WriteView) {
    this.#view = view;
    this.#rows = readOrigins(view);
    for (const [index, row] of this.#rows) this.#indexByName.set(originName(row), index);
  }

  at(index: number): OriginRow {
    const row = this.#rows.get(index);
    if (row === undefined) throw new Error(`no origin has the index ${index}`);
    return row;
  }

  /** The index of an origin, new ones being entered. */
  intern(origin: Origin): number {
    const name = originName(origin);
    const known = this.#indexByName.get(name);
    if (known !== undefined) return known;
    const index = this.#rows.size;
    this.#indexByName.set(name, index);
    this.set(index, {
      server: origin.server,
      incarnation: origin.incarnation as HybridTime,
      contiguous: 0,
      seen: 0,
      floor: 0,
      chain: 0,
    });
    return index;
  }

  set(index: number, row: OriginRow): void {
    this.#rows.set(index, row);
    this.#changed.add(index);
  }

  flush(): void {
    for (const index of this.#changed) this.#view.put(originKey(index), encodeOriginRow(this.at(index)));
  }
}
