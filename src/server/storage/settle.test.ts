import { describe, expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { waitingAt } from "../../../tests/storage/waiting-at.ts";
import type { MemoryFileStore } from "../../adapters/memory/file-store.ts";
import { readCopy, readTrash } from "../../core/catalog/copies.ts";
import { remindTodo } from "../../core/catalog/todo.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { FilePath } from "../../core/paths.ts";
import { type FileStore, FileStoreError } from "../../ports/file-store.ts";
import { directoryOf, trashName } from "./layout.ts";

/** Two copies that are one file, as where a hand had linked them before a catalog was lost (C9). */
async function oneFile(world: DiskWorld): Promise<[FileContent, FileContent]> {
  const [a, b] = [await world.put("a", "same bytes"), await world.put("b", "same bytes")];
  await world.copies.withdraw(b.version, readCopy(world.catalog.read(), b.version));
  world.disk.removeExternally("b");
  await world.disk.link("a", "b");
  expect(await world.copies.adopt(b.version, "b" as FilePath, b, true)).toBe(true);
  return [a, b];
}

describe("settling", () => {
  test("T2: a file that a crash left at its new path, its row at the old, is known again", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("music/d.ogg", "some bytes");
    await world.move("music/d.ogg", "a");
    world.disk.renameExternally("music/d.ogg", "a");
    await world.settleAll();
    expect(world.has(content)).toBe(true);
    const copy = await world.copies.open(content.version);
    expect(copy).toBeDefined();
    await copy?.file.close();
    expect(world.text("a")).toBe("some bytes");
    expect(world.settler.pending(1)).toEqual([]);
  });

  test("C2: a file that was moved makes way for the next at its path, and comes to its own", async () => {
    const world = await DiskWorld.begin();
    const moved = await world.put("music/d.ogg", "the first");
    await world.move("music/d.ogg", "x/g");
    const next = await world.enter("music/d.ogg", "the second one");
    await world.settler.settle(next.version);
    expect([world.has(moved), world.has(next)]).toEqual([true, true]);
    await world.settleAll();
    expect([world.text("music/d.ogg"), world.text("x/g")]).toEqual(["the second one", "the first"]);
    expect(world.files).toHaveLength(2);
  });

  test("C2: two files that changed places both arrive", async () => {
    const world = await DiskWorld.begin();
    const [a, b] = [await world.put("a", "of a"), await world.put("b", "of b")];
    await world.move("a", "c");
    await world.move("b", "a");
    await world.move("c", "b");
    await world.settleAll();
    await world.settleAll();
    expect([world.has(a), world.has(b)]).toEqual([true, true]);
    expect([world.text("a"), world.text("b")]).toEqual(["of b", "of a"]);
    expect(world.files).toEqual(["a", "b"]);
  });

  test("P3: a copy stays that is one file with another by a hand, of which a crash left its name to it", async () => {
    const sync = waitingAt("syncDirectory", "before");
    const world = await DiskWorld.begin(sync.between);
    const [stays, goes] = await oneFile(world);
    const { reached, fail } = sync.arm();
    const removed = world.remove("b");
    await reached; // It has come into the trash, which nothing tells of yet.
    fail(new FileStoreError("io", "the disk failed"));
    await expect(removed).rejects.toMatchObject({ code: "io" });
    await world.move("a", "b");
    await world.settler.settle(stays.version);
    await world.settleAll();
    expect(world.text(readCopy(world.catalog.read(), stays.version)!.location)).toBe("same bytes");
    expect(world.text(readTrash(world.catalog.read(), goes.version)!.location)).toBe("same bytes");
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("P3: a copy that is one file with another by a hand is found where a crash left it, in that one's place", async () => {
    const world = await DiskWorld.begin();
    const [stays, goes] = await oneFile(world);
    await world.move("a", "b");
    await world.disk.link("b", trashName(goes.version, "b" as FilePath));
    world.disk.removeExternally("a");
    await world.move("b", "c");
    await world.settleAll();
    expect(world.text(readCopy(world.catalog.read(), stays.version)!.location)).toBe("same bytes");
  });

  test("T2: a file that a crash left at its new path goes to the trash when it is deleted there", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("d.ogg", "some bytes");
    await world.move("d.ogg", "a");
    world.disk.renameExternally("d.ogg", "a");
    await world.remove("a");
    expect(world.has(content)).toBe(false);
    expect(world.text("a")).toBeUndefined();
    expect(world.files).toEqual([expect.stringContaining(".fsdfs/trash/")]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S8: files that are away in numbers are in doubt also when they are to be moved, and come to their new paths", async () => {
    const world = await DiskWorld.begin();
    const all: FileContent[] = [];
    for (let i = 0; i < 30; i++) all.push(await world.put(`music/${i}`, `of ${i}`));
    world.disk.renameExternally("music", "elsewhere");
    for (let i = 0; i < 30; i++) await world.move(`music/${i}`, `songs/${i}`);
    await world.settleAll();
    const doubtful = all.filter((content) => world.has(content));
    expect(doubtful.length).toBeGreaterThanOrEqual(20);
    world.disk.renameExternally("elsewhere", "music");
    await world.settleAll();
    for (const content of doubtful) {
      const i = all.indexOf(content);
      expect([world.has(content), world.text(`songs/${i}`)]).toEqual([true, `of ${i}`]);
    }
    expect(world.settler.pending(1)).toEqual([]);
  });

  test("S8: an operator's file that came in between does not count as the trash's", async () => {
    let world: DiskWorld;
    let armed = false;
    const between = (disk: FileStore): FileStore =>
      new Proxy(disk, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          if (name !== "link") return value.bind(target) as unknown;
          return async (from: string, to: string) => {
            if (armed) world.disk.writeExternally(from, new TextEncoder().encode("an operator's own"));
            return await Reflect.apply(value, target, [from, to]);
          };
        },
      });
    world = await DiskWorld.begin(between);
    await world.put("a", "the first");
    armed = true;
    const next = await world.put("a", "the second one");
    expect(world.has(next)).toBe(true);
    expect(world.files).toEqual([expect.stringContaining(".fsdfs/aside/"), "a"]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S1: a copy that is deleted again while it is on its way out of the trash is not lost from the trash", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "the first");
    await world.put("a", "the second one");
    await world.learn("a", content);
    const row = readTrash(world.catalog.read(), content.version)!;
    const stat = (await world.disk.stat(row.location))!;
    expect(await world.trash.giveBack(content.version, row.location, stat, row)).toBe(true);
    await world.put("a", "the third");
    await world.settleAll();
    expect(world.has(content)).toBe(false);
    expect(world.text(row.location)).toBe("the first");
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("S1: no file is moved before the record that wants it is durable", async () => {
    const world = await DiskWorld.begin();
    await world.put("a", "the first");
    const next = await world.enter("a", "the second one");
    const before = world.files;
    world.store.holdFlushes();
    const settling = world.settler.settle(next.version);
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    expect(world.files).toEqual(before);
    world.store.releaseFlushes();
    await settling;
    expect(world.text("a")).toBe("the second one");
  });

  test("T1 S3: a file that is moved elsewhere, after it was to be overwritten, is no more in the trash", async () => {
    const { world, content, next } = await stoppedBeforeTheRename();
    await world.learn("b", content);
    await world.settler.settle(next.version);
    await world.settleAll();
    expect([world.text("a"), world.text("b")]).toEqual(["the second one", "the first"]);
    expect(world.files).toEqual(["a", "b"]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("T1 S3: a crash between the name in the trash and the rename leaves nothing in the trash", async () => {
    const { world, content } = await stoppedBeforeTheRename();
    await world.trash.levelling.levelAtStart();
    expect(world.files.filter((name) => name.startsWith(".fsdfs/trash/"))).toEqual([]);
    expect(world.text("a")).toBe("the first");
    await world.settleAll();
    expect(world.has(content)).toBe(false);
    expect(world.text("a")).toBe("the second one");
    expect(world.files).toHaveLength(2);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("D4: what was on its way into the trash when the server crashed stays there until it is put back", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("a", "the first");
    const name = `.fsdfs/trash/${content.version}-a`;
    world.disk.renameExternally("a", name);
    await world.trash.levelling.levelAtStart();
    expect(world.files).toEqual([name]);
    expect(await world.copies.check(content.version)).toBe(true);
    expect(world.files).toEqual(["a"]);
  });

  test("C6: what an old catalog wants out of the trash leaves the file that came to its place since where it is", async () => {
    const world = await DiskWorld.begin();
    const content = await world.enter("a", "the first");
    const { version } = content;
    await world.settler.settle(version);
    world.disk.renameExternally("a", `.fsdfs/trash/${version}-a`);
    world.disk.writeExternally("a", new TextEncoder().encode("the second one"));
    await world.catalog.change(({ transaction }) => remindTodo(transaction.view, version));
    await world.settleAll();
    expect(await world.copies.check(version)).toBe(true);
    expect(world.text("a")).toBe("the second one");
    expect(world.files).toEqual([`.fsdfs/side/${version}`, "a"]);
  });

  test("S2 S3: what was dropped, came here again and is overwritten lies in the trash once, and is counted once", async () => {
    const world = await DiskWorld.begin();
    const { version } = await world.put("a", "the first");
    await world.settler.retire(version, readCopy(world.catalog.read(), version)!, "dropped");
    const writer = await world.staging.begin("pull");
    await writer.write(new TextEncoder().encode("the first"));
    await world.copies.commit(version, await writer.finish());
    await world.put("a", "the second one");
    const location = world.trash.find(version)?.row.location ?? "";
    expect(world.files).toEqual([location, "a"]);
    expect(world.text(location)).toBe("the first");
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  describe("C6: what was moved and then went into the trash, after the time of the catalog", () => {
    const moved = async (): Promise<{ world: DiskWorld; content: FileContent }> => {
      const world = await DiskWorld.begin();
      const content = await world.put("a", "the first");
      world.disk.renameExternally("a", `.fsdfs/trash/${content.version}-b`);
      await world.trash.levelling.levelAtStart();
      return { world, content };
    };

    test("S2: is a copy still when it is read", async () => {
      const { world, content } = await moved();
      expect(await world.copies.check(content.version)).toBe(true);
      expect([world.files, world.text("a")]).toEqual([["a"], "the first"]);
    });

    test("S2 S3: is kept and counted when it is heard that it was overwritten", async () => {
      const { world, content } = await moved();
      await world.put("a", "the second one");
      expect(world.text("a")).toBe("the second one");
      expect(world.text(world.trash.find(content.version)?.row.location ?? "")).toBe("the first");
      expect(world.space.usedBytes()).toBe(world.scannedBytes);
    });
  });
});

/** A file has its second name in the trash, and what is to overwrite it has not come to its place. */
async function stoppedBeforeTheRename() {
  let hasFailed = false;
  let isLinked = false;
  const world = await DiskWorld.begin(
    (disk) =>
      new Proxy(disk, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            if (isLinked && !hasFailed && name === "rename") {
              hasFailed = true;
              return Promise.reject(new FileStoreError("io", "the disk fails"));
            }
            if (name === "link") isLinked = true;
            return Reflect.apply(value, target, args);
          };
        },
      }),
  );
  const content = await world.put("a", "the first");
  const next = await world.enter("a", "the second one");
  await expect(world.settler.settle(next.version)).rejects.toThrow("the disk fails");
  return { world, content, next };
}

describe("S7: a disk that takes names for equal which are not", () => {
  /** Names that are folded to the same are one to it; it tells the one that was given first. */
  function blind(fold: (name: string) => string): (disk: MemoryFileStore) => FileStore {
    return (disk) => {
      const known = (name: string): string => {
        const found = disk.tree().find((entry) => fold(entry.name) === fold(name));
        const directory = directoryOf(name);
        return found?.name ?? (directory === "" ? name : known(directory) + name.slice(directory.length));
      };
      const asKnown = (argument: unknown) => (typeof argument === "string" ? known(argument) : argument);
      return new Proxy<FileStore>(disk, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name);
          return typeof member === "function" ? (...all: unknown[]) => member.apply(target, all.map(asKnown)) : member;
        },
      });
    };
  }
  const caseBlind = blind((name) => name.toLowerCase());

  /** What is read of a version. */
  async function textOf(world: DiskWorld, { version, sizeBytes }: FileContent): Promise<string | undefined> {
    const copy = await world.copies.open(version);
    const bytes = new Uint8Array(sizeBytes);
    await copy?.file.read(bytes, 0);
    await copy?.file.close();
    return copy && new TextDecoder().decode(bytes);
  }

  test("holds both files, whichever is read, written or deleted first", async () => {
    const world = await DiskWorld.begin(caseBlind);
    const [one, other] = [await world.put("Song.ogg", "one"), await world.put("song.ogg", "two")];
    expect([await textOf(world, one), await textOf(world, other)]).toEqual(["one", "two"]);
    const newer = await world.put("song.ogg", "of two the newer");
    expect([await textOf(world, one), await textOf(world, newer)]).toEqual(["one", "of two the newer"]);
    await world.remove("Song.ogg");
    expect(await textOf(world, newer)).toBe("of two the newer");
  });

  test.each([
    ["Unicode form alone", (name: string) => name.normalize("NFD"), "\u00e9", "e\u0301"],
    ["case in one directory", (name: string) => (name.startsWith("d/") ? name.toLowerCase() : name), "d/A", "d/a"],
  ])("holds both files where it is blind to %s", async (_, fold, name, sameName) => {
    for (const [first, second] of [
      [name, sameName],
      [sameName, name],
    ] as const) {
      const world = await DiskWorld.begin(blind(fold));
      const [one, other] = [await world.put(first, "one"), await world.put(second, "two")];
      expect([await textOf(world, one), await textOf(world, other)]).toEqual(["one", "two"]);
      expect(world.files).toHaveLength(2);
    }
  });

  test("counts one file as the copy of one path, though both are of the same bytes (C9)", async () => {
    const world = await DiskWorld.begin(caseBlind);
    const other = await world.put("song.ogg", "same");
    await world.copies.withdraw(other.version, readCopy(world.catalog.read(), other.version));
    world.disk.removeExternally("song.ogg");
    const one = await world.put("Song.ogg", "same");
    expect(await world.copies.adopt(other.version, "song.ogg" as FilePath, other)).toBe(false);
    expect([world.has(one), world.has(other)]).toEqual([true, false]);
  });

  test("keeps a file that gets the same name in other letters", async () => {
    const world = await DiskWorld.begin(caseBlind);
    const content = await world.put("Song.ogg", "some bytes");
    await world.move("Song.ogg", "song.ogg");
    await world.settleAll();
    expect(await textOf(world, content)).toBe("some bytes");
  });

  test("has no copy in fsdfs's own directory, whatever letters a path is written in", async () => {
    const world = await DiskWorld.begin(caseBlind);
    for (const path of [".FSDFS/identity", ".fſdfs/identity", ".fs\u200bdfs/identity"]) {
      const content = await world.put(path, "a copy");
      expect(readCopy(world.catalog.read(), content.version)?.location).toMatch(/^\.fsdfs\/side\//);
    }
  });
});
