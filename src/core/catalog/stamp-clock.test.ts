import { describe, expect, it } from "vitest";
import { hybridTimeOf } from "../hybrid-clock.ts";
import type { HybridTime } from "../ids.ts";
import { StampClock } from "./stamp-clock.ts";

const NOW_MS = 1_790_000_000_000;
const NOW = hybridTimeOf(NOW_MS);
const FUTURE = hybridTimeOf(NOW_MS + 315_360_000_000);

function fresh(): StampClock {
  return new StampClock(undefined, new Map());
}

describe("the clock of a server's writes", () => {
  it("C8: a time exceeds all that was seen in its epoch, and the first of a new epoch is the wall clock's", () => {
    const clock = fresh();
    clock.observe(0, FUTURE);
    expect(clock.next(NOW_MS)).toBe(FUTURE + 1);
    clock.observe(1, NOW);
    clock.observe(0, (FUTURE + 5) as HybridTime);
    expect(clock.next(NOW_MS + 1)).toBe(hybridTimeOf(NOW_MS + 1));
  });

  it("T2: a version is named by its time, unless a wrong clock named some of later times: then after those", () => {
    const clock = fresh();
    expect(clock.name(clock.next(NOW_MS))).toBe(NOW);
    const wrong = clock.next(NOW_MS + 90_000);
    expect(clock.name(wrong)).toBe(wrong);
    clock.observe(1, NOW);
    const right = clock.next(NOW_MS + 10);
    expect(right).toBe(hybridTimeOf(NOW_MS + 10));
    expect(clock.name(right)).toBe(wrong + 1);
    const later = clock.next(NOW_MS + 90_001);
    expect(clock.name(later)).toBe(later);
  });

  it("T2: a server that only saw times of the future names its versions by the right time again", () => {
    const clock = fresh();
    clock.observe(0, FUTURE);
    clock.observe(1, NOW);
    const time = clock.next(NOW_MS + 1);
    expect(clock.name(time)).toBe(time);
  });

  it("C8: goes on after a restart, in the epoch that it or the catalog knows", () => {
    const clock = fresh();
    clock.name(clock.next(NOW_MS + 90_000));
    clock.observe(2, NOW);
    const again = new StampClock(clock.encode(), new Map([[1, FUTURE]]));
    expect([again.epoch, again.time]).toEqual([2, NOW]);
    expect(again.name(again.next(NOW_MS))).toBe(hybridTimeOf(NOW_MS + 90_000) + 1);
    const repaired = new StampClock(clock.encode(), new Map([[3, hybridTimeOf(NOW_MS + 7)]]));
    expect([repaired.epoch, repaired.time]).toEqual([3, hybridTimeOf(NOW_MS + 7)]);
  });

  it("C8: an incarnation that a wrong clock gave does not push times ahead, but names; others push both", () => {
    const near = fresh();
    near.passOver((NOW + 9000) as HybridTime, 500, NOW_MS);
    expect(near.next(NOW_MS)).toBe(NOW + 9501);
    const clock = fresh();
    clock.passOver(FUTURE, 500, NOW_MS);
    const time = clock.next(NOW_MS);
    expect(time).toBe(NOW + 501);
    expect(clock.name(time)).toBe(FUTURE + 501);
  });

  it("forgets epochs and times with the catalog, and no name", () => {
    const clock = fresh();
    clock.name(clock.next(NOW_MS + 90_000));
    clock.observe(4, FUTURE);
    clock.forget();
    expect([clock.epoch, clock.aheadMs(NOW_MS)]).toEqual([0, 0]);
    expect(clock.name(clock.next(NOW_MS))).toBe(hybridTimeOf(NOW_MS + 90_000) + 1);
  });
});
