import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { readCopy } from "../../core/catalog/copies.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import { type FileStore, FileStoreError } from "../../ports/file-store.ts";
import { Rehash, type Verdict } from "./rehash.ts";
import { Scrubber } from "./scrubber.ts";
import { VerifyRun } from "./verify-run.ts";

const silent = () => {};
const LOG = { debug: silent, info: silent, warn: silent, error: silent };
const FILES = 10;
const CYCLE_MS = 10_000;

const free = async () => {};

function rehashOf({ catalog, copies, watch: disk }: DiskWorld): Rehash {
  return new Rehash({ catalog, copies, disk, sources: { holders: () => [] }, log: LOG });
}

async function verdictOn(world: DiskWorld, version: VersionId): Promise<Verdict> {
  return (await rehashOf(world).look(version, free)).verdict;
}

/** A disk that gives no bytes while `isBroken`; it counts the bytes that it gives. */
function fallibleDisk() {
  const state = { isBroken: false, opened: 0 };
  const between = (disk: FileStore): FileStore =>
    new Proxy(disk, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "open") return value.bind(target);
        return async (path: string) => {
          const file = await target.open(path);
          state.opened += 1;
          const read: typeof file.read = async (buffer, position) => {
            if (state.isBroken) throw new FileStoreError("io", "a bad sector");
            return await file.read(buffer, position);
          };
          return { read, stat: () => file.stat(), sync: () => file.sync(), close: () => file.close() };
        };
      },
    });
  return { state, between };
}

describe("re-hashing a copy (P4)", () => {
  it("finds a bit that flipped without a trace, sets the file aside and withdraws the copy", async () => {
    const world = await DiskWorld.begin();
    const content = await world.put("music/a", "some bytes");
    expect(await verdictOn(world, content.version)).toBe("good");
    world.disk.corrupt("music/a", 9);
    expect(await verdictOn(world, content.version)).toBe("bad");
    expect(world.has(content)).toBe(false);
    expect(world.files).toEqual([expect.stringMatching(/^\.fsdfs\/aside\//)]);
  });

  it("tells what was deleted, overwritten or moved from what is damaged", async () => {
    const world = await DiskWorld.begin();
    const deleted = await world.put("deleted", "1");
    await world.remove("deleted");
    expect(await verdictOn(world, deleted.version)).toBe("changed");
    const overwritten = await world.put("overwritten", "2");
    await world.put("overwritten", "3");
    expect(await verdictOn(world, overwritten.version)).toBe("changed");
    const moved = await world.put("moved", "4");
    await world.move("moved", "elsewhere");
    expect(await verdictOn(world, moved.version)).toBe("good");
    await world.settleAll();
    expect(await verdictOn(world, moved.version)).toBe("good");
    world.disk.removeExternally("elsewhere");
    expect(await verdictOn(world, moved.version)).toBe("missing");
  });

  it("leaves a copy that the disk does not give where it is, unpromised, and the disk takes nothing until it reads well", async () => {
    const { state, between } = fallibleDisk();
    const world = await DiskWorld.begin(between);
    const content = await world.put("music/a", "some bytes");
    const room = world.space.roomBytes("pull");
    state.isBroken = true;
    expect(await verdictOn(world, content.version)).toBe("unreadable");
    expect(world.has(content)).toBe(true);
    expect(world.files).toEqual(["music/a"]);
    expect(world.watch.alarm).toMatchObject({ copies: 1, example: "music/a" });
    expect(world.space.roomBytes("pull")).toBe(0);
    expect(await world.copies.check(content.version)).toBe(false);
    state.isBroken = false;
    expect(await verdictOn(world, content.version)).toBe("good");
    expect(world.watch.alarm).toBeUndefined();
    expect(world.space.roomBytes("pull")).toBe(room);
    expect(await world.copies.check(content.version)).toBe(true);
  });

  it("of a disk that gives nothing promises nothing that it was met with, however many copies that are (D2)", async () => {
    const { state, between } = fallibleDisk();
    const world = await DiskWorld.begin(between);
    const contents: FileContent[] = [];
    for (let i = 0; i <= 1_001; i++) contents.push(await world.put(`music/${i}`, `${i}`));
    state.isBroken = true;
    for (const { version } of contents) expect(await verdictOn(world, version)).toBe("unreadable");
    for (const { version } of contents) expect(await world.copies.check(version)).toBe(false);
  });

  it("an ailing disk is well again once what it did not give is no copy any more", async () => {
    const { state, between } = fallibleDisk();
    const world = await DiskWorld.begin(between);
    const content = await world.put("music/a", "some bytes");
    state.isBroken = true;
    await verdictOn(world, content.version);
    world.disk.removeExternally("music/a");
    expect(await verdictOn(world, content.version)).toBe("missing");
    expect(world.watch.isAiling).toBe(false);
  });
});

interface Scrubbing {
  readonly world: DiskWorld;
  readonly clock: ManualClock;
  readonly state: { isBroken: boolean; opened: number };
  scrubber(on?: Clock): { scrubber: Scrubber; stop(): void };
}

async function scrubbing(files = FILES): Promise<Scrubbing> {
  const { state, between } = fallibleDisk();
  const world = await DiskWorld.begin(between);
  for (let i = 0; i < files; i++) await world.put(`music/${i}`, `the bytes of ${i}`);
  const clock = new ManualClock();
  const { catalog, store, watch: disk } = world;
  const scrubber = (on: Clock = clock) => {
    const made = new Scrubber({
      ...{ clock: on, catalog, store, disk, rehash: rehashOf(world), cycleMs: CYCLE_MS },
      ...{
        membership: { isBehind: false },
        directives: { isPaused: false },
        load: { load: () => 0, clientLoad: () => 0 },
      },
    });
    const ending = new AbortController();
    made.unit.start(clock, LOG, ending.signal);
    return { scrubber: made, stop: () => ending.abort() };
  };
  return { world, clock, state, scrubber };
}

/** A clock whose wall time may be set. */
function shifted(clock: ManualClock, wall: { readonly aheadMs: number }): Clock {
  return {
    monotonic: () => clock.monotonic(),
    wall: () => clock.wall() + wall.aheadMs,
    after: clock.after.bind(clock),
  };
}

describe("the scrub (P4)", () => {
  it("reads every copy once in a cycle, spread evenly over it, and tells when it ended", async () => {
    const { clock, state, scrubber } = await scrubbing();
    const { scrubber: made, stop } = scrubber();
    await clock.pass(CYCLE_MS / FILES / 2);
    for (let at = 1; at < FILES; at++) {
      expect(state.opened).toBe(at);
      await clock.pass(CYCLE_MS / FILES);
    }
    expect(state.opened).toBe(FILES);
    expect(made.report).toMatchObject({ endedMs: null, damaged: 0 });
    await clock.pass(CYCLE_MS / FILES);
    expect(made.report).toMatchObject({ endedMs: expect.any(Number), damaged: 0 });
    await clock.pass(CYCLE_MS);
    expect(state.opened).toBeLessThanOrEqual(2 * FILES + 1);
    stop();
  });

  it("goes on over a restart where it was, and catches up with the time that was lost", async () => {
    const { clock, state, scrubber } = await scrubbing();
    const before = scrubber();
    await clock.pass(CYCLE_MS * 0.45);
    before.stop();
    expect(state.opened).toBe(5);
    await clock.pass(CYCLE_MS * 0.3);
    const after = scrubber();
    await clock.pass(CYCLE_MS * 0.06);
    expect(state.opened).toBeGreaterThanOrEqual(8);
    expect(state.opened).toBeLessThanOrEqual(10); // The last look may not have been written down.
    after.stop();
  });

  it("goes on when the wall clock is set back by years, and ends a cycle later at the most", async () => {
    const { clock, state, scrubber } = await scrubbing();
    const wall = { aheadMs: 1e12 };
    const { scrubber: made, stop } = scrubber(shifted(clock, wall));
    await clock.pass(CYCLE_MS / 2);
    wall.aheadMs = 0;
    await clock.pass(CYCLE_MS * 1.1);
    expect(made.report).toMatchObject({ endedMs: expect.any(Number) });
    expect(state.opened).toBeGreaterThanOrEqual(FILES);
    await clock.pass(CYCLE_MS);
    expect(state.opened).toBeGreaterThanOrEqual(2 * FILES - 1);
    stop();
  });

  it.each([0.2, 0.4, 2])(
    "is not late for a wall clock that is set back by %d cycles, and not over a restart either",
    async (back) => {
      const { clock, state, scrubber } = await scrubbing();
      const wall = { aheadMs: 0 };
      const before = scrubber(shifted(clock, wall));
      await clock.pass(CYCLE_MS * 0.45);
      wall.aheadMs = -back * CYCLE_MS;
      await clock.pass(CYCLE_MS * 0.2);
      expect(state.opened).toBe(7);
      before.stop();
      const after = scrubber(shifted(clock, wall));
      await clock.pass(CYCLE_MS * 0.55);
      expect(after.scrubber.report).toMatchObject({ endedMs: expect.any(Number) });
      after.stop();
    },
  );

  it("reads within a cycle what comes to a server that began empty", async () => {
    const { world, clock, state, scrubber } = await scrubbing(0);
    const { stop } = scrubber();
    await clock.pass(CYCLE_MS * 0.05);
    for (let i = 0; i < FILES; i++) await world.put(`music/${i}`, `the bytes of ${i}`);
    await clock.pass(CYCLE_MS);
    expect(state.opened).toBeGreaterThanOrEqual(FILES);
    stop();
  });

  it("reads within a cycle what is copied behind what it has read already", async () => {
    const { world, clock, state, scrubber } = await scrubbing(0);
    const older: [path: string, content: FileContent][] = [];
    for (let i = 0; i < FILES; i++) older.push([`music/${i}`, await world.put(`music/${i}`, `the bytes of ${i}`)]);
    await world.put("newest", "put here, and so the only one to read");
    for (const [, { version }] of older) await world.copies.withdraw(version, readCopy(world.catalog.read(), version));
    const { scrubber: made, stop } = scrubber();
    await clock.pass(CYCLE_MS * 0.05);
    expect(state.opened).toBe(1);
    for (const [path, content] of older) await world.copies.adopt(content.version, path as FilePath, content);
    state.opened = 0;
    made.unit.wake(); // It looks every minute, which is beyond this cycle.
    await clock.pass(CYCLE_MS);
    expect(state.opened).toBeGreaterThanOrEqual(FILES);
    stop();
  });

  it("reads again soon what the disk did not give once, and the alarm ends by itself", async () => {
    const { world, clock, state, scrubber } = await scrubbing();
    const { scrubber: made, stop } = scrubber();
    state.isBroken = true;
    await clock.pass(CYCLE_MS * 0.4);
    expect(world.watch.isAiling).toBe(true);
    state.isBroken = false;
    await clock.pass(11_000);
    expect(world.watch.isAiling).toBe(false);
    expect(made.report!.damaged).toBeGreaterThan(0);
    expect(world.files).toHaveLength(FILES);
    stop();
  });
});

describe("a verify's part on one server", () => {
  it("looks at what is at a path or below it, and tells what became of what was damaged", async () => {
    const world = await DiskWorld.begin();
    const lost = await world.put("music/rock/a", "some bytes");
    await world.put("music/rock/b", "other bytes");
    await world.put("music/rocket", "of another directory");
    world.disk.corrupt("music/rock/a", 3);
    const clock = new ManualClock();
    const parts = { clock, catalog: world.catalog, rehash: rehashOf(world), log: LOG };
    const run = new VerifyRun(
      parts,
      { path: "music/rock" as never, bytesPerS: undefined },
      new AbortController().signal,
    );
    const ended = run.run();
    await clock.pass(100);
    await ended;
    expect(run.report).toMatchObject({
      ...{ state: "done", copies: 2, good: 1, bad: 1, lost: 1, repaired: 0, changed: 0 },
      examples: [{ path: "music/rock/a", found: "bad", now: "lost" }],
    });
    expect(world.has(lost)).toBe(false);
  });
});
