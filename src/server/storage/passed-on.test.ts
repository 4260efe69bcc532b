/** C2: bytes of a version whose copy became another's are found again, for as long as that is remembered. */
import { expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { passedOnRange } from "../../core/catalog/keys.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import { type HybridTime, type ServerId, versionId } from "../../core/ids.ts";
import { PassedOn } from "./passed-on.ts";

const WALL_MS = 1_767_225_600_000;
const DAY_MS = 24 * 3_600_000;
const KEPT_MS = 7 * DAY_MS;
const OTHER = "bbbbbbbbbbbb" as ServerId;
const NEVER = new AbortController().signal;
const SECONDS = 1024 * 1000;

/** A file whose copy went over to two others of the same bytes, one after the other. */
async function overwrittenTwice(): Promise<{ world: DiskWorld; first: FileContent; last: FileContent }> {
  const world = await DiskWorld.begin();
  const first = await world.put("a", "some bytes");
  let last = first;
  for (const seconds of [1, 2]) {
    last = { ...first, version: versionId((WALL_MS * 1024 + seconds * SECONDS) as HybridTime, OTHER) };
    await world.learn("a", last);
    await world.settleAll();
  }
  expect([world.has(first), world.has(last)]).toEqual([false, true]);
  return { world, first, last };
}

function passedOnAt(world: DiskWorld, wallMs: number): PassedOn {
  const clock = { monotonic: () => 0, wall: () => wallMs, after: () => () => {} };
  return new PassedOn(world.catalog, world.disk, world.copies, clock, KEPT_MS);
}

async function textOf(passedOn: PassedOn, { version, sizeBytes }: FileContent): Promise<string> {
  let text = "";
  for await (const piece of await passedOn.read(version, { start: 0, end: sizeBytes }, NEVER)) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

test("as the last one's copy, and then in the trash", async () => {
  const { world, first, last } = await overwrittenTwice();
  const passedOn = passedOnAt(world, WALL_MS);
  expect([passedOn.has(first.version), await textOf(passedOn, first)]).toEqual([true, "some bytes"]);
  await world.remove("a");
  expect([passedOn.has(first.version), await textOf(passedOn, first)]).toEqual([true, "some bytes"]);
  await world.trash.empty(undefined, () => true);
  expect([passedOn.has(first.version), passedOn.has(last.version)]).toEqual([false, false]);
  await expect(textOf(passedOn, first)).rejects.toMatchObject({ code: "copy-not-here" });
});

test("until the days of the trash are over", async () => {
  const { world, first } = await overwrittenTwice();
  await passedOnAt(world, WALL_MS + KEPT_MS - DAY_MS).forgetOld();
  expect(passedOnAt(world, WALL_MS).has(first.version)).toBe(true);
  await passedOnAt(world, WALL_MS + KEPT_MS + DAY_MS).forgetOld();
  expect(passedOnAt(world, WALL_MS).has(first.version)).toBe(false);
  expect([...world.catalog.read().range(passedOnRange())]).toEqual([]);
});
