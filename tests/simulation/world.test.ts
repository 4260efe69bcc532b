import { describe, expect, it } from "vitest";
import { SeededRandom } from "./random.ts";
import { World } from "./world.ts";

describe("the simulated world", () => {
  it("runs events by time, those of one moment in the order they were asked for", async () => {
    const world = new World(1);
    const ran: string[] = [];
    world.after(5, () => ran.push("c"));
    world.after(1, () => ran.push("a"));
    world.after(5, () => ran.push("d"));
    world.after(2, () => ran.push("b"));
    await world.run(100);
    expect(ran).toEqual(["a", "b", "c", "d"]);
    expect(world.nowMs).toBe(100);
  });

  it("ends all that an event set off before the next one", async () => {
    const world = new World(1);
    const ran: string[] = [];
    world.after(1, async () => {
      for (let i = 0; i < 20; i++) await null;
      process.nextTick(() => ran.push("first, and what it set off"));
    });
    world.after(1, () => ran.push("second"));
    await world.run(10);
    expect(ran).toEqual(["first, and what it set off", "second"]);
  });

  it("leaves out what was cancelled, and stops as soon as it is done", async () => {
    const world = new World(1);
    const ran: number[] = [];
    world.after(1, () => ran.push(1))();
    world.after(2, () => ran.push(2));
    world.after(3, () => ran.push(3));
    expect(await world.run(10, () => ran.length === 1)).toBe(true);
    expect(ran).toEqual([2]);
    expect(world.nowMs).toBe(2);
  });

  it("has the same hash for the same events, and another for others", async () => {
    const hashOf = async (seed: number, delayMs: number) => {
      const world = new World(seed);
      const random = SeededRandom.of(seed, "test");
      const chain = (left: number) => {
        if (left > 0) world.after(random.fraction() * 10, () => chain(left - 1));
      };
      chain(50);
      world.after(delayMs, () => world.trace("marked"));
      await world.run(1_000);
      return world.hash;
    };
    expect(await hashOf(1, 20)).toBe(await hashOf(1, 20));
    expect(await hashOf(1, 20)).not.toBe(await hashOf(2, 20));
    expect(await hashOf(1, 20)).not.toBe(await hashOf(1, 200));
  });
});

describe("chance from a seed", () => {
  it("is the same for the same seed and label, and another for another", () => {
    const draw = (seed: number, label: string) => Buffer.from(SeededRandom.of(seed, label).bytes(16)).toString("hex");
    expect(draw(7, "a")).toBe(draw(7, "a"));
    expect(new Set([draw(7, "a"), draw(7, "b"), draw(8, "a"), draw(0, "")]).size).toBe(4);
  });

  it("is spread evenly", () => {
    const random = SeededRandom.of(1, "even");
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[random.between(0, 9)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(900);
    expect(Math.max(...counts)).toBeLessThan(1_100);
  });
});
