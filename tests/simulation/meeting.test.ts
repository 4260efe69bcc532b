/** Servers that meet again and again and never link: whole servers in simulated time. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, playApart, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const WATCHED_MS = 120_000;
const ASK_TIMEOUT_MS = 20_000;

/** Lines of the logs with `text`, from now on for two minutes. */
async function logged({ world }: Swarm, text: string): Promise<number> {
  let lines = 0;
  const { tell } = world;
  world.tell = (line) => {
    if (line.includes(text)) lines++;
    tell?.(line);
  };
  await world.sleep(WATCHED_MS);
  world.tell = tell;
  return lines;
}

it("C11: two swarms with files that know of each other do not greet without end", () =>
  playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
    const machines = swarm.machines as [Machine, Machine];
    for (const machine of machines) await putText(swarm, machine, machine.name, "it");
    await machines[1].shutdown();
    machines[1].knowsNobody = false;
    machines[1].start();
    const greetings = await logged(swarm, "a server could not be greeted");
    expect(greetings).toBeGreaterThan(2);
    expect(greetings).toBeLessThanOrEqual((2 * WATCHED_MS) / 2_000);
  }));

it("C8: a server whose clock is refused for long is told of once", () =>
  play({}, async (swarm) => {
    const wrong = swarm.machines[2]!;
    await wrong.shutdown();
    wrong.skewMs = 3_600_000;
    wrong.start();
    expect(await logged(swarm, "a server was refused, its clock is too far away")).toBeLessThanOrEqual(4);
  }));

it.each(["directory", "key"])("P3, C11: a swarm that has a %s and no file does not give it up for another", (what) =>
  playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [one, other] = swarm.machines as [Machine, Machine];
    await putText(swarm, one, "file", "text");
    if (what === "key") await other.ask((face) => face.createKey("reader", "read"), ASK_TIMEOUT_MS);
    else await other.ask((face) => face.makeDirectory("music"), ASK_TIMEOUT_MS);
    const isThere = async (machine: Machine) =>
      what === "key"
        ? (await machine.ask((face) => face.listKeys(), ASK_TIMEOUT_MS)).length > 0
        : (await machine.ask((face) => face.list("", {}), ASK_TIMEOUT_MS)).entries.some(({ name }) => name === "music");
    await other.shutdown();
    other.knowsNobody = false;
    other.start();
    await swarm.world.sleep(WATCHED_MS);
    expect(await Promise.all(swarm.machines.map(isThere))).toEqual([false, true]);
    await other.ask((face) => face.merge(one.address), ASK_TIMEOUT_MS);
    await swarm.world.sleep(WATCHED_MS);
    expect(await comeToRest(swarm, swarm.machines, WATCHED_MS)).toBe(undefined);
    expect(await Promise.all(swarm.machines.map(isThere))).toEqual([true, true]);
  }),
);

it("C11: a swarm in which all that was made is gone again joins another silently", () =>
  playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [one, other] = swarm.machines as [Machine, Machine];
    await putText(swarm, one, "file", "text");
    await other.ask(async (face) => {
      const { id } = await face.createKey("reader", "read");
      await face.revokeKey(id);
      await face.makeDirectory("music");
      await face.remove("music", { only: "directory" });
    }, ASK_TIMEOUT_MS);
    await other.shutdown();
    other.knowsNobody = false;
    other.start();
    await swarm.world.sleep(WATCHED_MS);
    expect(await comeToRest(swarm, swarm.machines, WATCHED_MS)).toBe(undefined);
    expect((await readText(swarm, other, "file")).text).toBe("text");
  }));

it("C11, P1: a server that meets another swarm while it is about to go on with its own empty one joins it", () =>
  playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [one, other] = swarm.machines as [Machine, Machine];
    await putText(swarm, one, "file", "text");
    await other.shutdown();
    other.knowsNobody = false;
    other.start();
    await swarm.world.sleep(WATCHED_MS);
    expect(await comeToRest(swarm, swarm.machines, WATCHED_MS)).toBe(undefined);
    expect((await readText(swarm, other, "file")).text).toBe("text");
  }));

it.each([
  [11, 14],
  [81, 132],
  [91, 146],
])("C11, P1: three that have empty swarms become one, on machines %d times as slow, %d ms apart", (factor, gapMs) =>
  playApart({ servers: 3, copies: 2, writeCopies: 1 }, async (swarm) => {
    const machines = swarm.machines as [Machine, Machine, Machine];
    for (const machine of machines) {
      await machine.shutdown();
      machine.knowsNobody = false;
      machine.delays.factor = factor;
    }
    for (const machine of machines) {
      machine.start();
      await swarm.world.sleep(gapMs);
    }
    await swarm.world.sleep(WATCHED_MS);
    for (const machine of machines) machine.delays.factor = 1;
    expect(await comeToRest(swarm, machines, WATCHED_MS)).toBe(undefined);
    await putText(swarm, machines[1], "file", "text");
    expect((await readText(swarm, machines[2], "file")).text).toBe("text");
  }),
);
