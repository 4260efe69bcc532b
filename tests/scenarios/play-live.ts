/**
 * Scenarios as tests with real processes: one file each for those without and with restarts, to run side by side. Those of
 * which the original's list does not say "live" are played with restarts only, and those beyond scenario 9 without; all of them
 * are played both ways simulated, and by `npm run scenario`.
 */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

/** `npm run scenario many-servers` takes more. */
const SERVERS = 4;
const TIMEOUT_MS = 180_000;
const LIVE: readonly number[] = [1, 2, 7, 8, 11, 12, 13, 14, 15];
const RESTARTED_MAX = 9;

export function playLive(how: string, { restarts }: { restarts: boolean }): void {
  const cases = SCENARIO_NAMES.flatMap((name) => {
    const { number, title } = SCENARIOS[name];
    const isPlayed = restarts ? number <= RESTARTED_MAX : LIVE.includes(number);
    return isPlayed ? [{ name, sentence: `scenario ${number} holds: ${title}` }] : [];
  });
  describe(how, () => {
    test.each(cases)("$sentence", { timeout: TIMEOUT_MS }, async ({ name }) => {
      await play(name, { simulated: false, restarts, seed: 0, servers: SERVERS, tell: () => {} });
    });
  });
}
