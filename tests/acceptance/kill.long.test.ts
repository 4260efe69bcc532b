/** Some rounds of what `npm run test:kill` does a hundred times (P2, P3). */
import { expect, test } from "vitest";
import { killRounds } from "./kill-rounds.ts";

const ROUNDS = 6;
const SEED = 4;

test("kill -9 of any of three servers loses no acknowledged file, and the killed one copies nothing that it had (P2, P3)", async () => {
  const figures = await killRounds(ROUNDS, SEED);
  console.log(`kill: ${JSON.stringify(figures)}`);
  expect(figures.rounds).toBe(ROUNDS);
  expect(figures.acknowledged).toBeGreaterThan(ROUNDS * 10);
  expect(figures.kept).toBeGreaterThan(figures.copied);
  expect(figures.copied).toBeGreaterThan(0);
}, 300_000);
