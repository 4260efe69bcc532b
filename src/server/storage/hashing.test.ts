/** Hashing a file while its next piece is read. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ReadableFile } from "../../ports/file-store.ts";
import { hashFile } from "./hashing.ts";

const SIZE_BYTES = 4 * 1024 * 1024;

test("P4: a piece that the disk does not give, while the one before it is waited with, is an error of the file alone", async () => {
  let reads = 0;
  const file = {
    read: async (buffer: Uint8Array) => {
      reads += 1;
      if (reads === 2) throw new Error("EIO");
      return buffer.length;
    },
  } as unknown as ReadableFile;
  const strays: unknown[] = [];
  const stray = (reason: unknown) => strays.push(reason);
  process.on("unhandledRejection", stray);
  try {
    // As a scrub does, which keeps to its pace: by the next turn a failure that nobody waits for has been told.
    await expect(hashFile(file, { sizeBytes: SIZE_BYTES, pass: () => nextTurn() })).rejects.toThrow("EIO");
    expect(strays).toEqual([]);
  } finally {
    process.off("unhandledRejection", stray);
  }
});
