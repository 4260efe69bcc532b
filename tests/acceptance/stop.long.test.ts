/** Some rounds of what `npm run test:stop` does two hundred times (P3, D1 to D4). */
import { expect, test } from "vitest";
import { stopRounds } from "./stop-rounds.ts";

const ROUNDS = 4;
const SEED = 4;

test("servers that stand still for longer than any time-out while they drop copies take no file below min(W, N) (D3, P3)", async () => {
  const figures = await stopRounds(ROUNDS, SEED);
  console.log(`stop: ${JSON.stringify(figures)}`);
  expect(figures.rounds).toBe(ROUNDS);
  expect(figures.drops).toBeGreaterThan(ROUNDS);
  expect(figures.acknowledged).toBeGreaterThan(ROUNDS);
  expect(figures.looks).toBeGreaterThanOrEqual(2 * ROUNDS);
}, 300_000);
