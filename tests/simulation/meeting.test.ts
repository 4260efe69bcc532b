/** Servers that meet again and again and never link: whole servers in simulated time. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, playApart, putText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const WATCHED_MS = 120_000;

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
