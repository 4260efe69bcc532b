/** Reading and writing LMDB as the catalog's views. Bytes that are answered are copies. */
import { copyOf } from "../../core/bytes.ts";
import type { Bytes, KeyRange, KeyValue, ReadView, WriteView } from "../../core/catalog/kv.ts";
import { KEY_BYTES_MAX } from "../../ports/catalog-store.ts";
import type { Tables, Tree } from "./tables.ts";

/** Pairs that are read at once, so that no cursor stays open while a caller looks at them; doubled at each step. */
const BATCH_PAIRS_MIN = 8;
const BATCH_PAIRS_MAX = 256;

/** A place between keys: just before `key`, or just behind it. */
interface Place {
  readonly key: Bytes;
  readonly behind: boolean;
}

/** What a range has in common with one of the stretches; no `high`: all up to the end of the tree. */
interface Part {
  readonly stretch: number;
  readonly low: Place;
  readonly high: Place | undefined;
}

export class View implements ReadView {
  readonly #tables: () => Tables;

  /** `tables` answers what to read from, or throws when the view may not be used any more. */
  constructor(tables: () => Tables) {
    this.#tables = tables;
  }

  get(key: Bytes): Bytes | undefined {
    const tables = this.#tables();
    if (key.length === 0 || key.length > KEY_BYTES_MAX) return undefined;
    const value = tables.treeOf(key).getBinaryFast(key);
    return value === undefined ? undefined : read(value);
  }

  *range(range: KeyRange): Iterable<KeyValue> {
    const reverse = range.reverse === true;
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    let batchPairs = BATCH_PAIRS_MIN;
    const parts = partsOf(this.#tables(), placeOf(range.start), placeOf(range.end));
    for (let { stretch, low, high } of reverse ? parts.reverse() : parts) {
      while (left > 0) {
        const wanted = Math.min(batchPairs, left);
        const { tree } = this.#tables().stretches[stretch]!;
        const batch = readBatch(tree, low, high, reverse, wanted);
        const changes = this.changes;
        for (const pair of batch) {
          // The caller's, who may change it; of those behind which nothing is read again no copy is needed.
          const key = this.mayChange || pair === batch.at(-1) ? pair.key.slice() : pair.key;
          if (reverse) high = { key, behind: false };
          else low = { key, behind: true };
          left--;
          yield pair;
          // What was read ahead may be no more.
          if (this.changes !== changes) break;
        }
        if (batch.length < wanted && this.changes === changes) break;
        batchPairs = Math.min(batchPairs * 2, BATCH_PAIRS_MAX);
      }
    }
  }

  /** Whether what was read ahead may turn out to be no more. */
  protected get mayChange(): boolean {
    return false;
  }

  /** Counts the changes made through this view. */
  protected get changes(): number {
    return 0;
  }
}

export class Transaction extends View implements WriteView {
  readonly #state: { tables: Tables | undefined };
  #changes = 0;

  constructor(tables: Tables) {
    const state: { tables: Tables | undefined } = { tables };
    super(() => tablesOf(state));
    this.#state = state;
  }

  put(key: Bytes, value: Bytes): void {
    checkKey(key);
    this.#changes++;
    tablesOf(this.#state)
      .treeOf(key)
      .putSync(key, value as Buffer);
  }

  remove(key: Bytes): void {
    checkKey(key);
    this.#changes++;
    tablesOf(this.#state).treeOf(key).removeSync(key);
  }

  end(): void {
    this.#state.tables = undefined;
  }

  protected override get mayChange(): boolean {
    return true;
  }

  protected override get changes(): number {
    return this.#changes;
  }
}

function tablesOf(state: { readonly tables: Tables | undefined }): Tables {
  if (state.tables === undefined) throw new Error("a transaction's view was used after its end");
  return state.tables;
}

function partsOf(tables: Tables, low: Place, high: Place): Part[] {
  const parts: Part[] = [];
  const [first, last] = [tables.placeOf(low.key), tables.placeOf(high.key)];
  for (let place = first; place <= last; place++) {
    const stretch = tables.stretches[place]!;
    const end = stretch.high && { key: stretch.high, behind: false };
    parts.push({
      stretch: place,
      low: place === first ? low : { key: stretch.low, behind: false },
      high: place === last ? high : end,
    });
  }
  return parts;
}

function readBatch(tree: Tree, low: Place, high: Place | undefined, reverse: boolean, limit: number): KeyValue[] {
  if (high !== undefined && comparePlaces(low, high) >= 0) return [];
  const from = reverse ? high : low;
  const to = reverse ? low : high;
  const range = tree.getRange({
    ...(from === undefined ? {} : { start: from.key }),
    ...(to === undefined ? {} : { end: to.key }),
    exclusiveStart: from !== undefined && from.behind !== reverse,
    inclusiveEnd: to !== undefined && to.behind !== reverse,
    reverse,
    limit,
  });
  const pairs: KeyValue[] = [];
  for (const { key, value } of range) pairs.push({ key: copyOf(key), value: copyOf(value) });
  return pairs;
}

/** No key is longer than the longest, so behind its prefix of that length is where a longer bound lies. */
function placeOf(bound: Bytes): Place {
  return bound.length <= KEY_BYTES_MAX
    ? { key: bound, behind: false }
    : { key: bound.slice(0, KEY_BYTES_MAX), behind: true };
}

function comparePlaces(a: Place, b: Place): number {
  return Buffer.compare(a.key, b.key) || Number(a.behind) - Number(b.behind);
}

function checkKey(key: Bytes): void {
  if (key.length === 0 || key.length > KEY_BYTES_MAX) {
    throw new RangeError(`a key has 1 to ${KEY_BYTES_MAX} bytes, not ${key.length}`);
  }
}

/** All of lmdb-js's reads come in one buffer, whose length it sets; larger values in one of their own. */
let shared: Uint8Array = new Uint8Array(0);

function read(value: Buffer): Bytes {
  if (!("isGlobal" in value)) return copyOf(value);
  if (shared.buffer !== value.buffer || shared.byteOffset !== value.byteOffset) {
    shared = new Uint8Array(value.buffer, value.byteOffset);
  }
  return copyOf(shared.subarray(0, value.length));
}
