/** The original's scenarios on simulated machines, also with every server stopped and started in the middle. */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

const SEEDS = [1, 2, 3];
/** A hundred take minutes of computing, so many as `npm run scenario many-servers -- --simulated` has. */
const SERVERS = 40;
const cases = SCENARIO_NAMES.map((name) => {
  const { number, title } = SCENARIOS[name];
  return { name, sentence: `scenario ${number} holds: ${title}` };
});

describe.each([
  { how: "on simulated machines", restarts: false },
  { how: "on simulated machines, every server stopped and started in the middle (scenario 10)", restarts: true },
])("$how", ({ restarts }) => {
  test.each(cases)("$sentence", async ({ name }) => {
    const seeds = name === "many-servers" ? SEEDS.slice(0, 1) : SEEDS;
    for (const seed of seeds) await play(name, { simulated: true, restarts, seed, servers: SERVERS, tell: () => {} });
  });
});
