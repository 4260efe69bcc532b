import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { optimalMinSurplus, type SolverFile, solve, surplusesOf } from "./solver.ts";

describe("the solver", () => {
  it("raises the least surplus first, then the next", () => {
    const files = [
      { size: 1, target: 2 },
      { size: 1, target: 2 },
      { size: 2, target: 2 },
    ];
    expect(solve(files, [2, 2])?.surpluses).toEqual([-1, -1, -1]);
    expect(solve(files, [4, 2, 1])?.surpluses).toEqual([-1, 0, 1]);
    expect(solve(files, [4, 4, 1])?.surpluses).toEqual([0, 0, 1]);
  });

  it("counts N: a file that should have more copies is given them first", () => {
    const files = [
      { size: 1, target: 1 },
      { size: 1, target: 3 },
    ];
    expect(solve(files, [1, 1, 1, 1])?.holders.map((mask) => mask.toString(2).replaceAll("0", "").length)).toEqual([
      1, 3,
    ]);
  });

  it("says that there is no room for a copy of each", () => {
    expect(solve([{ size: 3, target: 1 }], [2, 2])).toBe(undefined);
  });

  it("finds nothing that does not fit, and what trying all finds", () => {
    const file = fc.record({ size: fc.integer({ min: 1, max: 4 }), target: fc.integer({ min: 1, max: 3 }) });
    const files = fc.array(file, { minLength: 1, maxLength: 4 });
    const quotas = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(files, quotas, (files, quotas) => {
        const solution = solve(files, quotas);
        expect(solution?.surpluses).toEqual(tryAll(files, quotas));
        if (solution === undefined) return;
        expect(fits(files, quotas, solution.holders)).toBe(true);
        expect(surplusesOf(files, solution.holders)).toEqual(solution.surpluses);
      }),
      { numRuns: 300 },
    );
  });

  it("knows the best minSurplus of files of one size without a search", () => {
    const rooms = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 3 }), rooms, (count, target, rooms) => {
        const files = Array.from({ length: count }, () => ({ size: 1, target }));
        const solution = solve(files, rooms);
        if (solution !== undefined) expect(solution.surpluses[0]).toBe(optimalMinSurplus(count, target, rooms));
      }),
    );
  });
});

function tryAll(files: readonly SolverFile[], quotas: readonly number[]): number[] | undefined {
  let best: number[] | undefined;
  const masks = 2 ** quotas.length;
  for (let all = 0; all < masks ** files.length; all++) {
    const holders = files.map((_, index) => Math.floor(all / masks ** index) % masks);
    if (holders.includes(0) || !fits(files, quotas, holders)) continue;
    const surpluses = surplusesOf(files, holders);
    if (best === undefined || isBetter(surpluses, best)) best = surpluses;
  }
  return best;
}

function isBetter(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((surplus, index) => surplus !== other[index]);
  return at >= 0 && one[at]! > other[at]!;
}

function fits(files: readonly SolverFile[], quotas: readonly number[], holders: readonly number[]): boolean {
  return quotas.every((quota, server) => {
    const sizes = files.map(({ size }, index) => ((holders[index]! & (1 << server)) === 0 ? 0 : size));
    return sizes.reduce((sum, size) => sum + size, 0) <= quota;
  });
}
