/** Throttles hold back what servers copy of each other, and nothing else. Whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const SIZE_BYTES = 2_000_000;
const TEXT = "x".repeat(SIZE_BYTES);
/** On gigabit links and simulated disks. */
const UNHINDERED_MS = 500;

/** Puts the file; answers how long the copy took that its third server pulls. */
async function timeOfPull(swarm: Swarm, atOnce: (puller: Machine) => Promise<void> = async () => {}): Promise<number> {
  const [asked] = swarm.machines;
  const startMs = swarm.world.nowMs;
  await putText(swarm, asked!, "a/file", TEXT);
  expect(swarm.world.nowMs - startMs).toBeLessThan(UNHINDERED_MS);
  const located = async () => (await asked!.ask((face) => face.locate(["a/file"]), 1_000))[0]!;
  const holders = (await located()).servers.map(({ name }) => name);
  expect(holders).toHaveLength(2);
  await atOnce(swarm.machines.find(({ name }) => !holders.includes(name))!);
  while ((await located()).copies < 3) await swarm.world.sleep(10);
  return swarm.world.nowMs - startMs;
}

/** A reader through the server that pulls is as fast as ever. */
async function readFast(swarm: Swarm, puller: Machine): Promise<void> {
  const { text, tookMs } = await readText(swarm, puller, "a/file");
  expect(text).toHaveLength(SIZE_BYTES);
  expect(tookMs).toBeLessThan(UNHINDERED_MS);
}

describe("a pull", () => {
  it("takes no longer than links and disks do when nothing bounds it", () =>
    play({}, async (swarm) => {
      expect(await timeOfPull(swarm)).toBeLessThan(2 * UNHINDERED_MS);
    }));

  it.each(["pullRate", "serveRate"] as const)("keeps to %s, in which uploads and readers do not share", (bound) =>
    play({ [bound]: 200_000 }, async (swarm) => {
      const tookMs = await timeOfPull(swarm, (puller) => readFast(swarm, puller));
      expect(tookMs).toBeGreaterThan(9_000);
      expect(tookMs).toBeLessThan(13_000);
    }),
  );

  it("comes to its end at the lowest rate that can be chosen, however few bytes move at a time", () =>
    play({ serveRate: 10_000 }, async (swarm) => {
      expect(await timeOfPull(swarm)).toBeLessThan(230_000);
    }));

  it("M4: yields to readers while the server that gives the bytes is loaded, and goes on slowly", () =>
    play({}, async (swarm) => {
      for (const machine of swarm.machines.slice(0, 2)) machine.load = 0.9;
      swarm.machines[2]!.load = 0.1;
      const tookMs = await timeOfPull(swarm, async (puller) => {
        for (const machine of swarm.machines) machine.load = machine === puller ? 0.1 : 0.9;
        await readFast(swarm, puller);
      });
      expect(tookMs).toBeGreaterThan(700);
    }));

  it.each([
    ["--pulls: only so many files are copied at once", 70_000, 1],
    ["--pulls: of small files eight count as one", 20_000, 8],
  ])("%s", (_, sizeBytes, atOnce) =>
    play({ pulls: 1, pullRate: sizeBytes }, async (swarm) => {
      const [asked] = swarm.machines;
      for (let i = 0; i < 2 * 8; i++) await putText(swarm, asked!, `a/file ${i}`, "x".repeat(sizeBytes));
      let most = 0;
      for (let i = 0; i < 100; i++) {
        await swarm.world.sleep(50);
        for (const { pulls } of await asked!.ask((face) => face.servers(), 1_000)) most = Math.max(most, pulls);
      }
      expect(most).toBe(atOnce);
    }),
  );
});
