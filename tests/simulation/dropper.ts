/** An operator who tells servers to give up copies, whatever else is going on (D1 to D4). Draws from a stream of its own. */
import { FsdfsError } from "../../src/errors.ts";
import { NoAnswer } from "./machine.ts";
import type { SeededRandom } from "./random.ts";
import type { RunSize, Span } from "./run-size.ts";
import type { Swarm } from "./swarm.ts";

/** Of runs that have one. */
const CHANCE = 0.25;
const TIMEOUT_MS = 15_000;

export class Dropper {
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly #files: readonly string[];
  readonly #pauseMs: Span;
  readonly #works: boolean;
  #stopped = false;

  constructor(swarm: Swarm, random: SeededRandom, files: readonly string[], { dropsMs }: Pick<RunSize, "dropsMs">) {
    this.#pauseMs = dropsMs;
    this.#swarm = swarm;
    this.#random = random;
    this.#files = files;
    this.#works = random.chance(CHANCE);
  }

  start(): void {
    if (this.#works) void this.#work();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#swarm.world.sleep(this.#random.between(this.#pauseMs.low, this.#pauseMs.high));
      if (this.#stopped) return;
      // Now and then several servers at once, about the same file.
      const path = this.#random.pick(this.#files);
      const count = this.#random.chance(0.3) ? this.#swarm.machines.length : 1;
      await Promise.all(
        this.#random
          .shuffled(this.#swarm.machines)
          .slice(0, count)
          .map((each) => this.#drop(each, path)),
      );
    }
  }

  async #drop(machine: Swarm["machines"][number], path: string): Promise<void> {
    const { world } = this.#swarm;
    try {
      await machine.ask((face) => face.drop(path), TIMEOUT_MS);
      world.trace(`${machine.name} dropped ${path}`);
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof FsdfsError) return;
      world.fail(
        "face",
        `${machine.name} rejected a drop with ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }
}
