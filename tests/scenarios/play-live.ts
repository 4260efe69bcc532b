/** All scenarios as tests with real processes: one file each for those without and with restarts, to run side by side. */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

/** `npm run scenario many-servers` takes more. */
const SERVERS = 4;
const TIMEOUT_MS = 180_000;

export function playLive(how: string, { restarts }: { restarts: boolean }): void {
  const cases = SCENARIO_NAMES.map((name) => {
    const { number, title } = SCENARIOS[name];
    return { name, sentence: `scenario ${number} holds: ${title}` };
  });
  describe(how, () => {
    test.each(cases)("$sentence", { timeout: TIMEOUT_MS }, async ({ name }) => {
      await play(name, { simulated: false, restarts, seed: 0, servers: SERVERS, tell: () => {} });
    });
  });
}
