/** The table of origins: each has a small local index, so that marks and log keys stay short. */
import { originKey, tableRange } from "./keys.ts";
import type { ReadView, WriteView } from "./kv.ts";
import { decodeOriginRow, encodeOriginRow, type OriginRow } from "./rows.ts";
import type { Origin } from "./types.ts";

/** Servers that ever were, each once for every time that it could not be sure of what it had said before. */
export const ORIGINS_MAX = 65_536;

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

export function readOrigin(view: ReadView, index: number): OriginRow {
  const row = view.get(originKey(index));
  if (row === undefined) throw new Error(`no origin has the index ${index}`);
  return decodeOriginRow(row);
}

/** Indexes by name, as of some transaction that was committed before: an origin never changes its index. */
export type OriginIndexes = ReadonlyMap<string, number>;

/** The origins inside one transaction: rows are read once, changed in memory, and written by `flush`. */
export class OriginTable {
  readonly #view: WriteView;
  readonly #rows = new Map<number, OriginRow>();
  readonly #changed = new Map<number, OriginRow>();
  readonly #names: ReadonlyMap<number, Origin>;
  #indexes: OriginIndexes;
  #isComplete = false;
  /** The records of a batch share their origins. */
  #last: { readonly origin: Origin; readonly index: number } | undefined;

  /** `indexes` and `names` spare reading the table; they may lack origins, but must not name any wrongly. */
  constructor(view: WriteView, indexes: OriginIndexes = new Map(), names: ReadonlyMap<number, Origin> = new Map()) {
    this.#view = view;
    this.#names = names;
    this.#indexes = indexes;
  }

  at(index: number): OriginRow {
    const read = this.#rows.get(index);
    if (read !== undefined) return read;
    const row = readOrigin(this.#view, index);
    this.#rows.set(index, row);
    return row;
  }

  /** Who an origin is, which never changes. */
  named(index: number): Origin {
    return this.#names.get(index) ?? this.at(index);
  }

  /** The index of an origin, new ones being entered. */
  intern(origin: Origin): number {
    if (this.#last?.origin === origin) return this.#last.index;
    const index = this.#indexOf(origin);
    this.#last = { origin, index };
    return index;
  }

  #indexOf(origin: Origin): number {
    const name = originName(origin);
    const known = this.#indexes.get(name) ?? this.#readAll().get(name);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    // Its key would be another's (two bytes): what that one said would be taken for this one's.
    if (index >= ORIGINS_MAX) throw new RangeError(`the catalog knows ${ORIGINS_MAX} origins, and no more`);
    this.#indexes = new Map(this.#indexes).set(name, index);
    const { server, incarnation } = origin;
    this.set(index, { server, incarnation, contiguous: 0, seen: 0, floor: 0, chain: 0 });
    return index;
  }

  /** Whether records of an origin are merged beyond its contiguous number. */
  isAhead(origin: Origin): boolean {
    const { seen, contiguous } = this.at(this.intern(origin));
    return seen > contiguous;
  }

  set(index: number, row: OriginRow): void {
    this.#rows.set(index, row);
    this.#changed.set(index, row);
  }

  /** The rows that this transaction changed. */
  get changed(): ReadonlyMap<number, OriginRow> {
    return this.#changed;
  }

  flush(): void {
    for (const [index, row] of this.#changed) this.#view.put(originKey(index), encodeOriginRow(row));
  }

  /** All names: those of the table, and those that this transaction has entered. */
  #readAll(): OriginIndexes {
    if (this.#isComplete) return this.#indexes;
    this.#isComplete = true;
    const stored = [...readOrigins(this.#view)].map(([index, row]) => [originName(row), index] as const);
    this.#indexes = new Map(stored);
    return this.#indexes;
  }
}
