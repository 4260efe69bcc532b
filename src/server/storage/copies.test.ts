import { describe, expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { waitingAt } from "../../../tests/storage/waiting-at.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { readCopy } from "../../core/catalog/copies.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { type FileStore, FileStoreError, type ReadableFile } from "../../ports/file-store.ts";
import type { Change } from "../catalog/change.ts";
import { asideName } from "./layout.ts";

const methodsOf = (file: ReadableFile): ReadableFile => ({
  read: (into, position) => file.read(into, position),
  stat: () => file.stat(),
  sync: () => file.sync(),
  close: () => file.close(),
});

/** More than a look at the disk in memory takes. */
const MICROTASKS = 100;

describe("a copy", () => {
  test("S8: whose file is just being moved is not taken for a missing one", async () => {
    const rename = waitingAt("rename");
    const world = await DiskWorld.begin(rename.between);
    const content = await world.put("music/c", "some bytes");
    await world.move("music/c", "a");
    const { reached, goOn } = rename.arm();
    const settled = world.settleAll();
    await reached;
    const opened = world.copies.open(content.version);
    for (let i = 0; i < MICROTASKS; i++) await Promise.resolve(); // It looks at the old path, and waits for the lock.
    goOn();
    await settled;
    const copy = await opened;
    expect(copy).toBeDefined();
    await copy?.file.close();
    expect(world.has(content)).toBe(true);
    expect(world.files).toEqual(["a"]);
  });

  describe("that an operator has replaced by the same bytes, while it is looked at", () => {
    /** Found right when `meanwhile` has come to be known, and perhaps waits for the look's end. */
    const lookedAt = async (meanwhile: (world: DiskWorld) => Promise<unknown>) => {
      const open = waitingAt("open");
      const world = await DiskWorld.begin(open.between);
      const content = await world.put("a", "some bytes");
      world.disk.writeExternally("a", new TextEncoder().encode("some bytes"));
      const { reached, goOn } = open.arm();
      const inspected = world.copies.inspect(content.version);
      await reached;
      const done = meanwhile(world);
      for (let i = 0; i < MICROTASKS; i++) await Promise.resolve();
      goOn();
      expect(await inspected).toBe("right");
      await done;
      await world.settleAll();
      expect(world.space.usedBytes()).toBe(world.scannedBytes);
      return { world, content };
    };

    test("P3: comes to where it is moved", async () => {
      const { world, content } = await lookedAt(async (it) => {
        await it.move("a", "b");
        await it.settleAll();
      });
      expect([world.has(content), world.files]).toEqual([true, ["b"]]);
    });

    test("T2: comes to where it is moved though that is begun only then", async () => {
      const { world, content } = await lookedAt((it) => it.move("a", "b"));
      expect([world.has(content), world.files]).toEqual([true, ["b"]]);
    });

    test("S2: goes to the trash when it is deleted", async () => {
      const { world, content } = await lookedAt((it) => it.remove("a"));
      expect(world.files).toEqual([world.trash.find(content.version)?.row.location]);
    });
  });

  describe("that an operator has replaced by the same bytes, and nobody has read since", () => {
    const touched = async () => {
      const world = await DiskWorld.begin();
      const content = await world.put("a", "some bytes");
      world.disk.writeExternally("a", new TextEncoder().encode("some bytes"));
      return { world, content };
    };

    test("P3: comes to where it is moved", async () => {
      const { world, content } = await touched();
      await world.move("a", "b");
      await world.settleAll();
      expect([world.has(content), world.files]).toEqual([true, ["b"]]);
      expect(world.space.usedBytes()).toBe(world.scannedBytes);
    });

    test("S8: is not lost when it is moved while the disk does not give it, and comes there when it does", async () => {
      const open = waitingAt("open");
      const world = await DiskWorld.begin(open.between);
      const content = await world.put("a", "some bytes");
      world.disk.writeExternally("a", new TextEncoder().encode("some bytes"));
      await world.move("a", "b");
      const { reached, fail } = open.arm();
      const settled = world.settleAll();
      await reached;
      fail(new FileStoreError("io", "the disk fails"));
      await settled.catch(() => undefined);
      expect(world.has(content)).toBe(true);
      await world.settleAll();
      expect([world.has(content), world.files]).toEqual([true, ["b"]]);
    });

    test("C2: makes way for the next at its path, and comes to its own", async () => {
      const { world, content } = await touched();
      await world.move("a", "b");
      const next = await world.enter("a", "something else");
      await world.settler.settle(next.version);
      await world.settleAll();
      expect([world.has(content), world.has(next), world.text("b")]).toEqual([true, true, "some bytes"]);
      expect(world.files).toEqual(["a", "b"]);
    });

    test.each(["deleted", "overwritten"])("S2: goes to the trash when it is %s", async (how) => {
      const { world, content } = await touched();
      if (how === "deleted") await world.remove("a");
      else await world.put("a", "something else");
      const rest = how === "deleted" ? [] : ["a"];
      expect(world.files).toEqual([world.trash.find(content.version)?.row.location, ...rest]);
      expect(world.space.usedBytes()).toBe(world.scannedBytes);
    });

    test("C9: stays where it is when it has come to be the copy of what overwrote it with its bytes", async () => {
      const world = await DiskWorld.begin();
      const content = await world.put("a", "some bytes");
      world.disk.writeExternally("a", new TextEncoder().encode("some bytes"), { inPlace: true });
      const successor = { ...content, version: "0fffffffffff01-bbbbbbbbbbbb" as VersionId };
      await world.learn("a", successor);
      expect(await world.copies.adopt(successor.version, "a" as FilePath, successor)).toBe(true);
      await world.settleAll();
      expect([world.has(content), world.has(successor), world.files]).toEqual([false, true, ["a"]]);
    });
  });

  test("P3: that a hand has made one file with another of the same bytes stays when it is moved over that one", async () => {
    const world = await DiskWorld.begin();
    const moved = await world.put("a", "the same bytes");
    const other = await world.put("b", "the same bytes");
    world.disk.removeExternally("b");
    await world.disk.link("a", "b");
    expect(await world.copies.inspect(other.version)).toBe("right");
    await world.move("a", "b");
    await world.settler.settle(moved.version);
    await world.settleAll();
    expect([world.has(moved), world.has(other), world.text("b")]).toEqual([true, false, "the same bytes"]);
    expect(await world.copies.check(moved.version)).toBe(true);
    expect(world.files).toEqual([world.trash.find(other.version)?.row.location, "b"]);
  });

  test("D2: that goes over to a version of the same bytes while it is read is not promised when that read fails", async () => {
    const io = new FileStoreError("io", "the disk fails");
    const world = await DiskWorld.begin((disk) => {
      const open = async (name: string) => ({ ...methodsOf(await disk.open(name)), read: () => Promise.reject(io) });
      return new Proxy<FileStore>(disk, {
        get: (target, name) => {
          if (name === "open") return open;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    });
    const content = await world.put("a", "some bytes");
    const opened = await world.copies.open(content.version);
    const successor = { ...content, version: "0fffffffffff01-bbbbbbbbbbbb" as VersionId };
    await world.learn("a", successor);
    await world.settleAll();
    expect([world.has(content), world.has(successor)]).toEqual([false, true]);
    await expect(opened!.file.read(new Uint8Array(1), 0)).rejects.toThrow("the disk fails");
    expect(await world.copies.check(successor.version)).toBe(false);
    await opened!.file.close();
  });

  test("C2: that was overwritten by its own bytes, and meanwhile comes to another path, comes back out of the trash", async () => {
    const stat = waitingAt("stat");
    const world = await DiskWorld.begin(stat.between);
    const content = await world.put("a", "some bytes");
    await world.learn("a", { ...content, version: "0fffffffffff01-bbbbbbbbbbbb" as VersionId });
    const { reached, goOn } = stat.arm();
    const settled = world.settleAll();
    await reached;
    await world.learn("b", content);
    goOn();
    await settled;
    await world.copies.restore(content.version, "b" as FilePath, content);
    expect([world.has(content), world.text("b")]).toEqual([true, "some bytes"]);
  });

  test("C2: overwritten here and moved elsewhere, its version comes back out of the trash", async () => {
    const world = await DiskWorld.begin();
    const moved = await world.put("a", "the first");
    await world.put("a", "the second one");
    expect(world.has(moved)).toBe(false);
    await world.learn("b", moved);
    expect(await world.copies.restore(moved.version, "b" as never, moved)).toBe(true);
    expect(world.text("b")).toBe("the first");
    expect(world.files).toEqual(["a", "b"]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S2: its file in the trash is not purged while its version is wanted and has too few copies", async () => {
    const world = await DiskWorld.begin();
    const moved = await world.put("a", "the first");
    await world.remove("a");
    await world.learn("b", moved);
    await world.trash.makeRoom(world.space.quotaBytes, "upload");
    expect(await world.copies.restore(moved.version, "b" as never, moved)).toBe(true);
  });

  test("S2: what a version superseded gives way to a copy of that very version, and to nothing else", async () => {
    const world = await DiskWorld.begin();
    await world.isJoined();
    await world.put("a", "the first");
    const successor = await world.put("a", "the second one");
    const trash = () => world.files.filter((name) => name.startsWith(".fsdfs/trash"));
    await world.trash.makeRoom(world.space.quotaBytes, "pull", "00000000000001-000000000001" as never);
    expect(trash()).toHaveLength(1);
    await world.trash.makeRoom(world.space.quotaBytes, "pull", successor.version);
    expect(trash()).toHaveLength(0);
  });

  test.each(["restored", "wanted"])(
    "S2: whose file has a second name by a hand comes back out of the trash when %s",
    async (how) => {
      const world = await DiskWorld.begin();
      const content = await world.put("a", "some bytes");
      await world.disk.link("a", "snapshot");
      await world.remove("a");
      if (how === "wanted") {
        await world.learn("b", content);
        expect(await world.copies.restore(content.version, "b" as FilePath, content)).toBe(true);
      } else {
        const enter = (change: Change) => {
          change.writePath("b" as FilePath, CONTENT_FIELD, encodeContent(content));
        };
        expect(await world.copies.bringBack(content.version, enter)).toBe(true);
        await world.settleAll();
      }
      expect([world.has(content), world.files]).toEqual([true, ["b", "snapshot"]]);
      expect(await world.copies.check(content.version)).toBe(true);
    },
  );

  test.each(["b", "a"])("P3: that is touched on its way out of the trash comes to its path %s", async (path) => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "some bytes");
    await world.remove("a");
    const { row } = world.trash.find(content.version)!;
    const stat = (await world.disk.stat(row.location))!;
    await world.learn(path, content);
    expect(await world.trash.giveBack(content.version, row.location, stat, row)).toBe(true);
    world.disk.writeExternally(row.location, new TextEncoder().encode("some bytes"));
    await world.settleAll();
    await world.trash.levelling.level();
    expect([world.has(content), world.files]).toEqual([true, [path]]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("P4: what lies spoilt in the trash does not come back", async () => {
    const world = await DiskWorld.begin();
    const moved = await world.put("a", "the first");
    await world.put("a", "the second one");
    world.disk.corrupt(world.files.find((name) => name.startsWith(".fsdfs/trash"))!, 3);
    await world.learn("b", moved);
    expect(await world.copies.restore(moved.version, "b" as never, moved)).toBe(false);
    expect(world.has(moved)).toBe(false);
    // Its name is free for a sound copy that is overwritten later; else the two would be one row (seed 770253).
    expect(world.files.filter((name) => name.startsWith(".fsdfs/trash"))).toEqual([]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S8: an operator's removal is noticed, and stated", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "some bytes");
    world.disk.removeExternally("a");
    expect(await world.copies.open(content.version)).toBeUndefined();
    expect(world.has(content)).toBe(false);
  });

  test("P3: of bytes that lie aside is that of one version, though two are wanted at once", async () => {
    const rename = waitingAt("rename");
    const world = await DiskWorld.begin(rename.between);
    const wanted = [await world.put("b", "same bytes"), await world.put("c", "same bytes")] as const;
    for (const { version } of wanted) {
      await world.copies.withdraw(version, readCopy(world.catalog.read(), version));
    }
    world.disk.renameExternally("b", asideName(wanted[0].sha256));
    world.disk.removeExternally("c");
    const { reached, goOn } = rename.arm();
    const restored = wanted.map((content, i) =>
      world.copies.restore(content.version, ["b", "c"][i] as FilePath, content),
    );
    await reached;
    for (let i = 0; i < MICROTASKS; i++) await Promise.resolve(); // The other comes as far as it can.
    const stated = wanted.map((content) => world.has(content));
    goOn();
    expect([stated, await Promise.all(restored)]).toEqual([
      [true, false],
      [true, false],
    ]);
    expect([world.text("b"), world.files]).toEqual(["same bytes", ["b"]]);
  });

  test("P3: of bytes that lie aside is that of one version, though the disk failed when it was to come to its place", async () => {
    const rename = waitingAt("rename", "before");
    const world = await DiskWorld.begin(rename.between);
    const [first, second] = [await world.put("b", "same bytes"), await world.put("c", "same bytes")];
    for (const { version } of [first, second]) {
      await world.copies.withdraw(version, readCopy(world.catalog.read(), version));
    }
    world.disk.renameExternally("b", asideName(first.sha256));
    world.disk.removeExternally("c");
    const { reached, fail } = rename.arm();
    const restored = world.copies.restore(first.version, "b" as FilePath, first);
    await reached;
    fail(new FileStoreError("io", "the disk failed"));
    await expect(restored).rejects.toMatchObject({ code: "io" });
    expect(await world.copies.restore(second.version, "c" as FilePath, second)).toBe(false);
    await world.settleAll();
    expect([world.has(first), world.has(second), world.files]).toEqual([true, false, ["b"]]);
  });

  test("whose path is the very name under which its bytes lie aside comes back from there", async () => {
    const world = await DiskWorld.begin();
    const { sha256 } = await world.put("elsewhere", "some bytes");
    const path = asideName(sha256) as FilePath;
    const content = await world.put(path, "some bytes");
    const copy = readCopy(world.catalog.read(), content.version)!;
    await world.copies.withdraw(content.version, copy);
    world.disk.renameExternally(copy.location, path);
    let isBack: boolean | undefined;
    void world.copies.restore(content.version, path, content).then((back) => {
      isBack = back;
    });
    for (let i = 0; i < MICROTASKS; i++) await Promise.resolve(); // Nothing here waits for anything else.
    expect(isBack).toBe(true);
  });
});
