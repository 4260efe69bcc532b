/** C6: a server whose catalog is an older one than others know of begins a new incarnation, whatever its disk says meanwhile. */
import { describe, expect, it } from "vitest";
import { readIncarnation } from "../../src/server/catalog/incarnation.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const ASK_TIMEOUT_MS = 20_000;
const FILES = 10;
/** From when others have told what they know. */
const DISK_FAILS_MS = 5_000;

const isReady = (machine: Machine): Promise<boolean> =>
  machine.ask(async (face) => face.health().status === "ok", ASK_TIMEOUT_MS).catch(() => false);

it("C6: begins it though its disk did not take that at first", () =>
  play({}, async (swarm) => {
    const [first, , last] = swarm.machines as [Machine, Machine, Machine];
    await putText(swarm, last, "old", "text");
    await swarm.world.sleep(5_000);
    const snapshot = last.catalog.snapshot();
    for (let i = 0; i < FILES; i++) await putText(swarm, last, `forgotten ${i}`, "text");
    await swarm.world.sleep(5_000);
    last.crash();
    last.catalog.restore(snapshot);
    const before = readIncarnation(last.catalog.read());
    let failed = 0;
    const until = swarm.world.nowMs + DISK_FAILS_MS;
    last.plan = ({ port, method }) => {
      if (port !== "catalog" || method !== "write" || !last.serving || swarm.world.nowMs > until) return undefined;
      failed += 1;
      return { kind: "error", code: "io", side: "before" };
    };
    last.start();
    while (!(await isReady(last))) await swarm.world.sleep(50);
    expect(failed).toBeGreaterThan(0);
    const incarnation = readIncarnation(last.catalog.read());
    await putText(swarm, last, "new", "text");
    const { entries } = await first.ask((face) => face.list(""), ASK_TIMEOUT_MS);
    expect(entries.map(({ name }) => name)).toContain("new");
    expect(incarnation).not.toBe(before);
  }));

describe("S2: alone, it has of a file that was overwritten since what its catalog tells of, which lies in its trash", () => {
  /** Two versions of `a`, of which the catalog of the last server knows the first only; the others are down. */
  const overwritten = async (swarm: Swarm): Promise<Machine> => {
    const [first, other, last] = swarm.machines as [Machine, Machine, Machine];
    await putText(swarm, last, "a", "the first");
    await swarm.world.sleep(5_000);
    const snapshot = last.catalog.snapshot();
    await putText(swarm, last, "a", "the second");
    await swarm.world.sleep(5_000);
    for (const machine of [first, other, last]) machine.crash();
    last.catalog.restore(snapshot);
    last.start();
    while (!(await isReady(last))) await swarm.world.sleep(50);
    return last;
  };

  it("when it is moved", () =>
    play({}, async (swarm) => {
      const last = await overwritten(swarm);
      await last.ask((face) => face.move("a", "b"), ASK_TIMEOUT_MS);
      await swarm.world.sleep(60_000);
      expect((await readText(swarm, last, "b")).text).toBe("the first");
    }));

  it("when it is read", () =>
    play({}, async (swarm) => {
      const last = await overwritten(swarm);
      expect((await readText(swarm, last, "a")).text).toBe("the first");
      await swarm.world.sleep(60_000);
      expect((await readText(swarm, last, "a")).text).toBe("the first");
    }));
});

it("C9: what lay aside on all servers whose catalogs are older is their copies still (S7)", () =>
  play({ copies: 2, quotasBytes: [50_000_000, 50_000_000, 10] }, async (swarm) => {
    const [first, other, knowing] = swarm.machines as [Machine, Machine, Machine];
    const holders = [first, other];
    const snapshots = holders.map(({ catalog }) => catalog.snapshot());
    await putText(swarm, first, ".fsdfs/policy.ts", "export const copies = () => 2;");
    await swarm.world.sleep(5_000);
    for (const machine of holders) machine.crash();
    for (const [i, { catalog }] of holders.entries()) catalog.restore(snapshots[i]!);
    for (const machine of holders) machine.start();
    expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
    expect((await readText(swarm, knowing, ".fsdfs/policy.ts")).text).toBe("export const copies = () => 2;");
  }));

describe("C9: what was moved while a server was there that has its catalog of before again, alone, is its copy", () => {
  /** The last server looks through its disk before it hears of the move; there it copies nothing by itself. */
  const moved = (after: (swarm: Swarm, last: Machine) => Promise<unknown>) =>
    play({}, async (swarm) => {
      const [first, other, last] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, first, "a", "text");
      await swarm.world.sleep(5_000);
      await first.ask((face) => face.configureServer(last.name, { paused: true }), ASK_TIMEOUT_MS);
      const snapshot = last.catalog.snapshot();
      await first.ask((face) => face.move("a", "b"), ASK_TIMEOUT_MS);
      await after(swarm, last);
      await swarm.world.sleep(5_000);
      last.crash();
      last.catalog.restore(snapshot);
      swarm.cut([last], [first, other], true);
      last.start();
      while (!(await isReady(last))) await swarm.world.sleep(50);
      await swarm.world.sleep(5_000);
      swarm.heal([last], [first, other], "reset");
      expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
      const [location] = await first.ask((face) => face.locate(["b"]), ASK_TIMEOUT_MS);
      expect(location?.copies).toBe(3);
    });

  it("when it wrote nothing since", () => moved(async () => {}));

  it("when it wrote something since", () => moved((swarm, last) => putText(swarm, last, "c", "text")));
});

it("C9: what it alone took since is its copy still, though a snapshot by a hand is a second name of it", () =>
  play({ copies: 1, writeCopies: 1, quotasBytes: [1_000, 1_000, 50_000_000] }, async (swarm) => {
    const [first, , last] = swarm.machines as [Machine, Machine, Machine];
    const snapshot = last.catalog.snapshot();
    const text = "text".repeat(1_000);
    await putText(swarm, last, "a", text);
    await swarm.world.sleep(5_000);
    await last.files.link("a", ".fsdfs/aside/snapshot");
    last.crash();
    last.catalog.restore(snapshot);
    last.start();
    await swarm.world.sleep(20_000);
    expect((await readText(swarm, first, "a")).text).toBe(text);
  }));
