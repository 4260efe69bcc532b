/**
 * The catalog store in memory, complete, for the simulator and for tests: the same answers as the real one, and power
 * cuts, held flushes, a full disk and roll-backs on demand.
 *
 * It stands for the disk: `kill()` and `powerCut()` end the process that used it, and the next one uses the same object.
 * Visible transactions that are not flushed keep an undo list each, so a power cut takes back the newest first and what
 * survives is always a prefix of the order of writing. Nothing here depends on time or chance.
 */
import { copyOf, fromLatin1, latin1 } from "../../core/bytes.ts";
import type { Bytes, KeyRange, KeyValue, ReadView, WriteView } from "../../core/catalog/kv.ts";
import { type CatalogStore, CatalogStoreError, KEY_BYTES_MAX, type Settled } from "../../ports/catalog-store.ts";
import { SortedMap, type SortedMapImage } from "./sorted-map.ts";

/** A catalog at one moment, to go back to. */
export interface CatalogSnapshot {
  readonly image: SortedMapImage;
  readonly sizeBytes: number;
}

/** What keys had before a transaction; undefined: nothing. */
type UndoList = Map<string, Bytes | undefined>;

/** A stand-in for what a B-tree spends on a pair besides its bytes. */
const PAIR_OVERHEAD_BYTES = 16;

export class MemoryCatalogStore implements CatalogStore {
  readonly #pairs = new SortedMap();
  #sizeBytes = 0;
  #capacityBytes = Number.POSITIVE_INFINITY;
  /** Oldest first: visible, not flushed. */
  #unflushed: UndoList[] = [];
  /** How many transactions became visible and changed something, ever. */
  #visibleCount = 0;
  #queue: (() => void)[] = [];
  #flushesHeld = false;
  #heldFlushes: (() => void)[] = [];
  #closed = false;
  /** Counts processes: what an ended one asked for never happens. */
  #process = 0;
  #inTransaction = false;

  read(): ReadView {
    this.#refuseWhenClosed();
    if (this.#inTransaction) throw new Error("read() was called inside a transaction; use its own view");
    const process = this.#process;
    const visibleCount = this.#visibleCount;
    return new View(this.#pairs, () => {
      if (process !== this.#process || visibleCount !== this.#visibleCount) {
        throw new Error("a view of the catalog was kept over an await; ask for a new one");
      }
    });
  }

  write<T>(change: (view: WriteView) => Settled<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#queue.push(() => {
        try {
          resolve(this.#transact(change));
        } catch (error) {
          reject(error);
        }
      });
      if (this.#queue.length === 1) this.#runQueueSoon();
    });
  }

  async flushed(): Promise<void> {
    this.#refuseWhenClosed();
    const process = this.#process;
    const visibleCount = this.#visibleCount;
    if (this.#flushesHeld) await new Promise<void>((resolve) => this.#heldFlushes.push(resolve));
    else await Promise.resolve();
    if (process !== this.#process) return new Promise(() => {});
    this.#flushUpTo(visibleCount);
  }

  sizeBytes(): number {
    return this.#sizeBytes;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const transaction of queue) transaction();
    this.#flushUpTo(this.#visibleCount);
    this.#closed = true;
  }

  // For the simulator.

  /** The process ends, at once or after close(), and another may begin. Nothing visible is lost; what was asked never settles. */
  kill(): void {
    this.#process++;
    this.#queue = [];
    this.#heldFlushes = [];
    this.#flushesHeld = false;
    this.#closed = false;
  }

  /** How many visible transactions a power cut could take back now. */
  get unflushedTransactions(): number {
    return this.#unflushed.length;
  }

  /** As kill(), and of the transactions that are not flushed only the first `keepTransactions` survive. */
  powerCut(keepTransactions = 0): void {
    this.kill();
    while (this.#unflushed.length > keepTransactions) this.#undo(this.#unflushed.pop()!);
    this.#unflushed = [];
  }

  /** From now on flushed() waits, until `releaseFlushes()`. */
  holdFlushes(): void {
    this.#flushesHeld = true;
  }

  releaseFlushes(): void {
    this.#flushesHeld = false;
    const waiting = this.#heldFlushes;
    this.#heldFlushes = [];
    for (const resolve of waiting) resolve();
  }

  /** Transactions that grow the catalog beyond so many bytes are refused with `no-space`. */
  setCapacityBytes(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
  }

  snapshot(): CatalogSnapshot {
    return { image: this.#pairs.image(), sizeBytes: this.#sizeBytes };
  }

  /** Puts back what a snapshot holds, of this catalog or another's, durably. Ends the process that used it. */
  restore(snapshot: CatalogSnapshot): void {
    this.kill();
    this.#pairs.setTo(snapshot.image);
    this.#sizeBytes = snapshot.sizeBytes;
    this.#unflushed = [];
  }

  /** A row silently becomes another, durably: what bad memory, a bad disk or a bug does. */
  damage(key: Bytes, value: Bytes | undefined): void {
    this.#flushUpTo(this.#visibleCount);
    this.#replace(fromLatin1(key), value?.slice());
  }

  #runQueueSoon(): void {
    const process = this.#process;
    queueMicrotask(() => {
      if (process !== this.#process) return;
      const queue = this.#queue;
      this.#queue = [];
      for (const transaction of queue) transaction();
    });
  }

  #transact<T>(change: (view: WriteView) => Settled<T>): T {
    const undo: UndoList = new Map();
    const sizeBytesBefore = this.#sizeBytes;
    const view = new Transaction(this.#pairs, (key, value) => this.#set(undo, key, value));
    this.#inTransaction = true;
    try {
      const answer = change(view);
      this.#refuseWhenFull(sizeBytesBefore);
      this.#commit(undo);
      return answer;
    } catch (error) {
      this.#undo(undo);
      throw error;
    } finally {
      this.#inTransaction = false;
      view.end();
    }
  }

  #commit(undo: UndoList): void {
    if (undo.size === 0) return;
    this.#unflushed.push(undo);
    this.#visibleCount++;
  }

  #set(undo: UndoList, key: string, value: Bytes | undefined): void {
    const before = this.#replace(key, value);
    if (!undo.has(key) && (before !== undefined || value !== undefined)) undo.set(key, before);
  }

  #undo(undo: UndoList): void {
    for (const [key, before] of undo) this.#replace(key, before);
  }

  #replace(key: string, value: Bytes | undefined): Bytes | undefined {
    const before = value === undefined ? this.#pairs.remove(key) : this.#pairs.put(key, value);
    this.#sizeBytes += spentBytes(key, value) - spentBytes(key, before);
    return before;
  }

  #flushUpTo(visibleCount: number): void {
    const flushedCount = this.#visibleCount - this.#unflushed.length;
    if (visibleCount > flushedCount) this.#unflushed.splice(0, visibleCount - flushedCount);
  }

  #refuseWhenFull(sizeBytesBefore: number): void {
    if (this.#sizeBytes > this.#capacityBytes && this.#sizeBytes > sizeBytesBefore) {
      throw new CatalogStoreError("no-space", "the catalog's disk is full");
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw closedError();
  }
}

class View implements ReadView {
  protected readonly pairs: SortedMap;
  readonly #check: () => void;

  /** `check` throws when the view may not be used any more. */
  constructor(pairs: SortedMap, check: () => void) {
    this.pairs = pairs;
    this.#check = check;
  }

  get(key: Bytes): Bytes | undefined {
    this.#check();
    const value = this.pairs.get(fromLatin1(key));
    return value && copyOf(value);
  }

  *range(range: KeyRange): Iterable<KeyValue> {
    const start = fromLatin1(range.start);
    const end = fromLatin1(range.end);
    const reverse = range.reverse === true;
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    // Sought anew at each step: the loop around may put and remove.
    let from = reverse ? end : start;
    while (left-- > 0) {
      this.#check();
      const pair = reverse ? this.pairs.before(from) : this.pairs.atOrAfter(from);
      if (pair === undefined || (reverse ? pair[0] < start : pair[0] >= end)) return;
      yield { key: latin1(pair[0]), value: copyOf(pair[1]) };
      from = reverse ? pair[0] : `${pair[0]}\0`;
    }
  }
}

class Transaction extends View implements WriteView {
  readonly #set: (key: string, value: Bytes | undefined) => void;
  readonly #state: { ended: boolean };

  constructor(pairs: SortedMap, set: (key: string, value: Bytes | undefined) => void) {
    const state = { ended: false };
    super(pairs, () => refuseWhenEnded(state));
    this.#state = state;
    this.#set = set;
  }

  put(key: Bytes, value: Bytes): void {
    refuseWhenEnded(this.#state);
    this.#set(checkedKey(key), copyOf(value));
  }

  remove(key: Bytes): void {
    refuseWhenEnded(this.#state);
    this.#set(checkedKey(key), undefined);
  }

  end(): void {
    this.#state.ended = true;
  }
}

function refuseWhenEnded(state: { ended: boolean }): void {
  if (state.ended) throw new Error("a transaction's view was used after its end");
}

function checkedKey(key: Bytes): string {
  if (key.length === 0 || key.length > KEY_BYTES_MAX) {
    throw new RangeError(`a key has 1 to ${KEY_BYTES_MAX} bytes, not ${key.length}`);
  }
  return fromLatin1(key);
}

function spentBytes(key: string, value: Bytes | undefined): number {
  return value === undefined ? 0 : key.length + value.length + PAIR_OVERHEAD_BYTES;
}

function closedError(): CatalogStoreError {
  return new CatalogStoreError("closed", "the catalog is closed");
}
