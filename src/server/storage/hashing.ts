/** The SHA-256 of a file that lies on the disk, read in pieces: the next piece is read while one is hashed. */
import { createHash, hash } from "node:crypto";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { ReadableFile } from "../../ports/file-store.ts";

/** Hashing so much holds up the event loop for a quarter of a millisecond. */
const PIECE_BYTES = 512 * 1024;
/** Pairs of pieces that are kept to be used again. */
const KEPT_MAX = 4;
/** A file of which all is read, and hashed, at once: so it costs one change of threads, and little memory. */
const SMALL_BYTES = 64 * 1024;
const KEPT_SMALL_MAX = 16;

type Pair = readonly [Bytes, Bytes];

const kept: Pair[] = [];
const keptSmall: Bytes[] = [];

export interface Hashing {
  /** Bytes to read at least, of a small file no more; to the end of the file unless given. */
  readonly sizeBytes?: number;
  /** Is waited for with the size of each piece that was read. What it throws ends the reading, and is thrown. */
  readonly pass?: (bytes: number) => Promise<void>;
}

/** @throws FileStoreError */
export async function hashFile(file: ReadableFile, hashing: Hashing = {}): Promise<string> {
  if (hashing.sizeBytes !== undefined && hashing.sizeBytes <= SMALL_BYTES) {
    return await hashSmall(file, hashing.sizeBytes, hashing.pass);
  }
  const pair: Pair = kept.pop() ?? [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  try {
    return await hashThrough(file, pair, hashing);
  } finally {
    if (kept.length < KEPT_MAX) kept.push(pair);
  }
}

async function hashSmall(file: ReadableFile, sizeBytes: number, pass: Hashing["pass"]): Promise<string> {
  const memory = keptSmall.pop() ?? new Uint8Array(SMALL_BYTES);
  try {
    const count = await file.read(memory.subarray(0, sizeBytes), 0);
    const sha256 = hash("sha256", memory.subarray(0, count), "hex");
    await pass?.(count);
    return sha256;
  } finally {
    if (keptSmall.length < KEPT_SMALL_MAX) keptSmall.push(memory);
  }
}

async function hashThrough(file: ReadableFile, pair: Pair, { sizeBytes, pass }: Hashing): Promise<string> {
  const sha256 = createHash("sha256");
  let [now, next] = pair;
  const read = (into: Bytes, position: number) => {
    const piece = file.read(into, position);
    piece.catch(() => undefined); // It may fail before it is waited for.
    return piece;
  };
  let reading = read(now, 0);
  try {
    for (let position = 0; ; ) {
      const count = await reading;
      position += count;
      const isLast = count === 0 || (sizeBytes !== undefined && position >= sizeBytes);
      if (!isLast) reading = read(next, position);
      sha256.update(now.subarray(0, count));
      await pass?.(count);
      if (isLast) return sha256.digest("hex");
      [now, next] = [next, now];
    }
  } finally {
    await reading.catch(() => undefined); // Nobody closes the file, or uses the memory, while it is read into.
  }
}
