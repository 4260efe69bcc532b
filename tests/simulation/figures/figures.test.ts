/** The figures' own machinery, small: what they measure is measured by `npm run figures`. */
import { describe, expect, it } from "vitest";
import { fill } from "./filling.ts";
import { lose } from "./lost-server.ts";
import { newFile } from "./new-file.ts";
import { drawCase, smallCase } from "./small-cases.ts";

const TIMEOUT_MS = 120_000;

describe("the figures", { timeout: TIMEOUT_MS }, () => {
  it("fill quotas from a random state, and see no traffic after rest", async () => {
    const result = await fill(2, { files: 80, servers: 4 });
    expect(result.usedShare).toBeGreaterThan(0.95);
    expect(result.movedRatio).toBeGreaterThanOrEqual(1);
    expect(result.isQuiet).toBe(true);
    expect(result.minSurplus).toBeLessThanOrEqual(result.optimum!);
  });

  it("know the N of each file of a small case, and never see more than the solver's best", async () => {
    for (const seed of [1, 2, 3]) {
      const { reached, best, movedBytes, leastBytes } = await smallCase(seed);
      expect(reached.length).toBe(drawCase(seed).files.length);
      const at = best.findIndex((surplus, i) => surplus !== reached[i]);
      if (at >= 0) expect(reached[at]).toBeLessThan(best[at]!);
      expect(movedBytes).toBeGreaterThanOrEqual(leastBytes);
    }
  });

  it("see who serves the pulls of a new file until all have it", async () => {
    const { early, beforeCopies, mostAtOnce, copies } = await newFile(1, 6);
    expect(copies).toBe(6);
    expect(early).toBeGreaterThan(0);
    expect(beforeCopies).toBeGreaterThanOrEqual(early);
    expect(mostAtOnce).toBeGreaterThan(0);
  });

  it("see what a lost server's files cost the others", async () => {
    const { leastBytes, movedBytes, minSurplus, optimum } = await lose(1, { files: 60, servers: 5 });
    expect(movedBytes).toBeGreaterThanOrEqual(leastBytes);
    expect(minSurplus).toBeLessThanOrEqual(optimum);
  });
});
