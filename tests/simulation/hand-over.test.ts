/** Copies that are handed over or swapped (R3) while servers are away for good, paused, or ailing. Whole servers in simulated time. */
import { expect, test } from "vitest";
import { pathOf, Stand } from "./figures/stand.ts";
import type { Machine } from "./machine.ts";
import { readText } from "./play.ts";

const UNIT_BYTES = 4_000;
const GRACE_MS = 10_000;
const REST_LIMIT_MS = 600_000;
/** Until all have heard what a server tells of itself. */
const HEARD_MS = 1_000;
/** What a disk did not give has been read again by then, and something handed over. */
const READ_AGAIN_MS = 700_000;
const ASK_TIMEOUT_MS = 20_000;

const units = (count: number) => count * UNIT_BYTES;

const [rare, other, many] = [0, 1, 2];

/** The second can take "other" over when it gives "many" up, and then another has room for "rare". */
const oneTaker = () =>
  new Stand({
    seed: 1,
    files: [2, 2, 1].map((size) => ({ sizeBytes: units(size) })),
    servers: [
      { quotaBytes: units(2), holds: [other] },
      { quotaBytes: units(4), holds: [rare, many] },
      { quotaBytes: units(2), holds: [other] },
      { quotaBytes: units(1), holds: [many] },
      { quotaBytes: units(1), holds: [many] },
    ],
    config: { copies: 3, writeCopies: 1, reserve: 0 },
  });

test("R3: a copy that a server held as well that is gone for good is swapped like any other", async () => {
  const [large, small] = [1, 2];
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

test.each(["paused", "ailing"])(
  "R3: who is %s is not asked to take copies over, and is once it goes on",
  async (how) => {
    const stand = oneTaker();
    await stand.play(async () => {
      await stand.prepare();
      const [first, taker] = stand.machines as [Machine, Machine];
      let asked = 0;
      let isOut = true;
      taker.plan = ({ method, about }) => {
        if (method === "handle" && about === "take-over") asked += 1;
        const isRead = method === "read" && about === pathOf(many);
        return how === "ailing" && isOut && isRead ? { kind: "error", code: "io", side: "before" } : undefined;
      };
      const pause = (paused: boolean) =>
        first.ask((face) => face.configureServer(taker.name, { paused }), ASK_TIMEOUT_MS);
      if (how === "paused") await pause(true);
      else await readText(stand.swarm, taker, pathOf(many));
      await stand.world.sleep(HEARD_MS);
      stand.letGo();
      await stand.rest(REST_LIMIT_MS);
      expect(asked).toBe(0);
      isOut = false;
      if (how === "paused") await pause(false);
      expect(await stand.changesWithin(READ_AGAIN_MS)).toBe(true);
      expect(stand.holdings().filter((held) => held.has(rare))).toHaveLength(2);
    });
  },
);

test("R3: a server whose disk takes nothing hands no copy over for a file that could not come", async () => {
  const bad = 3;
  const stand = new Stand({
    seed: 1,
    files: [2, 2, 1, 1].map((size) => ({ sizeBytes: units(size) })),
    servers: [
      { quotaBytes: units(3), holds: [other, bad] },
      { quotaBytes: units(4), holds: [rare, many] },
      { quotaBytes: units(1), holds: [many] },
      { quotaBytes: units(1), holds: [many] },
    ],
    config: { copies: 3, writeCopies: 1, reserve: 0 },
  });
  await stand.play(async () => {
    await stand.prepare();
    const [ailing] = stand.machines as [Machine];
    ailing.plan = ({ method, about }) =>
      method === "read" && about === pathOf(bad) ? { kind: "error", code: "io", side: "before" } : undefined;
    await expect(readText(stand.swarm, ailing, pathOf(bad))).rejects.toMatchObject({ code: "disk-failed" });
    stand.letGo();
    await stand.rest(REST_LIMIT_MS);
    expect([...stand.holdings()[0]!]).toEqual([other, bad]);
  });
});

test("R3: who lacks promises to take a copy over is asked about it less and less", async () => {
  const stand = oneTaker();
  await stand.play(async () => {
    await stand.prepare();
    const [, taker, , ailing] = stand.machines as [Machine, Machine, Machine, Machine];
    let asked = 0;
    taker.plan = ({ method, about }) => {
      if (method === "handle" && about === "take-over") asked += 1;
      return undefined;
    };
    ailing.plan = ({ method, about }) =>
      method === "read" && about === pathOf(many) ? { kind: "error", code: "io", side: "before" } : undefined;
    await readText(stand.swarm, ailing, pathOf(many));
    stand.letGo();
    await stand.world.sleep(REST_LIMIT_MS);
    const before = asked;
    expect(before).toBeGreaterThan(0);
    await stand.world.sleep(REST_LIMIT_MS);
    expect(asked - before).toBeLessThan(10);
  });
});
