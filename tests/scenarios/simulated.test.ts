/** The original's scenarios on simulated machines, also with every server stopped and started in the middle. */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

const SEEDS = [1, 2, 3];
/** A hundred take minutes of computing, so many as `npm run scenario many-servers -- --simulated` has. */
const SERVERS = 40;
const cases = SCENARIO_NAMES.map((name) => ({ name, ...SCENARIOS[name] }));

describe.each([false, true])("simulated, with restarts: %s", (restarts) => {
  test.each(cases)("$number. $title", async ({ name }) => {
    const seeds = name === "many-servers" ? SEEDS.slice(0, 1) : SEEDS;
    for (const seed of seeds) await play(name, { simulated: true, restarts, seed, servers: SERVERS, tell: () => {} });
  });
});
