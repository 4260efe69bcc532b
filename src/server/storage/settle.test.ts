import { describe, expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import type { FileStore } from "../../ports/file-store.ts";

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
    const location = world.files.find((name) => name.startsWith(".fsdfs/trash"))!;
    const stat = (await world.disk.stat(location))!;
    expect(await world.trash.giveBack(content.version, location, stat)).toBe(true);
    await world.put("a", "the third");
    await world.settleAll();
    expect(world.has(content)).toBe(false);
    expect(world.text(location)).toBe("the first");
    expect(world.space.usedBytes()).toBe(world.scannedBytes);
  });
});
