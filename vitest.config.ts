import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take minutes begin first, so that none of them runs alone at the end. */
const LONG = [
  "tests/scenarios/live.test.ts",
  "tests/scenarios/live-restarts.test.ts",
  "tests/acceptance/survivor.test.ts",
  "tests/acceptance/examples.test.ts",
  "tests/acceptance/cli.test.ts",
  "tests/acceptance/kill.test.ts",
  "tests/acceptance/stop.test.ts",
  "tests/simulation/simulation.test.ts",
  "tests/acceptance/cli-start.test.ts",
  "tests/acceptance/suspect-disk.test.ts",
  "tests/acceptance/suspect.test.ts",
  "tests/simulation/drills/drills.test.ts",
  "tests/scenarios/simulated.test.ts",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** For both kinds of tests. */
const TIMEOUTS = { testTimeout: 120_000, hookTimeout: 120_000, allowOnly: false };

export default defineConfig({
  test: {
    projects: [
      // Unit tests leave nothing behind: a process of its own for each file would be mostly the loading of modules.
      { test: { name: "unit", include: ["src/**/*.test.ts"], isolate: false, ...TIMEOUTS } },
      { test: { name: "whole", include: ["tests/**/*.test.ts"], ...TIMEOUTS } },
    ],
    // Most files start servers and wait for them: with four files at a time two cores had nothing to do for a fifth of the time.
    maxWorkers: availableParallelism() + 3,
    sequence: { sequencer: LongestFirst },
  },
});
