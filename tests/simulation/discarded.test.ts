/** C7: a server whose catalog is of long ago gives it up for the swarm's, and says meanwhile what the swarm says. */
import { expect, it } from "vitest";
import { RECONCILE_KEY } from "../../src/server/catalog/catalog.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const KEPT_MS = 20_000;
const COLLECTED_MS = 60_000;
const WATCHED_MS = 15_000;
const FILES = 30;
const ASK_TIMEOUT_MS = 20_000;

const names = async (machine: Machine): Promise<string> => {
  const { entries } = await machine.ask((face) => face.list("", { recursive: true }), ASK_TIMEOUT_MS);
  return entries.map(({ name }) => name).join(" ");
};

const deletions = async (machine: Machine): Promise<number> =>
  (await machine.ask(async (face) => face.status(), ASK_TIMEOUT_MS)).deletions;

/** The last server has its catalog from before a deletion again; the deletion is forgotten. Answers what there is. */
async function putBack(swarm: Swarm): Promise<string> {
  const { machines, world } = swarm;
  const [first, , last] = machines as [Machine, Machine, Machine];
  for (let i = 0; i < FILES; i++) await putText(swarm, machines[i % machines.length]!, `file ${i}`, `text ${i}`);
  await world.sleep(5_000);
  const old = last.catalog.snapshot();
  for (let i = 0; i < FILES; i += 2) await first.ask((face) => face.remove(`file ${i}`), ASK_TIMEOUT_MS);
  await world.sleep(COLLECTED_MS);
  expect(await Promise.all(machines.map(deletions))).toEqual([0, 0, 0]);
  const wanted = await names(first);
  await last.shutdown();
  last.catalog.restore(old);
  last.start();
  return wanted;
}

it("C3, C7: a catalog in the place of a discarded one is not taken for one that knows what that knew", () =>
  play({ deletionsKeptMs: KEPT_MS }, async (swarm) => {
    const { machines, world } = swarm;
    const last = machines[2]!;
    const wanted = await putBack(swarm);
    const endMs = world.nowMs + WATCHED_MS;
    const told = new Set<string>();
    while (world.nowMs < endMs) {
      await world.sleep(20);
      told.add(await names(last).catch(() => wanted)); // Nothing is said while it comes up.
    }
    expect([...told]).toEqual([wanted]);
    expect(await names(last)).toBe(wanted);
  }));

it("C6, C7: a crash while its disk is looked through has it looked through again", () =>
  play({ deletionsKeptMs: KEPT_MS }, async (swarm) => {
    const { machines, world } = swarm;
    const [first, , last] = machines as [Machine, Machine, Machine];
    const files = (await putBack(swarm)).split(" file ").length;
    const state = () => last.catalog.read().get(RECONCILE_KEY)?.[0];
    while (state() === undefined) await world.sleep(1);
    while (state() === 1) await world.sleep(1);
    last.crash();
    last.start();
    await world.sleep(WATCHED_MS);
    const { entries } = await first.ask((face) => face.list("", { recursive: true }), ASK_TIMEOUT_MS);
    expect(entries.map(({ copies }) => copies)).toEqual(Array.from({ length: files }, () => 3));
  }));

it("P3, C7: of two catalogs that are given up, each keeps what was written since, though the other knows it", () =>
  play({ deletionsKeptMs: KEPT_MS }, async (swarm) => {
    const { machines, world } = swarm;
    const [first, second, last] = machines as [Machine, Machine, Machine];
    const fill = async (name: string) => {
      for (let i = 0; i < FILES; i++) await putText(swarm, machines[i % machines.length]!, `${name} ${i}`, `text ${i}`);
      await world.sleep(5_000);
    };
    await fill("file");
    const ofFirst = first.catalog.snapshot();
    await fill("more");
    const ofSecond = second.catalog.snapshot();
    await last.ask((face) => face.remove("file 0"), ASK_TIMEOUT_MS);
    await world.sleep(COLLECTED_MS);
    for (const machine of machines) await machine.shutdown();
    first.catalog.restore(ofFirst);
    second.catalog.restore(ofSecond);
    for (const machine of [first, second]) machine.start();
    await world.sleep(10_000);
    for (const machine of [first, second]) await putText(swarm, machine, `new at ${machine.name}`, "text");
    last.start();
    await world.sleep(COLLECTED_MS);
    const known = (await names(last)).split(/ (?=file|more|new)/);
    for (const machine of [first, second]) expect(known).toContain(`new at ${machine.name}`);
    expect(known).not.toContain("file 0");
  }));

it("P3, C6, C7: of two catalogs of one moment, which confirm each other's numbers, what was written since is kept", () =>
  play({ deletionsKeptMs: KEPT_MS, copies: 2 }, async (swarm) => {
    const { machines, world } = swarm;
    const [first, second, last] = machines as [Machine, Machine, Machine];
    for (let i = 0; i < FILES; i++) await putText(swarm, machines[i % machines.length]!, `file ${i}`, `text ${i}`);
    await world.sleep(5_000);
    const old = [first, second].map(({ catalog }) => catalog.snapshot());
    for (let i = 0; i < FILES; i += 2) await last.ask((face) => face.remove(`file ${i}`), ASK_TIMEOUT_MS);
    await world.sleep(COLLECTED_MS);
    const wanted = await names(last);
    await last.shutdown();
    for (const [i, machine] of [first, second].entries()) {
      await machine.shutdown();
      machine.catalog.restore(old[i]!);
    }
    for (const machine of [first, second]) machine.start();
    await world.sleep(10_000);
    await putText(swarm, first, "new", "text");
    await first.ask((face) => face.remove("file 1"), ASK_TIMEOUT_MS);
    last.start();
    await world.sleep(COLLECTED_MS);
    for (const machine of machines) expect(await names(machine)).toBe(`${wanted} new`.replace("file 1 ", ""));
  }));
