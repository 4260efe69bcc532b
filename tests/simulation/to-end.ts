/** A simulated story played to its end, and what is told of it. */
import type { History } from "./history.ts";
import type { RunResult } from "./scenario.ts";
import type { World } from "./world.ts";

/** Turns the world until the story has ended. What the story throws, and that it does not end in time, are failures. */
export async function playToEnd(world: World, limitMs: number, story: () => Promise<void>): Promise<void> {
  let ended = false;
  const playing = story()
    .catch((error: unknown) => world.fail("simulator", error instanceof Error ? (error.stack ?? "") : String(error)))
    .finally(() => {
      ended = true;
    });
  if (!(await world.run(limitMs, () => ended))) world.fail("liveness", "the run does not end");
  else await playing;
}

export function resultOf(world: World, { operations }: History, faults: readonly string[]): RunResult {
  return {
    seed: world.seed,
    hash: world.hash,
    failures: world.failures,
    events: world.eventsRun,
    operations: operations.length,
    acknowledged: operations.filter(({ outcome }) => outcome === "acknowledged").length,
    simulatedMs: world.nowMs,
    faults,
  };
}
