import { describe, expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { withMount } from "../../../tests/storage/with-mount.ts";
import { hasTodo, readCopy, readTrash } from "../../core/catalog/copies.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { FilePath } from "../../core/paths.ts";

describe("S7: another file system that is mounted in the data directory", () => {
  test("has no copies: they lie aside, and go when they are deleted", async () => {
    const world = await DiskWorld.begin(withMount);
    const content = await world.put("mounted/a", "some bytes");
    expect(readCopy(world.catalog.read(), content.version)?.location).toMatch(/^\.fsdfs\/side\//);
    await world.remove("mounted/a");
    expect(world.files).toEqual([expect.stringContaining(".fsdfs/trash/")]);
  });

  test("has copies aside that are found there when the catalog does not know of them any more (C6, C9)", async () => {
    const world = await DiskWorld.begin(withMount);
    const content = await world.put("mounted/a", "some bytes");
    await world.copies.withdraw(content.version, readCopy(world.catalog.read(), content.version));
    expect(world.has(content)).toBe(false);
    expect(await world.copies.adopt(content.version, "mounted/a" as FilePath, content)).toBe(true);
    expect(await world.copies.check(content.version)).toBe(true);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("makes no file a copy that could not be moved from there, where others have one (C9)", async () => {
    const world = await DiskWorld.begin(withMount);
    const content = await world.put("mounted/a", "some bytes");
    await world.copies.withdraw(content.version, readCopy(world.catalog.read(), content.version));
    expect(world.has(content)).toBe(false);
    world.disk.renameExternally(`.fsdfs/side/${content.version}`, "elsewhere");
    world.disk.writeExternally("mounted/a", new TextEncoder().encode("some bytes"));
    expect(await world.copies.adopt(content.version, "mounted/a" as FilePath, content)).toBe(false);
    // But who has the only one has it, and it leaves as any other.
    expect(await world.copies.adopt(content.version, "mounted/a" as FilePath, content, true)).toBe(true);
    world.disk.removeExternally("elsewhere");
    await world.remove("mounted/a");
    await world.settleAll();
    expect(world.files).toEqual([expect.stringContaining(".fsdfs/trash/")]);
  });
});

/** A copy in whose directory another file system was mounted since, with what lay in it. */
async function mountedOver(isBound = false): Promise<{ world: DiskWorld; content: FileContent }> {
  let isMounted = false;
  const world = await DiskWorld.begin((disk) => withMount(disk, () => isMounted, isBound));
  const content = await world.put("mounted/a", "some bytes");
  isMounted = true;
  return { world, content };
}

const isSettled = (world: DiskWorld, { version }: FileContent) => !hasTodo(world.catalog.read(), version);
const trashed = (world: DiskWorld, { version }: FileContent) => {
  const row = readTrash(world.catalog.read(), version);
  return row && world.text(row.location);
};

describe("S7: another file system that was mounted over copies", () => {
  test.each([false, true])("has what is deleted come to the trash (bound: %s)", async (isBound) => {
    const { world, content } = await mountedOver(isBound);
    await world.remove("mounted/a");
    expect([trashed(world, content), isSettled(world, content)]).toEqual(["some bytes", true]);
    expect(world.files).toEqual([expect.stringContaining(".fsdfs/trash/")]);
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("has what is overwritten come to the trash, and what overwrites it aside", async () => {
    const { world, content } = await mountedOver();
    const next = await world.put("mounted/a", "the next one");
    await world.settleAll();
    expect([trashed(world, content), isSettled(world, content)]).toEqual(["some bytes", true]);
    expect(world.text(readCopy(world.catalog.read(), next.version)!.location)).toBe("the next one");
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });

  test("C2: has what is moved out of it come to its new path", async () => {
    const { world, content } = await mountedOver();
    await world.move("mounted/a", "b");
    await world.settleAll();
    expect([world.files, world.text("b"), isSettled(world, content)]).toEqual([["b"], "some bytes", true]);
    expect(await world.copies.check(content.version)).toBe(true);
  });

  test("D4: has a copy that is to be dropped come aside first, from where it is dropped", async () => {
    const { world, content } = await mountedOver();
    const drop = () =>
      world.settler.retire(content.version, readCopy(world.catalog.read(), content.version)!, "dropped");
    expect(await drop()).toBe(false);
    await world.settleAll();
    expect([await world.copies.check(content.version), isSettled(world, content)]).toEqual([true, true]);
    expect(await drop()).toBe(true);
    expect(trashed(world, content)).toBe("some bytes");
  });

  test("S8: has a file that was damaged there stay, which is no copy any more", async () => {
    const { world, content } = await mountedOver();
    world.disk.writeExternally("mounted/a", new TextEncoder().encode("SOME BYTES"));
    expect(await world.copies.check(content.version)).toBe(false);
    expect([world.has(content), world.text("mounted/a")]).toEqual([false, "SOME BYTES"]);
  });

  test("S8: has a file that was edited there and then deleted stay, and nothing is left to do", async () => {
    const { world, content } = await mountedOver();
    world.disk.writeExternally("mounted/a", new TextEncoder().encode("an edited text"));
    await world.remove("mounted/a");
    expect([isSettled(world, content), world.has(content)]).toEqual([true, false]);
    expect(world.text("mounted/a")).toBe("an edited text");
  });

  test("keeps all of a file that the data directory's own disk has no room for, until it has", async () => {
    const { world, content } = await mountedOver();
    const { totalBytes } = await world.disk.capacity();
    world.disk.setCapacity(content.sizeBytes);
    await expect(world.remove("mounted/a")).rejects.toMatchObject({ code: "no-space" });
    expect(world.files).toEqual(["mounted/a"]);
    world.disk.setCapacity(totalBytes);
    await world.settleAll();
    expect(trashed(world, content)).toBe("some bytes");
  });

  test("S8: has what a hand puts in the place of what was brought home stay", async () => {
    const { world, content } = await mountedOver();
    world.catalog.onChange(() => {
      const isHome = readCopy(world.catalog.read(), content.version)?.staged !== undefined;
      if (isHome) world.disk.writeExternally("mounted/a", new TextEncoder().encode("by hand"));
    });
    await world.remove("mounted/a");
    expect([trashed(world, content), world.text("mounted/a")]).toEqual(["some bytes", "by hand"]);
  });
});
