/** The original's scenarios with real processes, also with every server stopped and started in the middle. */
import { describe, test } from "vitest";
import { play } from "./play.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./scenarios.ts";

/** `npm run scenario many-servers` takes more. */
const SERVERS = 4;
const TIMEOUT_MS = 180_000;
const cases = SCENARIO_NAMES.map((name) => ({ name, ...SCENARIOS[name] }));

describe.each([false, true])("live, with restarts: %s", (restarts) => {
  test.each(cases)("$number. $title", { timeout: TIMEOUT_MS }, async ({ name }) => {
    await play(name, { simulated: false, restarts, seed: 0, servers: SERVERS, tell: () => {} });
  });
});
