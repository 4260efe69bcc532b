/** What cannot be settled keeps nothing else from being settled. */
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { FilePath } from "../../core/paths.ts";
import { type FileStore, FileStoreError } from "../../ports/file-store.ts";
import type { Membership } from "../mesh/membership.ts";
import { settleUnit } from "./housekeeping.ts";

/** Has the unit work for some seconds. */
async function settled(world: DiskWorld): Promise<void> {
  const clock = new ManualClock();
  const silent = () => {};
  const ending = new AbortController();
  const unit = settleUnit(world.settler, world.catalog, { isBehind: false } as Membership);
  unit.start(clock, { debug: silent, info: silent, warn: silent, error: silent }, ending.signal);
  await clock.pass(5_000);
  ending.abort();
}

/** A move of which only the beginning is known here (T3 of settle.ts). */
async function beginMove(world: DiskWorld, path: string): Promise<void> {
  const left = encodeContent({ type: "deleted", movedTo: `elsewhere/${path}` as FilePath });
  await world.catalog.change((change) => change.writePath(path as FilePath, CONTENT_FIELD, left));
}

describe("settling in the background", () => {
  test("C2: goes on behind any number of files whose new place is not known", async () => {
    const world = await DiskWorld.begin();
    const moving = Array.from({ length: 250 }, (_, i) => `moving/${i}`);
    for (const path of moving) await world.put(path, path);
    await world.put("last", "some bytes");
    for (const path of moving) await beginMove(world, path);
    await world.move("last", "settled");
    await settled(world);
    expect(world.text("settled")).toBe("some bytes");
    expect(world.settler.pending(1_000)).toHaveLength(moving.length);
  });

  test("goes on behind a file that the disk does not let go of", async () => {
    const refusing = (disk: FileStore): FileStore =>
      new Proxy(disk, {
        get(target, name) {
          if (name === "rename") {
            return async (from: string, to: string) => {
              if (from === "held/first") throw new FileStoreError("read-only", from);
              await target.rename(from, to);
            };
          }
          const member: unknown = Reflect.get(target, name);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
    const world = await DiskWorld.begin(refusing);
    const first = await world.put("held/first", "the first");
    await world.put("second", "the second");
    await world.move("held/first", "one");
    await world.move("second", "two");
    await settled(world);
    expect(world.text("two")).toBe("the second");
    expect(world.settler.pending(10)).toEqual([first.version]);
  });
});
