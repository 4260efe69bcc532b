/**
 * Whether the data directory's disk takes new files at all: what a quota does not tell. A disk that is full, read-only
 * or broken takes none for a while after it has failed, and uploads go elsewhere meanwhile (S1).
 */
import type { Clock } from "../../ports/clock.ts";
import { type FileStore, FileStoreError } from "../../ports/file-store.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";

/** After a write that failed. Then it is tried again: the next upload that fails goes elsewhere as well. */
const DISK_REST_MS = 10_000;
/** Free space of the file system is looked at so often. */
const LOOK_EVERY_MS = 5000;

export class DiskWatch {
  readonly unit: BackgroundUnit;
  readonly #files: FileStore;
  readonly #clock: Clock;
  #freeBytes = Number.POSITIVE_INFINITY;
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(files: FileStore, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
    this.unit = new BackgroundUnit("watch the disk", () => this.#look());
  }

  /** Bytes that the file system has left, as it was seen last; 0 while the disk rests after a failure. */
  get freeBytes(): number {
    return this.isResting ? 0 : this.#freeBytes;
  }

  get isResting(): boolean {
    return this.#clock.monotonic() < this.#restsUntil;
  }

  /** A staged file could not be made, written or synced. */
  failed(error: unknown): void {
    if (error instanceof FileStoreError) this.#restsUntil = this.#clock.monotonic() + DISK_REST_MS;
  }

  succeeded(): void {
    this.#restsUntil = Number.NEGATIVE_INFINITY;
  }

  async #look(): Promise<NextStep> {
    this.#freeBytes = (await this.#files.capacity()).freeBytes;
    return { restMs: LOOK_EVERY_MS };
  }
}
