/**
 * An operator who has servers drained and thinks better of it, whatever else is going on (D1, D2, M3). In the end all of them
 * stay. Draws from a stream of its own.
 */
import { FsdfsError } from "../../src/errors.ts";
import type { Face } from "../../src/server/face.ts";
import { type Machine, NoAnswer } from "./machine.ts";
import type { SeededRandom } from "./random.ts";
import type { RunSize, Span } from "./run-size.ts";
import type { Swarm } from "./swarm.ts";

/** Of runs that have one. */
const CHANCE = 0.2;
const TIMEOUT_MS = 15_000;
const RETRY_MS = 500;
const RETRIES = 120;

export class Drainer {
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly #pauseMs: Span;
  readonly #works: boolean;
  #working: Promise<void> | undefined;
  #stopped = false;

  constructor(swarm: Swarm, random: SeededRandom, { drainsMs }: Pick<RunSize, "drainsMs">) {
    this.#pauseMs = drainsMs;
    this.#swarm = swarm;
    this.#random = random;
    this.#works = random.chance(CHANCE);
  }

  start(): void {
    if (this.#works) this.#working = this.#work();
  }

  /** Resolves when no server is drained any more. @param machines those that are there */
  async stop(machines: readonly Machine[]): Promise<void> {
    this.#stopped = true;
    if (this.#working === undefined) return;
    await this.#working;
    for (let retries = 0; retries < RETRIES; retries++) {
      if (await this.#allStay(machines)) return;
      await this.#swarm.world.sleep(RETRY_MS);
    }
    this.#swarm.world.fail("liveness", "nobody could be told that all servers stay");
  }

  /** One that is behind may not know yet who is drained: whoever was told so does. */
  async #allStay(machines: readonly Machine[]): Promise<boolean> {
    let drained = 0;
    for (const machine of machines) {
      const isTold = await this.#tell(machine, async (face) => {
        drained += await stayAll(face);
      });
      if (!isTold) return false;
    }
    return drained === 0;
  }

  async #work(): Promise<void> {
    const { world, machines } = this.#swarm;
    while (!this.#stopped) {
      await world.sleep(this.#random.between(this.#pauseMs.low, this.#pauseMs.high));
      const [asked, meant] = [this.#random.pick(machines), this.#random.pick(machines)];
      const draining = this.#random.chance(0.6);
      const done = await this.#tell(asked, async (face) => {
        await face.configureServer(meant.name, { draining });
      });
      if (done) world.trace(`${meant.name} is ${draining ? "to be drained" : "to stay"}, ${asked.name} was told`);
    }
  }

  async #tell(machine: Machine, call: (face: Face) => Promise<void>): Promise<boolean> {
    try {
      await machine.ask(call, TIMEOUT_MS);
      return true;
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof FsdfsError) return false;
      this.#swarm.world.fail("face", error instanceof Error ? (error.stack ?? "") : String(error));
      return false;
    }
  }
}

/** Answers how many were to be drained. */
async function stayAll(face: Face): Promise<number> {
  const drained = (await face.servers()).filter(({ settings }) => settings.draining);
  for (const { id } of drained) await face.configureServer(id, { draining: false });
  return drained.length;
}
