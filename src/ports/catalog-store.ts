import type { ReadView, WriteView } from "../core/catalog/kv.ts";

/** Longest key in bytes, from LMDB with pages of 4,096 bytes. */
export const KEY_BYTES_MAX = 1978;

/** A value that is not a promise: a transaction's callback must be done when it returns. */
export type Settled<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * The durable, ordered map under the catalog. One process writes it, several may read it.
 *
 * Visible and durable are two moments: a write is visible when its promise resolves, and survives a power cut once a
 * `flushed()` that was asked for afterwards has resolved. A killed process loses nothing that was visible.
 */
export interface CatalogStore {
  /**
   * What is committed now. Within one synchronous stretch of code all reads are of one snapshot; do not keep the view
   * over an `await`: ask again.
   */
  read(): ReadView;
  /**
   * Runs `change` alone, in one transaction; transactions run in the order they were asked for. Resolves with its
   * answer once the change is visible. When `change` throws, nothing is written and the promise rejects with what it
   * threw.
   *
   * @throws CatalogStoreError when the disk refuses (`no-space`, `io`): nothing was written.
   */
  write<T>(change: (view: WriteView) => Settled<T>): Promise<T>;
  /** Resolves when everything that was visible at the call is durable. Rejects when the disk cannot say so. */
  flushed(): Promise<void>;
  /** Bytes that the store takes on its disk. */
  sizeBytes(): number;
  /** Finishes what was asked for, flushes, and lets go of the files. */
  close(): Promise<void>;
}

export class CatalogStoreError extends Error {
  readonly code: "no-space" | "io" | "closed";

  constructor(code: "no-space" | "io" | "closed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CatalogStoreError";
    this.code = code;
  }
}
