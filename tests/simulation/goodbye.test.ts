/** What the others do when one server ends: whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import { FRESH_MS } from "../../src/core/swarm/liveness.ts";
import { play, putText, readText } from "./play.ts";

/** Some round trips of 2 ms, and syncs of some 30 ms each; who waits for a silent server waits for 1,500. */
const AT_ONCE_MS = 300;

describe("a server that ends", () => {
  it("F4, P5: cleanly, lets nobody wait: the next write and the next read through the others are as fast as ever", () =>
    play({}, async (swarm) => {
      const [leaving, one, other] = swarm.machines;
      await putText(swarm, leaving!, "a/file", "first");
      expect((await putText(swarm, one!, "a/file", "second")).tookMs).toBeLessThan(AT_ONCE_MS);
      await leaving!.shutdown();
      expect((await putText(swarm, one!, "a/file", "third")).tookMs).toBeLessThan(AT_ONCE_MS);
      const read = await readText(swarm, other!, "a/file");
      expect(read.text).toBe("third");
      expect(read.tookMs).toBeLessThan(AT_ONCE_MS);
    }));

  it("F4, M3: cleanly, is down at once, and its copies count until the grace is over", () =>
    play({}, async (swarm) => {
      const [leaving, one] = swarm.machines;
      await putText(swarm, one!, "a/file", "text");
      await swarm.world.sleep(5_000);
      await leaving!.shutdown();
      const [location] = await one!.ask((face) => face.locate(["a/file"]), 1_000);
      expect(location?.copies).toBe(3);
      expect(location?.servers.map(({ state }) => state)).toEqual(["up", "up", "down"]);
    }));

  it("F3: silently, is waited for: its readers may not know the write", () =>
    play({}, async (swarm) => {
      const [dying, one] = swarm.machines;
      await putText(swarm, one!, "a/file", "first");
      dying!.powerCut();
      const { tookMs } = await putText(swarm, one!, "a/file", "second");
      expect(tookMs).toBeGreaterThan(FRESH_MS / 2);
    }));

  it("F4: and comes back at once, misses nothing that was acknowledged meanwhile", () =>
    play({}, async (swarm) => {
      const [leaving, one] = swarm.machines;
      for (let round = 0; round < 5; round++) {
        await leaving!.shutdown();
        leaving!.start();
        await putText(swarm, one!, "a/file", `round ${round}`);
        while (!leaving!.serving) await swarm.world.sleep(1);
        expect((await readText(swarm, leaving!, "a/file")).text).toBe(`round ${round}`);
        await swarm.world.sleep(3_000);
      }
    }));
});

describe("a server that comes back over slow links", () => {
  it("F3, P5: is waited for from its greeting on, which announces a number as heartbeats do", () =>
    play({ latencyMs: 150 }, async (swarm) => {
      const [returning, one] = swarm.machines;
      for (let afterMs = 0; afterMs < 2_000; afterMs += 20) {
        returning!.crash();
        await swarm.world.sleep(5_000);
        returning!.start();
        await swarm.world.sleep(afterMs);
        const path = `after ${afterMs} ms`;
        await one!.ask((face) => face.makeDirectory(path), 20_000);
        while (!returning!.serving) await swarm.world.sleep(1);
        expect((await returning!.ask((face) => face.head(path), 20_000)).type).toBe("directory");
      }
    }));
});
