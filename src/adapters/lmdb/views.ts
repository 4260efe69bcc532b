/** Reading and writing LMDB as the catalog's views. Bytes that are answered are copies. */
import type { RootDatabase } from "lmdb";
import type { Bytes, KeyRange, KeyValue, ReadView, WriteView } from "../../core/catalog/kv.ts";
import { KEY_BYTES_MAX } from "../../ports/catalog-store.ts";

export type Database = RootDatabase<Buffer, Uint8Array>;

/** Pairs that are read at once, so that no cursor stays open while a caller looks at them; doubled at each step. */
const BATCH_PAIRS_MIN = 8;
const BATCH_PAIRS_MAX = 256;

/** A place between keys: just before `key`, or just behind it. */
interface Place {
  readonly key: Bytes;
  readonly behind: boolean;
}

export class View implements ReadView {
  readonly #database: () => Database;

  /** `database` answers what to read from, or throws when the view may not be used any more. */
  constructor(database: () => Database) {
    this.#database = database;
  }

  get(key: Bytes): Bytes | undefined {
    const database = this.#database();
    if (key.length === 0 || key.length > KEY_BYTES_MAX) return undefined;
    const value = database.get(key);
    return value === undefined ? undefined : plain(value);
  }

  *range(range: KeyRange): Iterable<KeyValue> {
    const reverse = range.reverse === true;
    let from = placeOf(reverse ? range.end : range.start);
    const to = placeOf(reverse ? range.start : range.end);
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    let batchPairs = BATCH_PAIRS_MIN;
    while (left > 0) {
      const wanted = Math.min(batchPairs, left);
      const batch = readBatch(this.#database(), from, to, reverse, wanted);
      const changes = this.changes;
      for (const pair of batch) {
        from = { key: pair.key.slice(), behind: !reverse };
        left--;
        yield pair;
        // What was read ahead may be no more.
        if (this.changes !== changes) break;
      }
      if (batch.length < wanted && this.changes === changes) return;
      batchPairs = Math.min(batchPairs * 2, BATCH_PAIRS_MAX);
    }
  }

  /** Counts the changes made through this view. */
  protected get changes(): number {
    return 0;
  }
}

export class Transaction extends View implements WriteView {
  readonly #state: { database: Database | undefined };
  #changes = 0;

  constructor(database: Database) {
    const state: { database: Database | undefined } = { database };
    super(() => databaseOf(state));
    this.#state = state;
  }

  put(key: Bytes, value: Bytes): void {
    checkKey(key);
    this.#changes++;
    databaseOf(this.#state).putSync(key, bufferOf(value));
  }

  remove(key: Bytes): void {
    checkKey(key);
    this.#changes++;
    databaseOf(this.#state).removeSync(key);
  }

  end(): void {
    this.#state.database = undefined;
  }

  protected override get changes(): number {
    return this.#changes;
  }
}

function databaseOf(state: { readonly database: Database | undefined }): Database {
  if (state.database === undefined) throw new Error("a transaction's view was used after its end");
  return state.database;
}

function readBatch(database: Database, from: Place, to: Place, reverse: boolean, limit: number): KeyValue[] {
  const [low, high] = reverse ? [to, from] : [from, to];
  if (comparePlaces(low, high) >= 0) return [];
  const range = database.getRange({
    start: from.key,
    end: to.key,
    exclusiveStart: from.behind !== reverse,
    inclusiveEnd: to.behind !== reverse,
    reverse,
    limit,
  });
  return Array.from(range, ({ key, value }) => ({ key: new Uint8Array(key), value: plain(value) }));
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

function bufferOf(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** The same bytes, not as a Buffer, whose slice() would share them. */
function plain(buffer: Buffer): Bytes {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
