import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VersionId } from "../ids.ts";
import {
  chooseDrops,
  EXCHANGE_GAIN,
  type OwnCopy,
  promisesAfterHandOver,
  promisesWanted,
  ZONE_EXCHANGE_GAIN,
} from "./making-room.ts";

function copies(...list: [surplus: number, sizeBytes: number][]): OwnCopy[] {
  return list.map(([surplus, sizeBytes], i) => ({ version: `v${i}` as VersionId, surplus, sizeBytes }));
}

const versions = (chosen: OwnCopy[] | undefined) => chosen?.map(({ version }) => version).sort();

describe("choosing copies that make room", () => {
  it("takes those of the highest surplus, and no more than it takes", () => {
    expect(versions(chooseDrops(copies([5, 4], [5, 4], [4, 4], [3, 4]), 8))).toEqual(["v0", "v1"]);
    expect(versions(chooseDrops(copies([5, 1], [5, 1], [4, 10]), 10))).toEqual(["v2"]);
  });

  it("takes none when all of them are too few", () => {
    expect(chooseDrops(copies([5, 4], [5, 4]), 9)).toBeUndefined();
    expect(chooseDrops([], 1)).toBeUndefined();
  });

  it("never takes one that could stay, and never fails where all together suffice", () => {
    const any = fc.array(fc.record({ surplus: fc.integer({ min: -3, max: 9 }), sizeBytes: fc.nat(30) }), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 100 }), (list, bytes) => {
        const all = copies(...list.map(({ surplus, sizeBytes }): [number, number] => [surplus, sizeBytes]));
        all.sort((a, b) => b.surplus - a.surplus);
        const chosen = chooseDrops(all, bytes);
        const total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        expect(chosen === undefined).toBe(total < bytes);
        if (chosen === undefined) return;
        const freed = chosen.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        expect(freed).toBeGreaterThanOrEqual(bytes);
        for (const { sizeBytes } of chosen) expect(freed - sizeBytes).toBeLessThan(bytes);
      }),
    );
  });

  it("R1: each exchange strictly improves the sorted surpluses", () => {
    const surplus = fc.integer({ min: -5, max: 20 });
    fc.assert(
      fc.property(fc.array(surplus, { maxLength: 8 }), surplus, fc.nat(10), (others, wanted, above) => {
        const dropped = wanted + EXCHANGE_GAIN + above;
        const before = [...others, wanted, dropped].sort((a, b) => a - b);
        const after = [...others, wanted + 1, dropped - 1].sort((a, b) => a - b);
        const differs = before.findIndex((each, i) => each !== after[i]);
        expect(differs).toBeGreaterThanOrEqual(0);
        expect(after[differs]!).toBeGreaterThan(before[differs]!);
      }),
    );
  });
});

describe("D1: the promises that a drop takes", () => {
  it("leaves as many copies as N for no other file, and one more than the wanted file's surplus else", () => {
    expect(promisesWanted({ target: 3, safe: 2 }, undefined)).toBe(3);
    expect(promisesWanted({ target: 3, safe: 2 }, 0)).toBe(4);
    expect(promisesWanted({ target: 3, safe: 2 }, -1)).toBe(3);
    expect(promisesWanted({ target: 3, safe: 2 }, 0, ZONE_EXCHANGE_GAIN)).toBe(3);
  });

  it("never fewer than min(W, N) and one, however much the other file is wanted", () => {
    expect(promisesWanted({ target: 3, safe: 2 }, -3)).toBe(2);
    expect(promisesWanted({ target: 2, safe: 1 }, -2)).toBe(1);
    expect(promisesWanted({ target: 0, safe: 0 }, -3)).toBe(1);
    expect(promisesAfterHandOver({ target: 3, safe: 2 }, 1)).toBe(2);
    expect(promisesAfterHandOver({ target: 3, safe: 2 }, 4)).toBe(4);
  });
});
