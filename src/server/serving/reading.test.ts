/** Reading copies for clients in a serving process. */
import { expect, test } from "vitest";
import type { CopyRow } from "../../core/catalog/rows.ts";
import type { FilePath } from "../../core/paths.ts";
import type { LocalFile } from "../../ports/local-files.ts";
import { NotHere } from "../face.ts";
import { Reading } from "./reading.ts";

const CLOCK = { wall: () => 0, monotonic: () => 0, after: () => () => {} };

function copyOf(inode: number): CopyRow {
  const path = "song.ogg" as FilePath;
  return { path, location: path, staged: undefined, sizeBytes: 100_000, inode, modifiedNs: 1n };
}

function fileThat(read: (bytes: number) => number): LocalFile {
  return {
    look: () => ({ sizeBytes: 100_000, modifiedNs: 1n }),
    readNow: (buffer) => read(buffer.length),
    read: async (buffer) => read(buffer.length),
    close: () => {},
  };
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

test("P4: a file that the disk does not give is known by that, so that its next reader is led elsewhere", async () => {
  const reading = new Reading(CLOCK);
  const broken = fileThat(() => {
    throw new Error("EIO");
  });
  await expect(bytesOf(reading.range(broken, copyOf(1), 0, 100_000))).rejects.toThrow(NotHere);
  expect(
    await bytesOf(
      reading.range(
        fileThat((bytes) => bytes),
        copyOf(2),
        0,
        100_000,
      ),
    ),
  ).toBe(100_000);
  expect([reading.hasFailed(copyOf(1)), reading.hasFailed(copyOf(2))]).toEqual([true, false]);
});

test("P4: what has begun to be sent and breaks off is not asked of another process from its beginning", async () => {
  let reads = 0;
  const breaking = fileThat((bytes) => {
    reads += 1;
    if (reads > 1) throw new Error("EIO");
    return bytes - 1;
  });
  await expect(bytesOf(new Reading(CLOCK).range(breaking, copyOf(1), 0, 100_000))).rejects.toThrow("EIO");
});

test("a file whose reader has left is as good as before", async () => {
  const reading = new Reading(CLOCK);
  for await (const _ of reading.range(
    fileThat(() => 10),
    copyOf(1),
    0,
    100_000,
  ))
    break;
  expect(reading.hasFailed(copyOf(1))).toBe(false);
});
