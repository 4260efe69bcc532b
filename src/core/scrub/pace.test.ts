import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CATCH_UP_FACTOR, costOf, RATE_MIN_BYTES, rateBytesPerS, restMs } from "./pace.ts";

const DAY_MS = 24 * 3600 * 1000;
const FILE = { files: 1, bytes: 5_000_000 };

/** Reads all files, each of them taking `fileMs`, after having been off for a while; answers when each was begun. */
function playCycle(cycleMs: number, files: number, fileMs: number, off: { afterMs: number; forMs: number }): number[] {
  const total = { files, bytes: files * FILE.bytes };
  const begun: number[] = [];
  for (let done = 0, now = 0; done < files; ) {
    const rest = restMs({ cycleMs, elapsedMs: now, done: { files: done, bytes: done * FILE.bytes }, total });
    now += rest;
    if (now >= off.afterMs && now < off.afterMs + off.forMs) now = off.afterMs + off.forMs;
    begun.push(now);
    now += fileMs;
    done += 1;
  }
  return begun;
}

describe("the pace of a scrub (P4)", () => {
  it("spreads the files evenly over the cycle", () => {
    const begun = playCycle(30 * DAY_MS, 300, 5_000, { afterMs: 0, forMs: 0 });
    for (const [at, ms] of begun.entries()) expect(ms / DAY_MS).toBeCloseTo(at / 10, 2);
  });

  it("catches up after a time off, and still ends with the cycle", () => {
    const begun = playCycle(30 * DAY_MS, 300, 5_000, { afterMs: 10 * DAY_MS, forMs: 5 * DAY_MS });
    expect(begun.at(-1)! / DAY_MS).toBeCloseTo(29.9, 1);
    expect(begun[100]! / DAY_MS).toBeCloseTo(15, 1);
    expect(begun[160]! / DAY_MS).toBeCloseTo(16, 1);
  });

  it("never rests beyond the cycle by a part of a millisecond, where a product is not exact", () => {
    const done = { files: 435_928_463, bytes: 63_946 };
    expect(restMs({ cycleMs: 23_223_740_410, elapsedMs: 0, done, total: done })).toBe(23_223_740_410);
  });

  it("never rests beyond the cycle, and reads at a rate that can catch up", () => {
    const amount = fc.record({ files: fc.nat(1e9), bytes: fc.nat(1e12) });
    const cycle = fc.integer({ min: 1, max: 400 * DAY_MS });
    fc.assert(
      fc.property(amount, amount, cycle, fc.nat(), (done, total, cycleMs, elapsedMs) => {
        const rest = restMs({ cycleMs, elapsedMs, done, total });
        expect(rest).toBeGreaterThanOrEqual(0);
        expect(rest).toBeLessThanOrEqual(cycleMs);
        const rate = rateBytesPerS({ cycleMs, total });
        expect(rate).toBeGreaterThanOrEqual(RATE_MIN_BYTES);
        expect(rate * cycleMs).toBeGreaterThanOrEqual(CATCH_UP_FACTOR * costOf(total) * 999);
      }),
    );
  });
});
