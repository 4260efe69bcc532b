import { describe, expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { waitingAt } from "../../../tests/storage/waiting-at.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { readCopy, readTrash } from "../../core/catalog/copies.ts";
import { trashPathsRange } from "../../core/catalog/keys.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import { removeAll } from "../../core/catalog/pieces.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { trashName } from "./layout.ts";

const trashOf = (world: DiskWorld, { version }: FileContent) => readTrash(world.catalog.read(), version);

async function drop(world: DiskWorld, { version }: FileContent): Promise<void> {
  const copy = readCopy(world.catalog.read(), version) as CopyRow;
  await world.settler.retire(version, copy, "dropped");
}

async function removeForever(world: DiskWorld, path: string, { version }: FileContent): Promise<void> {
  const value = encodeContent({ type: "deleted", movedTo: undefined, forever: [version] });
  await world.catalog.change((change) => change.writePath(path as FilePath, CONTENT_FIELD, value));
  await world.settleAll();
}

describe("the trash", () => {
  test("names a file with whole characters of what it was called, however long that was", () => {
    const version = `${"0".repeat(14)}-${"0".repeat(12)}` as VersionId;
    for (const name of [`x${"🎵".repeat(63)}`, `xx${"🎵".repeat(63)}`, `🎵${"é".repeat(125)}`]) {
      const trashed = trashName(version, name as FilePath);
      expect([trashed.isWellFormed(), Buffer.byteLength(trashed) - ".fsdfs/trash/".length <= 255]).toEqual([
        true,
        true,
      ]);
    }
  });

  test("keeps of a deleted file its digest and who deleted it, which the catalog says no more", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "some bytes");
    const value = encodeContent({ type: "deleted", movedTo: undefined, by: "k1" });
    await world.catalog.change((change) => change.writePath("a" as FilePath, CONTENT_FIELD, value));
    await world.settleAll();
    expect(trashOf(world, content)).toMatchObject({ reason: "deleted", by: "k1", sha256: content.sha256, path: "a" });
  });

  test("keeps the digest of what was overwritten, and of what was dropped", async () => {
    const world = await DiskWorld.begin();
    const [first, other] = [await world.put("a", "the first"), await world.put("b", "another")];
    await world.put("a", "the second one");
    await drop(world, other);
    expect(trashOf(world, first)).toMatchObject({ reason: "overwritten", sha256: first.sha256 });
    expect(trashOf(world, other)).toMatchObject({ reason: "dropped", sha256: other.sha256 });
  });

  test("S2: of it only what was dropped gives way to a copy beyond N; the rest to uploads and files below N", async () => {
    const world = await DiskWorld.begin();
    const [deleted, dropped] = [await world.put("a", "deleted"), await world.put("b", "dropped")];
    await world.remove("a");
    await drop(world, dropped);
    await world.catalog.change((change) => {
      change.writePath("b" as FilePath, CONTENT_FIELD, encodeContent({ type: "deleted", movedTo: undefined }));
    });
    world.space.quotaBytes = world.space.usedBytes();
    expect(world.space.roomBytes("extra")).toBe(dropped.sizeBytes);
    expect(world.space.roomBytes("pull")).toBe(dropped.sizeBytes + deleted.sizeBytes);
    await world.trash.makeRoom(world.space.usedBytes(), "extra");
    expect([trashOf(world, dropped), trashOf(world, deleted)?.reason]).toEqual([undefined, "deleted"]);
    await world.trash.makeRoom(dropped.sizeBytes + deleted.sizeBytes, "pull");
    expect(trashOf(world, deleted)).toBeUndefined();
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
    expect(world.catalog.stats()).toMatchObject({ trashBytes: 0, droppedBytes: 0 });
  });

  test("has nothing of what was deleted forever, neither of its copy nor of one that was dropped before", async () => {
    const world = await DiskWorld.begin();
    const [copied, dropped] = [await world.put("a", "copied"), await world.put("b", "dropped")];
    await drop(world, dropped);
    await removeForever(world, "a", copied);
    await removeForever(world, "b", dropped);
    expect(world.files).toEqual([]);
    expect([trashOf(world, copied), trashOf(world, dropped)]).toEqual([undefined, undefined]);
    expect(world.space.usedBytes()).toBe(0);
  });

  test("has what a deletion forever did not mean: another version that lay there", async () => {
    const world = await DiskWorld.begin();
    const seen = await world.put("a", "what was seen");
    const lost = await world.put("a", "what was written on the other side");
    await removeForever(world, "a", seen);
    expect(trashOf(world, lost)?.sha256).toBe(lost.sha256);
    expect(trashOf(world, seen)).toBeUndefined();
  });

  test("has nothing of what was deleted forever where only the file that came after it was heard of", async () => {
    const world = await DiskWorld.begin();
    const gone = await world.put("a", "deleted forever");
    const next = { ...(await world.put("b", "the next one")), forever: [gone.version] };
    await world.learn("a", next);
    await world.settleAll();
    expect(trashOf(world, gone)).toBeUndefined();
    expect(world.files).toEqual(["b"]);
  });

  test("has nothing of what was moved and deleted forever, also where the deletion was heard of first", async () => {
    const world = await DiskWorld.begin();
    const moved = await world.put("a", "moved, then deleted forever");
    const leftAt = await world.catalog.change((change) => change.now());
    await removeForever(world, "b", moved);
    const left = encodeContent({ type: "deleted", movedTo: "b" as FilePath });
    await world.catalog.change((change) => change.writePath("a" as FilePath, CONTENT_FIELD, left, leftAt));
    await world.settleAll();
    expect(world.files).toEqual([]);
  });

  test("P4: a file that has rotten in it does not come back, and goes", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "some bytes");
    await world.remove("a");
    world.disk.writeExternally(trashOf(world, content)!.location, new TextEncoder().encode("SOME BYTES"));
    const enter = () => expect.unreachable();
    expect(await world.copies.bringBack(content.version, enter)).toBe(false);
    expect(trashOf(world, content)).toBeUndefined();
  });

  test("gives a version back at the path that it is stated at in the same change", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "some bytes");
    await world.remove("a");
    const isBack = await world.copies.bringBack(content.version, (change, sha256) => {
      change.writePath("b" as FilePath, CONTENT_FIELD, encodeContent({ ...content, sha256 }));
    });
    await world.settleAll();
    expect([isBack, world.has(content), world.text("b")]).toEqual([true, true, "some bytes"]);
    expect(world.files).toEqual(["b"]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S2: is emptied but for what a file replaced that is not safe yet", async () => {
    const world = await DiskWorld.begin();
    await world.isJoined();
    const first = await world.put("a", "the first");
    const other = await world.put("b", "another");
    await world.put("a", "the second one");
    await world.remove("b");
    const { rows, kept } = await world.trash.empty(undefined, () => true);
    expect(rows.map(({ version }) => version)).toEqual([other.version]);
    expect(kept.map(({ version }) => version)).toEqual([first.version]);
  });

  test("finds what lay at a path last by that path, whatever else lies there, also in rows that came before the index", async () => {
    const world = await DiskWorld.begin();
    const [first, second] = [await world.put("a", "the first"), await world.put("a", "the second one")];
    for (const path of ["a/b", "a.ogg"]) {
      if (path === "a/b") await world.remove("a");
      await world.put(path, path);
      await world.remove(path);
    }
    const lastAt = (path: string) => world.trash.lastAt(path as FilePath).map(({ version }) => version);
    expect(lastAt("a")).toEqual([second.version, first.version]);
    await world.catalog.change(({ transaction: { view } }) => removeAll(view, trashPathsRange()));
    expect(lastAt("a")).toEqual([]);
    await world.trash.levelling.levelAtStart();
    expect(lastAt("a")).toEqual([second.version, first.version]);
    // What is at a path of the swarm again is not there to be had back.
    await world.copies.bringBack(second.version, (change, sha256) => {
      change.writePath("c" as FilePath, CONTENT_FIELD, encodeContent({ ...second, sha256 }));
    });
    await world.settleAll();
    expect(lastAt("a")).toEqual([first.version]);
    await world.remove("c");
    expect(lastAt("a")).toEqual([first.version]);
    expect(lastAt("c")).toEqual([second.version]);
    await world.trash.empty(undefined, () => true);
    expect([...world.catalog.read().range(trashPathsRange())]).toEqual([]);
  });

  test("S3: is levelled with its directory: rows whose files are gone, and files that nobody knows, go", async () => {
    const world = await DiskWorld.begin();
    const contents = await Promise.all(["a", "b", "c"].map((path) => world.put(path, path)));
    for (const path of ["a", "b", "c"]) await world.remove(path);
    const [a, b, c] = contents.map((content) => trashOf(world, content)!.location);
    world.disk.removeExternally(b!);
    world.disk.writeExternally(".fsdfs/trash/something", new Uint8Array(5));
    world.disk.writeExternally(`.fsdfs/trash/${contents[1]!.version}-of-another-name`, new Uint8Array(5));
    await world.trash.levelling.level();
    expect(world.files).toEqual([a, c].sort());
    expect(contents.map((content) => trashOf(world, content)?.path)).toEqual(["a", undefined, "c"]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S2 S3: knows a file that came there again while the one before was thrown away", async () => {
    const directory = waitingAt("syncDirectory");
    const world = await DiskWorld.begin(directory.between);
    const content = await world.put("a", "some bytes");
    await world.remove("a");
    const { reached, goOn } = directory.arm();
    const emptied = world.trash.empty(undefined, () => true);
    await reached;
    await world.learn("a", content);
    await copyAgain(world, content, "some bytes");
    const removed = world.remove("a");
    goOn();
    await Promise.all([emptied, removed]);
    expect(trashOf(world, content)?.reason).toBe("deleted");
    expect(world.files).toEqual([trashOf(world, content)?.location]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S3: gives back what is wanted while much of what was dropped goes since the quota was lowered", async () => {
    const world = await DiskWorld.begin();
    const dropped: FileContent[] = [];
    for (let i = 0; i < 250; i++) dropped.push(await world.put(`dropped/${i}`, "x"));
    for (const content of dropped) await drop(world, content);
    for (let i = 0; i < 250; i++) await world.remove(`dropped/${i}`);
    const content = await world.put("a", "some bytes");
    await world.remove("a");
    world.space.quotaBytes = content.sizeBytes + 1;
    const kept = world.trash.keepQuota();
    await world.learn("a", content);
    expect(await world.copies.restore(content.version, "a" as FilePath, content)).toBe(true);
    const left = world.catalog.stats().droppedBytes;
    await kept;
    expect([left > 1, world.catalog.stats().droppedBytes]).toEqual([true, 1]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test.each(["deleted", "overwritten"])(
    "S2: has what is %s while what was dropped of it is thrown away",
    async (how) => {
      const remove = waitingAt("remove", "before");
      const world = await DiskWorld.begin(remove.between);
      const content = await world.put("a", "some bytes");
      await drop(world, content);
      await copyAgain(world, content, "some bytes");
      const deleted = encodeContent({ type: "deleted", movedTo: undefined });
      await world.catalog.change((change) => change.writePath("a" as FilePath, CONTENT_FIELD, deleted));
      const { reached, goOn } = remove.arm();
      const emptied = world.trash.empty(undefined, () => true);
      await reached;
      if (how === "overwritten") await world.enter("a", "the next one");
      const settled = world.settleAll();
      for (let turn = 0; turn < 1000; turn++) await Promise.resolve(); // It comes as far as it can.
      goOn();
      await Promise.all([emptied, settled]);
      expect(trashOf(world, content)?.reason).toBe(how);
      expect(world.text(trashOf(world, content)!.location)).toBe("some bytes");
      expect(world.space.usedBytes()).toBe(world.scannedBytes);
    },
  );

  test("P3: does not give a file back in whose place another of the same version has come", async () => {
    const opening = waitingAt("open");
    const world = await DiskWorld.begin(opening.between);
    const content = await world.put("a", "some bytes");
    await drop(world, content);
    await copyAgain(world, content, "some bytes");
    const deleted = encodeContent({ type: "deleted", movedTo: undefined });
    await world.catalog.change((change) => change.writePath("a" as FilePath, CONTENT_FIELD, deleted));
    const { reached, goOn } = opening.arm();
    const given = world.copies.bringBack(content.version, (change, sha256) => {
      change.writePath("b" as FilePath, CONTENT_FIELD, encodeContent({ ...content, sha256 }));
    });
    await reached;
    await world.settleAll();
    goOn();
    const isBack = await given;
    await world.settleAll();
    expect(isBack ? world.text("b") : world.text(trashOf(world, content)!.location)).toBe("some bytes");
    expect(world.has(content)).toBe(isBack);
  });
});

async function copyAgain(world: DiskWorld, { version }: FileContent, text: string): Promise<void> {
  const writer = await world.staging.begin("upload");
  await writer.write(new TextEncoder().encode(text));
  expect(await world.copies.commit(version, await writer.finish())).toBe(true);
}
