/** S1: uploads while the disk of a server that stores them as well stands still. Whole servers in simulated time. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";

const STILL_MS = 300_000;
const TOOK_MS_MAX = 8_000;
/** So many that some have the slow one as a target. */
const UPLOADS = 12;

it("S1: a target whose catalog is not written for seconds has failed, and another takes its part", () =>
  play({ servers: 4 }, async (swarm) => {
    const [slow, asked] = swarm.machines as [Machine, Machine];
    const usual = slow.delays.of.bind(slow.delays);
    slow.delays.of = (port, method) =>
      port === "catalog" && method === "write" ? { beforeMs: STILL_MS, afterMs: 0 } : usual(port, method);
    for (let i = 0; i < UPLOADS; i++) {
      const { copies, tookMs } = await putText(swarm, asked, `file ${i}`, "text");
      expect(copies).toBe(2);
      expect(tookMs).toBeLessThan(TOOK_MS_MAX);
    }
  }));
