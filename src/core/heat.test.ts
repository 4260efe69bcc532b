import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HALF_LIFE_MS, Heat } from "./heat.ts";
import type { ServerId, VersionId } from "./ids.ts";

const A = "a".repeat(12) as ServerId;
const B = "b".repeat(12) as ServerId;
const version = (number: number) => `${String(number).padStart(14, "0")}-${A}` as VersionId;
const SONG = version(1);
/** Of so many reads: LN2 of them fall into one half-life at a steady pace. */
const perHour = (reads: number) => (reads * Math.LN2 * 3_600_000) / HALF_LIFE_MS;

function hottestOf(heat: Heat, limit: number) {
  const walk = heat.ownHottest(limit, 0);
  let step = walk.next();
  while (!step.done) step = walk.next();
  return step.value;
}

describe("heat", () => {
  test("is the pace of reads while that is steady, and halves when they end", () => {
    const heat = new Heat();
    let nowMs = 0;
    for (; nowMs < 20 * HALF_LIFE_MS; nowMs += 60_000) heat.count(SONG, 2, nowMs);
    const steady = heat.readsPerHour(SONG, nowMs);
    expect(steady).toBeGreaterThan(119);
    expect(steady).toBeLessThan(121);
    expect(heat.readsPerHour(SONG, nowMs + HALF_LIFE_MS)).toBeCloseTo(steady / 2);
    expect(heat.readsPerHour(version(2), nowMs)).toBe(0);
  });

  test("is the sum over servers, of what each told last", () => {
    const heat = new Heat();
    heat.count(SONG, 3, 0);
    heat.take(A, [[SONG, 5]], 0);
    heat.take(B, [[SONG, 7]], 0);
    heat.take(A, [[SONG, 6]], 0);
    expect(heat.readsPerHour(SONG, 0)).toBeCloseTo(perHour(3 + 7 + 6));
  });

  test("is told when it has risen by half, so that others are never wrong by more", () => {
    const anyStep = fc.record({ waitMs: fc.nat(HALF_LIFE_MS), reads: fc.integer({ min: 1, max: 30 }) });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const [own, other] = [new Heat(), new Heat()];
        let nowMs = 0;
        let told = 0;
        let reads = 0;
        for (const step of steps) {
          nowMs += step.waitMs;
          own.count(SONG, step.reads, nowMs);
          reads += step.reads;
          const risen = own.takeRisen(10, nowMs);
          told += risen.length;
          other.take(A, risen, nowMs);
          const [real, believed] = [own.readsPerHour(SONG, nowMs), other.readsPerHour(SONG, nowMs)];
          expect(believed).toBeLessThanOrEqual(real * 1.000001);
          expect(real).toBeLessThan(Math.max(perHour(4), believed * 1.5) * 1.000001);
        }
        expect(told).toBeLessThanOrEqual(1 + reads / 2);
      }),
    );
  });

  test("what is read at once a thousand times is told a few times, and what nobody reads not at all", () => {
    const heat = new Heat();
    let told = 0;
    for (let i = 0; i < 1000; i++) {
      heat.count(SONG, 1, i);
      told += heat.takeRisen(10, i).length;
    }
    expect(told).toBeGreaterThan(5);
    expect(told).toBeLessThan(20);
    expect(heat.takeRisen(10, HALF_LIFE_MS)).toEqual([]);
    expect([...heat.toldInPieces(10, () => 1000)]).toHaveLength(1);
  });

  test("of what this server sent the hottest can be had, whatever others sent, in pieces", () => {
    const reads = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 200 });
    fc.assert(
      fc.property(reads, fc.integer({ min: 1, max: 50 }), (counts, limit) => {
        const heat = new Heat();
        for (const [i, count] of counts.entries()) heat.count(version(i), count, 0);
        heat.take(A, [[version(1), 1e9]], 0);
        const hottest = hottestOf(heat, limit);
        const hot = counts.filter((count) => count >= 1).sort((a, b) => b - a);
        expect(hottest).toHaveLength(Math.min(limit, hot.length));
        for (const [each, count] of hottest) expect(counts[Number(each.slice(0, 14))]).toBe(count);
        // Those that are left out are no more than twice as hot as any of these.
        const least = Math.min(...hottest.map(([, count]) => count));
        const chosen = new Set(hottest.map(([each]) => Number(each.slice(0, 14))));
        for (const [i, count] of counts.entries())
          if (!chosen.has(i) && count >= 1) expect(count).toBeLessThan(2 * least);
      }),
    );
  });

  test("what is told in one go, and kept, has a bound; what is hot stays", () => {
    const heat = new Heat();
    heat.count(SONG, 1000, 0);
    for (let i = 2; i < 150_000; i++) heat.count(version(i), 5, i);
    expect(heat.size).toBe(100_000);
    expect(heat.readsPerHour(SONG, 150_000)).toBeGreaterThan(perHour(900));
    expect(heat.takeRisen(1000, 150_000)).toHaveLength(1000);
    expect([...heat.toldInPieces(300, () => 150_000)].map((piece) => piece.length)).toEqual([300, 300, 300, 100]);
  });
});
