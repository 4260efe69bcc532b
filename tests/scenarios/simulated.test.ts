/** The original's scenarios on simulated machines, also with every server stopped and started in the middle. */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS, type ScenarioName } from "./scenarios.ts";

const SEEDS = [1, 2, 3];
/** A hundred take minutes of computing, so many as `npm run scenario many-servers -- --simulated` has. */
const SERVERS = 24;
/** Played from one seed. */
const LONG: readonly string[] = ["many-servers", "four-hundred-files"] satisfies ScenarioName[];
/** What they take is computing, on however busy a machine. */
const TIMEOUT_MS = 300_000;
const cases = SCENARIO_NAMES.map((name) => {
  const { number, title } = SCENARIOS[name];
  return { name, sentence: `scenario ${number} holds: ${title}` };
});

describe.each([
  { how: "on simulated machines", restarts: false },
  { how: "on simulated machines, every server stopped and started in the middle (scenario 10)", restarts: true },
])("$how", ({ restarts }) => {
  test.each(cases)("$sentence", { timeout: TIMEOUT_MS }, async ({ name }) => {
    const seeds = LONG.includes(name) ? SEEDS.slice(0, 1) : SEEDS;
    for (const seed of seeds) await play(name, { simulated: true, restarts, seed, servers: SERVERS, tell: () => {} });
  });
});
