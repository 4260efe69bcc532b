/** Plays one scenario on a stage of its own, live or simulated. */
import { liveMachinery } from "./live.ts";
import { SCENARIOS, type ScenarioName } from "./scenarios.ts";
import { simulatedMachinery } from "./simulated.ts";
import { Stage, type StageOptions } from "./stage.ts";

export interface PlayOptions extends StageOptions {
  readonly simulated: boolean;
  /** Of the simulation. */
  readonly seed: number;
}

/** Rejects with what did not hold. */
export async function play(name: ScenarioName, options: PlayOptions): Promise<void> {
  const machinery = options.simulated ? simulatedMachinery(options.seed) : await liveMachinery();
  try {
    const stage = new Stage(machinery, options);
    await machinery.play(() => SCENARIOS[name].play(stage));
  } finally {
    await machinery.close();
  }
}
