/** Reading copies for clients, in a serving process: into memory that is used again, and as fast as the disk lets it. */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LocalFile } from "../../ports/local-files.ts";
import { NotHere } from "../face.ts";

/** Read in one step: what a disk gives at once, and a client's socket takes at once. */
export const SMALL_BYTES = 64 * 1024;
const CHUNK_BYTES = 512 * 1024;
/** What all responses under way may take of memory, as long as their chunks are no smaller than the least. */
const CHUNKS_BYTES_MAX = 64 * 1024 * 1024;
const CHUNK_BYTES_MIN = 16 * 1024;
/** Chunks of memory that are kept for the next response. */
const SPARE_MAX = 16;
/** What is read faster lies in the page cache, and is not worth another thread. */
const CACHED_MS_MAX = 1.5;

/** Files that could not be read, which are remembered. */
const FAILED_MAX = 1000;

/** How a file was read last. Kept with the file, it spares the next reader the other thread. */
export interface Pace {
  isCached?: boolean;
}

/** S5. */
export function isAsRecorded(file: LocalFile, copy: CopyRow): boolean {
  const { sizeBytes, modifiedNs } = file.look();
  return sizeBytes === copy.sizeBytes && modifiedNs === copy.modifiedNs;
}

export class Reading {
  readonly #clock: Clock;
  readonly #spare: Uint8Array[] = [];
  #underWay = 0;
  /** By inode. */
  readonly #failed = new Set<number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether reading it has failed here: another process finds out why, and leads readers elsewhere. */
  hasFailed({ inode }: CopyRow): boolean {
    return this.#failed.has(inode);
  }

  #fails({ inode }: CopyRow): void {
    if (this.#failed.size >= FAILED_MAX) this.#failed.clear();
    this.#failed.add(inode);
  }

  /**
   * Bytes `start` to `end` of a copy, which is closed at the end. The memory of each chunk is read into again when the
   * next is asked for, by this reader or another. No chunk is handed out that was read after a change (P4, S8).
   * @throws NotHere when not even the first can be had
   *
   * @param pace of this file
   */
  async *range(file: LocalFile, copy: CopyRow, start: number, end: number, pace: Pace = {}): AsyncGenerator<Bytes> {
    this.#underWay += 1;
    let isCached = pace.isCached ?? end - start <= SMALL_BYTES;
    let position = start;
    try {
      while (position < end) {
        // The memory that was given back last is in the processor's cache, whoever read into it.
        const buffer = this.#take(end - position);
        const wanted = Math.min(buffer.length, end - position);
        const chunk = wanted === buffer.length ? buffer : buffer.subarray(0, wanted);
        const begun = this.#clock.monotonic();
        // The first on another thread, since the disk may be slow; the others as it turns out to be.
        const count = isCached ? file.readNow(chunk, position) : await file.read(chunk, position);
        isCached = this.#clock.monotonic() - begun < CACHED_MS_MAX;
        pace.isCached = isCached;
        if (count === 0) throw new Error("a copy ended before its size");
        if (!isAsRecorded(file, copy)) throw new Error("a copy changed while it was read");
        position += count;
        yield count === chunk.length ? chunk : chunk.subarray(0, count);
        this.#give(buffer);
      }
    } catch (error) {
      this.#fails(copy);
      throw position === start ? new NotHere() : error;
    } finally {
      this.#underWay -= 1;
      file.close();
    }
  }

  #take(sizeBytes: number): Uint8Array {
    const share = Math.max(CHUNK_BYTES_MIN, Math.floor(CHUNKS_BYTES_MAX / this.#underWay));
    const wanted = Math.min(sizeBytes, share, CHUNK_BYTES);
    // The end of a long file has the same memory as the rest of it: a new piece would be filled with zeros first.
    if (wanted <= SMALL_BYTES || share < CHUNK_BYTES) return new Uint8Array(wanted);
    return this.#spare.pop() ?? new Uint8Array(CHUNK_BYTES);
  }

  /** What is not given back, since its reader has left, is as good as new memory. */
  #give(buffer: Uint8Array): void {
    if (buffer.length === CHUNK_BYTES && this.#spare.length < SPARE_MAX) this.#spare.push(buffer);
  }
}
