/**
 * R1, R3, S2: what lies in the trash and may not go yet is no room. A file that is wanted more than copies that lie here comes in
 * their place then, and not never. Whole servers in simulated time.
 */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const UNIT_BYTES = 4_000;
const TIMEOUT_MS = 20_000;
/** Until servers count as down. */
const DOWN_MS = 4_000;
const SETTLED_MS = 60_000;
/** Longer than the longest pause between two attempts. */
const LONG_MS = 6 * 60_000;
/** Then nobody takes a file for one that is just being put. */
const OLD_MS = 10_000;

async function put(machine: Machine, path: string, units: number, fill: number): Promise<number> {
  const sizeBytes = units * UNIT_BYTES;
  const body = async function* () {
    yield new Uint8Array(sizeBytes).fill(fill);
  };
  return (await machine.ask((face) => face.put(path, body(), { sizeBytes }), TIMEOUT_MS)).copies;
}

async function holdersOf(machine: Machine, path: string): Promise<string[]> {
  const [location] = await machine.ask((face) => face.locate([path]), TIMEOUT_MS);
  return location!.servers.map(({ name }) => name).sort();
}

/** On the first server lies a file that no other has room for, and in its trash, for as long as that is so, what it superseded. */
async function withKeptTrash(swarm: Swarm): Promise<void> {
  const [first, ...others] = swarm.machines as [Machine, ...Machine[]];
  for (const other of others) other.crash();
  await swarm.world.sleep(DOWN_MS);
  await put(first, "large", 4, 1);
  await put(first, "large", 5, 2);
  for (const other of others) other.start();
  expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
}

const CONFIG = { copies: 3, writeCopies: 2, reserve: 0 };

it("R1, S2: a file comes in the place of a copy that is wanted less, though the trash seems to have room for it", () =>
  play({ ...CONFIG, servers: 3, quotasBytes: [11, 3, 1].map((units) => units * UNIT_BYTES) }, async (swarm) => {
    const [first, second, third] = swarm.machines as [Machine, Machine, Machine];
    await withKeptTrash(swarm);
    await put(second, "many", 1, 3);
    expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
    expect(await holdersOf(first, "many")).toHaveLength(3);
    for (const machine of [first, third]) machine.crash();
    await swarm.world.sleep(DOWN_MS);
    expect(await put(second, "rare", 2, 4)).toBe(1);
    await swarm.world.sleep(OLD_MS);
    first.start();
    await swarm.world.sleep(LONG_MS); // It is tried ever more seldom: too few others are there to promise to keep "many" (D1).
    third.start();
    await swarm.world.sleep(LONG_MS);
    expect(await holdersOf(first, "rare")).toEqual(["s1", "s2"]);
    expect(await holdersOf(first, "many")).toEqual(["s2", "s3"]);
  }));

it("R3, S2: another server takes over a copy that keeps its room from such a file", () =>
  play({ ...CONFIG, servers: 5, quotasBytes: [11, 4, 2, 1, 1].map((units) => units * UNIT_BYTES) }, async (swarm) => {
    const [first, second, third] = swarm.machines as [Machine, Machine, Machine];
    await withKeptTrash(swarm);
    third.load = 1; // So it moves nothing itself (M4).
    second.crash();
    await swarm.world.sleep(DOWN_MS);
    expect(await put(first, "other", 2, 3)).toBe(2);
    for (const machine of [first, third]) machine.crash();
    second.start();
    await swarm.world.sleep(DOWN_MS);
    await put(second, "many", 1, 4);
    await swarm.world.sleep(DOWN_MS);
    expect(await holdersOf(second, "many")).toHaveLength(3);
    expect(await put(second, "rare", 2, 5)).toBe(1);
    await swarm.world.sleep(OLD_MS);
    for (const machine of [first, third]) machine.start();
    await swarm.world.sleep(SETTLED_MS);
    expect(await holdersOf(first, "rare")).toEqual(["s1", "s2"]);
    expect(await holdersOf(first, "other")).toEqual(["s2", "s3"]);
  }));
