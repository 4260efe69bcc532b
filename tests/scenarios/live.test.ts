/** The original's scenarios with real processes, also with every server stopped and started in the middle. */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

/** `npm run scenario many-servers` takes more. */
const SERVERS = 4;
const TIMEOUT_MS = 180_000;
const cases = SCENARIO_NAMES.map((name) => {
  const { number, title } = SCENARIOS[name];
  return { name, sentence: `scenario ${number} holds: ${title}` };
});

describe.each([
  { how: "with real processes", restarts: false },
  { how: "with real processes, every server stopped and started in the middle (scenario 10)", restarts: true },
])("$how", ({ restarts }) => {
  test.each(cases)("$sentence", { timeout: TIMEOUT_MS }, async ({ name }) => {
    await play(name, { simulated: false, restarts, seed: 0, servers: SERVERS, tell: () => {} });
  });
});
