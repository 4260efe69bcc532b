import { describe, expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";

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
