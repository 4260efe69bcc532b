/**
 * Scenarios as tests with real processes, one file each for those without and with restarts, to run side by side: those of 1 to 9
 * that the original's list calls live with every server stopped and started once in the middle, those beyond without. Each
 * start of a server costs seconds of a core; `npm run scenario restart` plays all of 1 to 9 that way, at every middle, as the
 * simulated ones do.
 */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

/** `npm run scenario many-servers` takes more. */
const SERVERS = 4;
const TIMEOUT_MS = 180_000;
const LIVE: readonly number[] = [11, 12, 13, 14, 15];
const RESTARTED: readonly number[] = [1, 2, 7, 8];

export function playLive(how: string, { restarts }: { restarts: boolean }): void {
  const cases = SCENARIO_NAMES.flatMap((name) => {
    const { number, title } = SCENARIOS[name];
    return (restarts ? RESTARTED : LIVE).includes(number)
      ? [{ name, sentence: `scenario ${number} holds: ${title}` }]
      : [];
  });
  describe(how, () => {
    test.each(cases)("$sentence", { timeout: TIMEOUT_MS }, async ({ name }) => {
      await play(name, { simulated: false, restarts, restartsMax: 1, seed: 0, servers: SERVERS, tell: () => {} });
    });
  });
}
