/** M3, C13: who has become absent counts for K no more, whatever befalls this server in the moment in which it notices. */
import { describe, expect, it } from "vitest";
import { fromUtf8 } from "../../src/core/bytes.ts";
import { metaKey } from "../../src/core/catalog/keys.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import type { FaultPlan, Strike } from "./process.ts";

const ASK_TIMEOUT_MS = 20_000;
const GRACE_MS = 10_000;
const WATCHED_MS = 60_000;

const minSurplus = async (machine: Machine): Promise<number | null> =>
  (await machine.ask(async (face) => face.status(), ASK_TIMEOUT_MS)).minSurplus;

const knowsAbsent = ({ catalog }: Machine): boolean =>
  fromUtf8(catalog.read().get(metaKey("absent")) ?? new Uint8Array()).length > "[]".length;

/** Strikes at the `nth` write to the catalog behind the one that says who is absent; at that very one: 0. */
const strikeAt = (machine: Machine, nth: number, strike: Strike, isLate: () => boolean): FaultPlan => {
  let writes = 0;
  return ({ port, method }) => {
    if (port !== "catalog" || method !== "write" || !(knowsAbsent(machine) || (nth === 0 && isLate())))
      return undefined;
    writes += 1;
    return writes === Math.max(nth, 1) ? strike : undefined;
  };
};

describe("a server that notices that another is absent", () => {
  it.each([1, 2, 3])("C13: and is killed %i writes later, counts it for no file when it is back", (nth) =>
    play({ graceMs: GRACE_MS }, async (swarm) => {
      const [first, , last] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, first, "a", "text");
      await swarm.world.sleep(10_000);
      expect(await minSurplus(first)).toBe(0);
      last.crash();
      first.plan = strikeAt(first, nth, { kind: "crash", side: "before" }, () => false);
      while (first.running) await swarm.world.sleep(10);
      first.plan = () => undefined;
      first.start();
      await swarm.world.sleep(WATCHED_MS);
      expect(await minSurplus(first)).toBe(-1);
      last.start();
      await swarm.world.sleep(WATCHED_MS);
      expect(await minSurplus(first)).toBe(0);
    }),
  );

  it.each([0, 1])("C13: counts it for no file though the disk fails at write %i", (nth) =>
    play({ graceMs: GRACE_MS }, async (swarm) => {
      const [first, , last] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, first, "a", "text");
      await swarm.world.sleep(10_000);
      last.crash();
      const graceEndsMs = swarm.world.nowMs + GRACE_MS;
      const isLate = () => swarm.world.nowMs > graceEndsMs - 300;
      first.plan = strikeAt(first, nth, { kind: "error", code: "io", side: "before" }, isLate);
      await swarm.world.sleep(WATCHED_MS);
      expect(await minSurplus(first)).toBe(-1);
    }),
  );
});
