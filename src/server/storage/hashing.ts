/** The SHA-256 of a file that lies on the disk, read in pieces: the next piece is read while one is hashed. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { ReadableFile } from "../../ports/file-store.ts";

/** Hashing so much holds up the event loop for a quarter of a millisecond. */
const PIECE_BYTES = 512 * 1024;
/** Pairs of pieces that are kept to be used again. */
const KEPT_MAX = 4;

type Pair = readonly [Bytes, Bytes];

const kept: Pair[] = [];

export interface Hashing {
  /** Bytes to read at least; to the end of the file unless given. */
  readonly sizeBytes?: number;
  /** Is waited for with the size of each piece that was read. What it throws ends the reading, and is thrown. */
  readonly pass?: (bytes: number) => Promise<void>;
}

/** @throws FileStoreError */
export async function hashFile(file: ReadableFile, hashing: Hashing = {}): Promise<string> {
  const pair: Pair = kept.pop() ?? [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  try {
    return await hashThrough(file, pair, hashing);
  } finally {
    if (kept.length < KEPT_MAX) kept.push(pair);
  }
}

async function hashThrough(file: ReadableFile, pair: Pair, { sizeBytes, pass }: Hashing): Promise<string> {
  const hash = createHash("sha256");
  let [now, next] = pair;
  let reading = file.read(now, 0);
  try {
    for (let position = 0; ; ) {
      const count = await reading;
      position += count;
      const isLast = count === 0 || (sizeBytes !== undefined && position >= sizeBytes);
      if (!isLast) reading = file.read(next, position);
      hash.update(now.subarray(0, count));
      await pass?.(count);
      if (isLast) return hash.digest("hex");
      [now, next] = [next, now];
    }
  } finally {
    await reading.catch(() => undefined); // Nobody closes the file, or uses the memory, while it is read into.
  }
}
