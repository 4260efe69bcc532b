/** Copies that are handed over or swapped (R3) while some holders are away for good, on simulated servers. */
import { expect, test } from "vitest";
import { Stand } from "./figures/stand.ts";

const UNIT_BYTES = 4_000;
const GRACE_MS = 10_000;
const REST_LIMIT_MS = 600_000;

const units = (count: number) => count * UNIT_BYTES;

test("R3: a copy that a server held as well that is gone for good is swapped like any other", async () => {
  const [rare, large, small] = [0, 1, 2];
  const stand = new Stand({
    seed: 1,
    files: [3, 4, 2].map((size) => ({ sizeBytes: units(size) })),
    servers: [
      { quotaBytes: units(5), holds: [large] },
      { quotaBytes: units(4), holds: [small] },
      { quotaBytes: units(9), holds: [rare, large, small] },
      { quotaBytes: units(5), holds: [rare, small] },
      { quotaBytes: units(9), holds: [large] },
    ],
    config: { copies: 3, writeCopies: 2, reserve: 0, graceMs: GRACE_MS },
  });
  await stand.play(async () => {
    await stand.prepare();
    stand.machines[4]!.crash();
    await stand.world.sleep(2 * GRACE_MS);
    stand.letGo();
    await stand.rest(REST_LIMIT_MS);
    const [first, second] = stand.holdings();
    expect([...first!].sort()).toEqual([rare, small]);
    expect([...second!]).toEqual([large]);
  });
});
