import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../core/ids.ts";
import { Partials } from "./partials.ts";

const KIB = 1024;
const PIECE = new Uint8Array(100 * KIB).fill(7);
const HOLDER = "bbbbbbbbbbbb" as ServerId;
const VERSION = versionNumbered(1);

function versionNumbered(number: number): VersionId {
  return versionId((1_767_225_600_000 * 1024 + number) as HybridTime, HOLDER);
}

async function cutAfter(world: DiskWorld, ...pieces: Uint8Array[]): Promise<void> {
  const writer = await world.staging.beginPull(VERSION, "pull");
  for (const piece of pieces) await writer.write(piece);
  await writer.suspend();
}

async function staged(world: DiskWorld): Promise<string[]> {
  return (await world.disk.list(".fsdfs/staged")).map(({ name }) => name);
}

describe("pulls that were cut", () => {
  it("go on behind what has come, and come to the digest of the whole", async () => {
    const world = await DiskWorld.begin();
    await cutAfter(world, PIECE);
    const writer = await world.staging.beginPull(VERSION, "pull");
    expect([writer.sizeBytes, writer.resumedBytes]).toEqual([PIECE.length, PIECE.length]);
    await writer.write(PIECE);
    const whole = await writer.finish();
    expect(whole.sizeBytes).toBe(2 * PIECE.length);
    expect(whole.sha256).toBe(createHash("sha256").update(PIECE).update(PIECE).digest("hex"));
    expect(world.space.usedBytes()).toBe(2 * PIECE.length);
  });

  it("go on after a restart, which reads what has come, and leaves nothing of what is not wanted", async () => {
    const world = await DiskWorld.begin();
    await cutAfter(world, PIECE);
    world.partials.take(VERSION);
    world.space.release(PIECE.length); // As if the process had ended: it knows of nothing.
    await world.staging.recover(
      () => false,
      () => true,
    );
    expect(world.space.usedBytes()).toBe(PIECE.length);
    const writer = await world.staging.beginPull(VERSION, "pull");
    expect(writer.resumedBytes).toBe(PIECE.length);
    await writer.write(PIECE.subarray(0, 1));
    await writer.suspend();
    world.partials.take(VERSION);
    world.space.release(PIECE.length + 1);
    await world.staging.recover(
      () => false,
      () => false,
    );
    expect([await staged(world), world.space.usedBytes()]).toEqual([[], 0]);
  });

  it("begin anew when what was kept is not as it was left", async () => {
    const world = await DiskWorld.begin();
    await cutAfter(world, PIECE);
    const [name] = await staged(world);
    world.disk.writeExternally(`.fsdfs/staged/${name}`, PIECE.subarray(0, 10));
    const writer = await world.staging.beginPull(VERSION, "pull");
    expect(writer.sizeBytes).toBe(0);
    await writer.abort();
    expect([await staged(world), world.space.usedBytes()]).toEqual([[], 0]);
  });

  it("S3: keep their room until something else wants it", async () => {
    const world = await DiskWorld.begin();
    const roomBytes = world.space.roomBytes("upload");
    await cutAfter(world, PIECE);
    expect(world.space.usedBytes()).toBe(PIECE.length);
    expect(world.space.roomBytes("upload")).toBe(roomBytes);
    const upload = await world.staging.begin("upload");
    for (let left = world.space.quotaBytes; left > 0; left -= PIECE.length) {
      await upload.write(PIECE.subarray(0, Math.min(left, PIECE.length)));
    }
    expect(world.space.usedBytes()).toBe(world.space.quotaBytes);
    expect(world.partials.has(VERSION)).toBe(false);
    await upload.abort();
    expect([await staged(world), world.space.usedBytes()]).toEqual([[], 0]);
  });

  it("are thrown away when they are small, not wanted any more, too many, or a day old", async () => {
    const world = await DiskWorld.begin();
    await cutAfter(world, PIECE.subarray(0, 10));
    expect([world.partials.has(VERSION), world.space.usedBytes()]).toEqual([false, 0]);
    await cutAfter(world, PIECE);
    await world.partials.tidy(() => false);
    expect([await staged(world), world.space.usedBytes()]).toEqual([[], 0]);

    let nowMs = 0;
    const clock = { monotonic: () => nowMs, wall: () => nowMs, after: () => () => {} };
    const removed: string[] = [];
    const leftovers = { remove: async (name: string) => void removed.push(name) };
    const space = { idle: () => {}, release: () => {} };
    const partials = new Partials(space as never, leftovers as never, clock);
    const keep = (number: number) =>
      partials.keep(versionNumbered(number), {
        ...{ id: `${number}`, name: `${number}`, sizeBytes: 1 },
        ...{ hash: undefined, arrivedAt: clock.monotonic() },
      });
    for (let number = 0; number < 65; number++) await keep(number);
    expect(removed).toEqual(["0"]);
    nowMs += 24 * 3600 * 1000;
    await keep(65);
    nowMs += 1;
    await partials.tidy(() => true);
    expect(removed).toHaveLength(65);
    expect(partials.has(versionNumbered(65))).toBe(true);
  });
});
