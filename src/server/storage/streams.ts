/** Moving bytes: out of a copy, and from one source to several takers at the pace of the slowest. */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { OpenCopy } from "./copies.ts";

export const CHUNK_BYTES = 256 * 1024;

/** Of memory that is used again: taking it anew costs as much as reading into it. 4 MB. */
const SPARE_MAX = 16;
const spare: Bytes[] = [];

/** The file is not the copy any more: somebody has changed it since it was opened (S8). */
export class CopyChanged extends Error {}

/**
 * Bytes `start` to `end` of a copy, which is closed at the end. A chunk counts until the next is asked for. Throws when
 * somebody changes the file meanwhile: no chunk is handed out that was read after a change (P4, S8).
 */
export function readCopyRange(copy: OpenCopy, start: number, end: number): AsyncGenerator<Bytes> {
  return releasing(chunksOf(copy, start, end), () => copy.file.close());
}

/**
 * The same chunks. Whoever leaves them before he has asked for the first makes a generator end without a step of it, its
 * `finally` included: what it would have let go of is let go of by `release`, which must bear to be called after that.
 */
export function releasing(chunks: AsyncGenerator<Bytes>, release: () => Promise<unknown>): AsyncGenerator<Bytes> {
  const leaving = async (left: Promise<IteratorResult<Bytes>>) => {
    try {
      return await left;
    } finally {
      await release();
    }
  };
  const released: AsyncGenerator<Bytes> = {
    next: () => chunks.next(),
    return: (value) => leaving(chunks.return(value)),
    throw: (error) => leaving(chunks.throw(error)),
    [Symbol.asyncIterator]: () => released,
    [Symbol.asyncDispose]: async () => {
      await released.return(undefined);
    },
  };
  return released;
}

async function* chunksOf(copy: OpenCopy, start: number, end: number): AsyncGenerator<Bytes> {
  const memory = memoryOf(Math.min(CHUNK_BYTES, end - start));
  try {
    for (let position = start; position < end; ) {
      const buffer = memory.subarray(0, Math.min(CHUNK_BYTES, end - position));
      const count = await copy.file.read(buffer, position);
      if (count === 0) throw new CopyChanged("a copy ended before its size");
      const { modifiedNs, sizeBytes } = await copy.file.stat();
      if (modifiedNs !== copy.modifiedNs || sizeBytes !== copy.sizeBytes)
        throw new CopyChanged("a copy changed while it was read");
      position += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    await copy.file.close();
    if (memory.length === CHUNK_BYTES && spare.length < SPARE_MAX) spare.push(memory);
  }
}

function memoryOf(bytes: number): Bytes {
  if (bytes < CHUNK_BYTES) return new Uint8Array(Math.max(0, bytes));
  return spare.pop() ?? new Uint8Array(CHUNK_BYTES);
}

/** One taker of a stream that is written to several: an iterable at one end, `push` at the other. */
export class Pipe implements AsyncIterable<Bytes> {
  #chunk: Bytes | undefined;
  #ended: { error: Error | undefined } | undefined;
  #filled = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<boolean>();
  #left = false;

  /** Resolves when the chunk has been taken: true, or false when nobody reads any more. */
  async push(chunk: Bytes): Promise<boolean> {
    if (this.#left) return false;
    this.#chunk = chunk;
    this.#taken = Promise.withResolvers<boolean>();
    this.#filled.resolve();
    return await this.#taken.promise;
  }

  /** No more chunks; with an error the reader's loop throws it. */
  end(error?: Error): void {
    this.#ended ??= { error };
    this.#filled.resolve();
  }

  /** The reader is gone: whoever pushes is told. */
  leave(): void {
    this.#left = true;
    this.#taken.resolve(false);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Bytes> {
    try {
      for (;;) {
        await this.#filled.promise;
        const chunk = this.#chunk;
        if (chunk !== undefined) {
          this.#chunk = undefined;
          if (this.#ended === undefined) this.#filled = Promise.withResolvers<void>();
          yield chunk;
          this.#taken.resolve(true);
          continue;
        }
        if (this.#ended === undefined) {
          this.#filled = Promise.withResolvers<void>();
          continue;
        }
        if (this.#ended.error !== undefined) throw this.#ended.error;
        return;
      }
    } finally {
      this.leave();
    }
  }
}
