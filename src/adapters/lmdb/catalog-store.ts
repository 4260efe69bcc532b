/**
 * The catalog store on LMDB.
 *
 * A write is durable by the time it is visible: LMDB runs with its plain commit (pages, fdatasync, then the meta page
 * through a descriptor with O_DSYNC). lmdb-js's `overlappingSync` is off. It was no faster (its promises wait for the
 * fsync all the same), loses an error of that fsync (logs it, and the next sync succeeds), and never closes after one.
 *
 * All that is asked for while a transaction is under way goes into the next one (group commit), each change in a child
 * transaction of its own, because lmdb-js does not roll back a callback that throws. Changes run on the event loop, page
 * writes and syncs on another thread. Measured on 2 busy cores with an SSD, each change 4 gets and 4 puts at random
 * among 160,000 keys: 8,500 to 10,000 changes a second with 64 in flight, the event loop blocked 22% of the time and 3
 * to 5 ms at a stretch; 3,200 among a million keys; one at a time 1,600. `transactionSync` gave 10,000 to 12,000, and
 * 2,500 one at a time, but blocks the loop for all of the time, each fsync included.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve as resolvePath } from "node:path";
import type { ReadView, WriteView } from "../../core/catalog/kv.ts";
import { type CatalogStore, CatalogStoreError, type Settled } from "../../ports/catalog-store.ts";
import { Tables, type TreeSize } from "./tables.ts";
import { Transaction, View } from "./views.ts";

export interface LmdbOptions {
  /** For processes beside the one that writes: they see what is committed, and write() is refused. */
  readonly readOnly?: boolean;
  /** Address space to begin with, in bytes; LMDB takes more as the catalog grows. */
  readonly mapBytes?: number;
}

export interface LmdbStore extends CatalogStore {
  /** What each table takes of the disk; pages that wait to be used again are in none. */
  treeSizes(): TreeSize[];
  /** Another process that read has ended, perhaps without saying so: what it read is not to be kept for it. */
  forgetDeadReaders(): void;
}

interface QueuedChange {
  /** Runs the change, and keeps what comes of it for settle(). Throws what the change throws. */
  run(view: WriteView): void;
  /** Tells the caller what came of the change, or that its transaction failed. */
  settle(failure: CatalogStoreError | undefined): void;
}

/** A transaction takes no further change once it has kept the event loop for so long. */
const TRANSACTION_MS_MAX = 5;
/** Less free space than this makes a failed write a full disk: LMDB tells a short write as EIO. */
const FULL_DISK_BYTES = 1024 ** 2;

const MDB_MAP_FULL = -30792;
const ENOSPC = 28;
const EDQUOT = 122;

/** @throws CatalogStoreError when the directory cannot be made, or what lies there is no catalog */
export function openLmdbCatalogStore(directory: string, options: LmdbOptions = {}): LmdbStore {
  try {
    if (options.readOnly !== true) makeDurably(directory);
    return new LmdbCatalogStore(directory, options);
  } catch (error) {
    throw failureOf(error, directory);
  }
}

class LmdbCatalogStore implements LmdbStore {
  readonly #directory: string;
  readonly #options: LmdbOptions;
  #tables: Tables;
  #queue: QueuedChange[] = [];
  /** The transactions under way; undefined when there is nothing to do. */
  #writing: Promise<void> | undefined;
  #inTransaction = false;
  /** Whether the reads of this stretch of code have their snapshot. */
  #hasSnapshot = false;
  #closing: Promise<void> | undefined;
  readonly #readView: ReadView;

  constructor(directory: string, options: LmdbOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#tables = new Tables(directory, options);
    this.#readView = new View(() => {
      this.#takeSnapshot();
      return this.#tables;
    });
  }

  read(): ReadView {
    this.#refuseUnreadable();
    return this.#readView;
  }

  write<T>(change: (view: WriteView) => Settled<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError());
    if (this.#options.readOnly === true) return Promise.reject(new CatalogStoreError("io", "opened for reading only"));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push(queuedChange(change, resolve, reject));
      this.#writing ??= this.#writeAll();
    });
  }

  /** At once: what is visible is durable. */
  async flushed(): Promise<void> {
    if (this.#closing !== undefined) throw closedError();
  }

  sizeBytes(): number {
    return statSync(join(this.#directory, "data.mdb")).size;
  }

  treeSizes(): TreeSize[] {
    return this.#tables.sizes();
  }

  forgetDeadReaders(): void {
    if (this.#closing === undefined) this.#tables.root.readerCheck();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writing;
    await this.#tables.close();
  }

  async #writeAll(): Promise<void> {
    // The rest of this turn may ask for more.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#writeSome();
    this.#writing = undefined;
  }

  async #writeSome(): Promise<void> {
    const tables = this.#tables;
    const done: QueuedChange[] = [];
    const failure = await tables.root
      .transaction(() => this.#runChanges(tables, done))
      .then(
        () => undefined,
        (error: unknown) => this.#afterFailure(error),
      );
    this.#hasSnapshot = false;
    for (const change of done) change.settle(failure);
    // A transaction that failed before it ran a change would be tried for ever.
    if (failure !== undefined && done.length === 0) for (const change of this.#queue.splice(0)) change.settle(failure);
  }

  #runChanges(tables: Tables, done: QueuedChange[]): void {
    const view = new Transaction(tables);
    const endMs = performance.now() + TRANSACTION_MS_MAX;
    this.#inTransaction = true;
    try {
      do {
        const change = this.#queue.shift();
        if (change === undefined) break;
        done.push(change);
        runIsolated(tables, change, view);
      } while (performance.now() < endMs);
    } finally {
      this.#inTransaction = false;
      view.end();
    }
  }

  /** Nothing of the transaction was written. Says why, and sees that LMDB goes on. */
  async #afterFailure(error: unknown): Promise<CatalogStoreError> {
    const failure = failureOf(await causeOf(error), this.#directory);
    // LMDB refuses everything once a meta page could not be written. The file itself is as it was.
    if (!this.#isReadable()) await this.#reopen();
    return failure;
  }

  #isReadable(): boolean {
    try {
      this.#tables.root.resetReadTxn();
      this.#tables.root.doesExist(new Uint8Array(1));
      return true;
    } catch {
      return false;
    }
  }

  async #reopen(): Promise<void> {
    await this.#tables.close();
    this.#tables = new Tables(this.#directory, this.#options);
  }

  #takeSnapshot(): void {
    this.#refuseUnreadable();
    if (this.#hasSnapshot) return;
    this.#hasSnapshot = true;
    this.#tables.root.resetReadTxn();
    queueMicrotask(() => {
      this.#hasSnapshot = false;
    });
  }

  #refuseUnreadable(): void {
    if (this.#closing !== undefined) throw closedError();
    if (this.#inTransaction) throw new Error("read() was called inside a transaction; use its own view");
  }
}

/** Makes the directory where it is missing, and its name durable with those of its new ancestors. */
function makeDurably(directory: string): void {
  const path = resolvePath(directory);
  const topmost = mkdirSync(path, { recursive: true, mode: 0o700 }) ?? path;
  for (let ancestor = path; ; ancestor = dirname(ancestor)) {
    syncDirectory(ancestor);
    if (ancestor === dirname(topmost) || ancestor === dirname(ancestor)) return;
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function queuedChange<T>(
  change: (view: WriteView) => Settled<T>,
  resolve: (answer: T) => void,
  reject: (error: unknown) => void,
): QueuedChange {
  let tell: () => void = () => reject(new Error("the change was never run"));
  return {
    run(view) {
      try {
        const answer = change(view);
        tell = () => resolve(answer);
      } catch (error) {
        tell = () => reject(error);
        throw error;
      }
    },
    settle(failure) {
      if (failure === undefined) tell();
      else reject(failure);
    },
  };
}

/** The child transaction is rolled back when the change throws; its error is for settle() to tell. */
function runIsolated(tables: Tables, change: QueuedChange, view: WriteView): void {
  let hasThrown = false;
  try {
    tables.root.childTransaction(() => {
      try {
        change.run(view);
      } catch (error) {
        hasThrown = true;
        throw error;
      }
    });
  } catch (error) {
    if (!hasThrown) throw error;
  }
}

async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  return Promise.resolve(error.commitError).catch((cause: unknown) => cause);
}

function failureOf(error: unknown, directory: string): CatalogStoreError {
  if (error instanceof CatalogStoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = isFull(error, directory) ? "no-space" : "io";
  return new CatalogStoreError(code, `the catalog could not be written: ${message}`, { cause: error });
}

function isFull(error: unknown, directory: string): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === MDB_MAP_FULL || code === ENOSPC || code === EDQUOT || code === "ENOSPC" || code === "EDQUOT")
    return true;
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < FULL_DISK_BYTES;
  } catch {
    return false;
  }
}

function closedError(): CatalogStoreError {
  return new CatalogStoreError("closed", "the catalog is closed");
}
