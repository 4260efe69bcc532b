/** What the disk did not let go of goes later, and nothing else that has its name by then. */
import { expect, test } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import type { FilePath } from "../../core/paths.ts";
import { type FileStore, FileStoreError } from "../../ports/file-store.ts";
import { trashName } from "./layout.ts";

/** A disk that, while it `holds`, neither removes nor renames. */
async function begin(): Promise<{ world: DiskWorld; hold: (holds: boolean) => void }> {
  let holds = false;
  const holding = (disk: FileStore): FileStore =>
    new Proxy(disk, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        if (name !== "remove" && name !== "rename") return member.bind(target) as unknown;
        return async (...args: unknown[]) => {
          if (holds) throw new FileStoreError("io", String(args[0]));
          return await Reflect.apply(member, target, args);
        };
      },
    });
  const world = await DiskWorld.begin(holding);
  return {
    world,
    hold: (next) => {
      holds = next;
    },
  };
}

async function removeLeftovers(world: DiskWorld): Promise<void> {
  const clock = new ManualClock();
  const silent = () => {};
  const ending = new AbortController();
  world.leftovers.unit.start(clock, { debug: silent, info: silent, warn: silent, error: silent }, ending.signal);
  await clock.pass(5_000);
  ending.abort();
}

test("S2: a file that is thrown away while the disk does not let go of it comes back as no copy, and goes", async () => {
  const { world, hold } = await begin();
  const content = await world.put("a", "some bytes");
  await world.remove("a");
  hold(true);
  await world.trash.empty(undefined, () => true);
  await world.learn("a", content);
  await world.copies.restore(content.version, "a" as FilePath, content).catch(() => false);
  const wasStated = world.has(content);
  hold(false);
  await removeLeftovers(world);
  await world.settleAll();
  expect([world.has(content), world.text("a") !== undefined]).toEqual([wasStated, wasStated]);
  expect(world.space.usedBytes()).toBe(world.scannedBytes);
});

test("S2: what comes into the trash under a name that had yet to go stays there", async () => {
  const { world, hold } = await begin();
  const content = await world.put("a", "some bytes");
  const { version } = content;
  await world.remove("a");
  hold(true);
  await world.trash.empty(undefined, () => true);
  hold(false);
  await world.learn("a", content);
  const writer = await world.staging.begin("pull");
  await writer.write(new TextEncoder().encode("some bytes"));
  expect(await world.copies.commit(version, await writer.finish())).toBe(true);
  await world.remove("a");
  await removeLeftovers(world);
  expect(world.text(trashName(version, "a" as FilePath))).toBe("some bytes");
  expect(world.space.usedBytes()).toBe(world.scannedBytes);
});
