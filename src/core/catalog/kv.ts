/** What the catalog's rules need of a store: an ordered map from bytes to bytes, read and changed synchronously. */

export type Bytes = Uint8Array;

/** Keys from `start` (inclusive) to `end` (exclusive), in unsigned byte order. */
export interface KeyRange {
  readonly start: Bytes;
  readonly end: Bytes;
  /** From the end towards the start. `start` and `end` keep their meaning. */
  readonly reverse?: boolean;
  /** At most so many pairs. */
  readonly limit?: number;
}

export interface KeyValue {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** What is there. Bytes that are answered belong to the caller. */
export interface ReadView {
  get(key: Bytes): Bytes | undefined;
  range(range: KeyRange): Iterable<KeyValue>;
}

/** The inside of a write transaction: reads see the transaction's own writes. */
export interface WriteView extends ReadView {
  put(key: Bytes, value: Bytes): void;
  remove(key: Bytes): void;
}
