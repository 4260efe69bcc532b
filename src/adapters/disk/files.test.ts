/** Writing: small pieces are gathered, and none is lost without a word. */
import { fstatSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { decodeCopyRow, encodeCopyRow } from "../../core/catalog/rows.ts";
import type { FilePath } from "../../core/paths.ts";
import { ReadableDiskFile, WritableDiskFile } from "./files.ts";
import { openLocalFiles } from "./local-files.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-files-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Pieces of so many bytes, each with its own number in all of them. */
function piecesOf(sizes: readonly number[]): Uint8Array[] {
  return sizes.map((size, i) => new Uint8Array(size).fill(i + 1));
}

test("a file is its pieces in order, small and large, whether each is waited for or not", async () => {
  const pieces = piecesOf([1, 16_384, 0, 16_384, 131_072, 5, 131_071, 2, 400_000, 16_384, 100_000, 60_000]);
  for (const waits of [true, false]) {
    const path = join(directory, String(waits));
    const file = new WritableDiskFile(openSync(path, "wx"), path);
    const written: Promise<void>[] = [];
    for (const piece of pieces) {
      written.push(file.write(piece));
      if (waits) await written.at(-1);
    }
    await Promise.all(written);
    expect((await file.stat()).sizeBytes).toBe(Buffer.concat(pieces).length);
    await file.close();
    expect((await readFile(path)).equals(Buffer.concat(pieces))).toBe(true);
  }
});

test("a piece may be used again once it was taken", async () => {
  const path = join(directory, "reused");
  const file = new WritableDiskFile(openSync(path, "wx"), path);
  const piece = new Uint8Array(1000);
  for (let i = 1; i <= 300; i++) await file.write(piece.fill(i & 255));
  await file.close();
  const expected = Buffer.concat(Array.from({ length: 300 }, (_, i) => new Uint8Array(1000).fill((i + 1) & 255)));
  expect((await readFile(path)).equals(expected)).toBe(true);
});

test("what was gathered and cannot be written is told by sync, which never succeeds then (S4)", async () => {
  const file = new WritableDiskFile(openSync("/dev/full", "w"), "full");
  await file.write(new Uint8Array(100));
  await expect(file.sync()).rejects.toMatchObject({ code: "no-space" });
  await expect(file.sync()).rejects.toMatchObject({ code: "io" });
  await file.close();
});

test("what was gathered and cannot be written is told by close, which closes all the same", async () => {
  const descriptor = openSync("/dev/full", "w");
  const file = new WritableDiskFile(descriptor, "full");
  await file.write(new Uint8Array(100));
  await expect(file.close()).rejects.toMatchObject({ code: "no-space" });
  expect(() => fstatSync(descriptor)).toThrow("EBADF");
});

test("nothing is taken any more once it is being closed: it would be lost", async () => {
  const path = join(directory, "closing");
  const file = new WritableDiskFile(openSync(path, "wx"), path);
  await file.write(new Uint8Array(100));
  const closed = file.close();
  await expect(file.write(new Uint8Array(1))).rejects.toMatchObject({ code: "io" });
  await closed;
  expect((await readFile(path)).length).toBe(100);
});

test("a descriptor is kept until no read of it is under way: it would be another file's (P4)", async () => {
  const path = join(directory, "read");
  await writeFile(path, new Uint8Array(100_000).fill(7));
  const descriptor = openSync(path, "r");
  const file = new ReadableDiskFile(descriptor, path);
  const buffer = new Uint8Array(100_000);
  const events: string[] = [];
  const read = file.read(buffer, 0).then(() => events.push("read"));
  await file.close().then(() => events.push("closed"));
  await read;
  expect(events).toEqual(["read", "closed"]);
  expect(buffer.every((byte) => byte === 7)).toBe(true);
  expect(() => fstatSync(descriptor)).toThrow("EBADF");
});

test.each([1950, 2026, 2300, 2440])("S5: a file of the year %d is as it was recorded", async (year) => {
  const path = join(directory, "a");
  await writeFile(path, "text");
  await utimes(path, Date.UTC(year, 0) / 1000, Date.UTC(year, 0) / 1000);
  const file = new ReadableDiskFile(openSync(path, "r"), path);
  const stat = await file.stat();
  const copy = { path: "a" as FilePath, location: "a", staged: undefined, ...stat };
  expect(decodeCopyRow(encodeCopyRow(copy))).toMatchObject({ inode: stat.inode, modifiedNs: stat.modifiedNs });
  const local = openLocalFiles(directory).open("a", stat.inode)!;
  expect(local.look().modifiedNs).toBe(stat.modifiedNs);
  local.close();
  await file.close();
});
