import { describe, expect, it } from "vitest";
import { type HybridTime, type ServerId, versionId } from "../ids.ts";
import { workOrder } from "./surplus.ts";

const SERVERS = ["00000000000a", "00000000000b", "00000000000c"] as ServerId[];
const UPLOADER = "00000000000d" as ServerId;
const MS = 1024;

/** Versions put one a millisecond, as the server's work index has them. */
function inOrder(count: number, stepMs: number, server: ServerId): number[] {
  const start = 2 ** 50;
  return Array.from({ length: count }, (_, i) => i)
    .map((i) => ({ i, order: workOrder(versionId((start + i * stepMs * MS) as HybridTime, UPLOADER), server) }))
    .sort((a, b) => a.order - b.order)
    .map(({ i }) => i);
}

describe("the order of work", () => {
  it("C13: keeps together what was put at the same moment", () => {
    const order = inOrder(6400, 1, SERVERS[0]!);
    const leaps = order.filter((i, at) => at > 0 && Math.floor(i / 64) !== Math.floor(order[at - 1]! / 64)).length;
    expect(leaps).toBeLessThan(110);
  });

  it("begins at another end on each server, within a moment as well as over many", () => {
    for (const stepMs of [0.5, 200]) {
      const firsts = SERVERS.map((server) => inOrder(100, stepMs, server).slice(0, 10));
      for (const [a, first] of firsts.entries()) {
        for (const other of firsts.slice(a + 1)) {
          expect(first.filter((i) => other.includes(i)).length).toBeLessThan(5);
        }
      }
    }
  });
});
