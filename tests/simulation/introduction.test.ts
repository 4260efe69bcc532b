/** C10: a server that has only just joined does not take itself for the swarm. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { playApart, putText } from "./play.ts";

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
