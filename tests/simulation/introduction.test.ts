/** C10: a server that has only just joined does not take itself for the swarm. */
import { expect, it } from "vitest";
import { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import type { Machine } from "./machine.ts";
import { play, playApart, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";

/** From the start of a server to the moment in which it is killed, while it joins. */
const MOMENTS_MS = Array.from({ length: 15 }, (_, i) => 40 + 20 * i);

it.each(MOMENTS_MS)("C10: killed %i ms after its start it takes nothing when it is there alone", (ms) =>
  playApart({}, async (swarm) => {
    const [first, second, third] = swarm.machines as [Machine, Machine, Machine];
    await third.shutdown();
    await putText(swarm, first, "before", "x");
    await second.shutdown();
    second.replaceDisks();
    second.knowsNobody = false;
    second.start();
    await swarm.world.sleep(ms);
    second.crash();
    await first.shutdown();
    second.start();
    await swarm.world.sleep(10_000);
    await expect(putText(swarm, second, "by itself", "x")).rejects.toMatchObject({ code: "behind" });
  }),
);

/** Of the first server, whose others call it once in half a minute by then. */
const AWAY_MS = [60_000, 95_000, 105_000, 115_000];

it.each(AWAY_MS)(
  "P3, C11: who has lost its catalog begins no swarm before the others have called it (%d ms)",
  (awayMs) =>
    play({}, async (swarm) => {
      const [first, second] = swarm.machines as [Machine, Machine];
      await putText(swarm, first, "before", "text");
      await first.shutdown();
      await swarm.world.sleep(awayMs);
      first.catalog = new MemoryCatalogStore();
      first.start();
      const put = () =>
        putText(swarm, first, "after", "text").then(
          () => true,
          () => false,
        );
      while (!(await put())) await swarm.world.sleep(500);
      expect((await readText(swarm, second, "after")).text).toBe("text");
      expect(await comeToRest(swarm, swarm.machines, 120_000)).toBe(undefined);
    }),
);

it("P2: who has lost its catalog and is called by nobody begins a swarm", () =>
  play({ servers: 1 }, async (swarm) => {
    const [only] = swarm.machines as [Machine];
    await only.shutdown();
    only.catalog = new MemoryCatalogStore();
    only.start();
    await swarm.world.sleep(60_000);
    await putText(swarm, only, "after", "text");
  }));
