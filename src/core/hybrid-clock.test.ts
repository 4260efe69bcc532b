import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hybridTimeOf, isHybridTime, nextHybridTime, wallMsOf } from "./hybrid-clock.ts";
import { type HybridTime, versionId, versionTime } from "./ids.ts";

const NOW_MS = 1_790_000_000_000;

describe("the hybrid clock", () => {
  it("C8: only rises, whatever the wall clock does", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 * NOW_MS }), { minLength: 1 }), (walls) => {
        let time = 0 as HybridTime;
        for (const wall of walls) {
          const next = nextHybridTime(time, wall);
          expect(next).toBeGreaterThan(time);
          expect(wallMsOf(next)).toBeGreaterThanOrEqual(wall);
          time = next;
        }
      }),
    );
  });

  it("is the wall clock's time when that is ahead, and its millisecond is found again", () => {
    expect(wallMsOf(nextHybridTime(hybridTimeOf(NOW_MS - 5), NOW_MS))).toBe(NOW_MS);
    expect(wallMsOf(hybridTimeOf(NOW_MS + 0.75))).toBe(NOW_MS);
  });

  it("orders more writes than there are ticks in a millisecond, a little ahead of the wall clock", () => {
    let time = hybridTimeOf(NOW_MS);
    for (let i = 0; i < 3000; i++) time = nextHybridTime(time, NOW_MS);
    expect(wallMsOf(time)).toBe(NOW_MS + 2);
  });

  it("fits exactly into numbers and version ids until 2248", () => {
    const late = hybridTimeOf(Date.UTC(2248, 0, 1));
    expect(Number.isSafeInteger(late)).toBe(true);
    expect(versionTime(versionId(late, "00000000000a" as never))).toBe(late);
  });

  it.each([-NOW_MS, Date.UTC(2248, 6), Date.UTC(2300, 0), Number.MAX_SAFE_INTEGER])(
    "P4, C8: gives each write another time, which others take, when the wall clock shows %d ms",
    (wallMs) => {
      let time = hybridTimeOf(wallMs);
      for (let i = 0; i < 3000; i++) {
        expect(isHybridTime(time)).toBe(true);
        const next = nextHybridTime(time, wallMs);
        expect(versionId(next, "00000000000a" as never)).not.toBe(versionId(time, "00000000000a" as never));
        time = next;
      }
    },
  );
});
