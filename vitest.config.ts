import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Whole servers in the tests' own process. */
const INSIDE = "tests/{contracts,scenarios,simulation,style}/**/*.test.ts";

/** Whole servers in processes of their own. */
const OUTSIDE = "tests/acceptance/**/*.test.ts";

/** Stories with many real processes, each of which takes minutes: `npm run test:long`. */
const LONG = "tests/**/*.long.test.ts";

/** Files that take minutes begin first, so that none of them runs alone at the end. */
const FIRST = [
  "tests/scenarios/live.long.test.ts",
  "tests/acceptance/survivor.long.test.ts",
  "tests/acceptance/examples.long.test.ts",
  "tests/acceptance/cli.test.ts",
  "tests/acceptance/examples.test.ts",
  "tests/simulation/simulation.test.ts",
  "tests/acceptance/cli-start.long.test.ts",
  "tests/acceptance/library.test.ts",
  "tests/acceptance/suspect-disk.long.test.ts",
  "tests/acceptance/suspect.test.ts",
  "tests/simulation/drills/drills.test.ts",
  "tests/scenarios/simulated.test.ts",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = FIRST.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? FIRST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** For all kinds of tests. */
const TIMEOUTS = { testTimeout: 120_000, hookTimeout: 120_000, allowOnly: false };

export default defineConfig({
  test: {
    projects: [
      // These leave nothing behind: a process of its own for each file would be mostly the loading of modules.
      { test: { name: "unit", include: ["src/**/*.test.ts"], isolate: false, ...TIMEOUTS } },
      { test: { name: "inside", include: [INSIDE], exclude: [LONG], isolate: false, ...TIMEOUTS } },
      { test: { name: "outside", include: [OUTSIDE], exclude: [LONG], ...TIMEOUTS } },
      { test: { name: "long", include: [LONG], ...TIMEOUTS } },
    ],
    // Most files start servers and wait for them: with four files at a time two cores had nothing to do for a fifth of the time.
    maxWorkers: availableParallelism() + 3,
    sequence: { sequencer: LongestFirst },
  },
});
