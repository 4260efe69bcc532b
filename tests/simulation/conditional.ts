/**
 * Clients that change a few files only in the version in which they read them (C14). They draw from a stream of their own,
 * and work on paths that nobody moves.
 */
import type { History } from "./history.ts";
import { SeededRandom } from "./random.ts";
import type { Swarm } from "./swarm.ts";
import { WEIGHTS, Workload } from "./workload.ts";

/** Of random runs that have such clients. */
const CHANCE = 0.3;
const REGISTERS = ["register/one", "register/two"];

export interface Pace {
  readonly clients: number;
  readonly pauseMs: { readonly low: number; readonly high: number };
}

const PACE: Pace = { clients: 2, pauseMs: { low: 20, high: 1_500 } };

export class ConditionalClients {
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly #pace: Pace;
  readonly workload: Workload;
  #stopped = false;

  /** Undefined for runs that have none. */
  static drawn(swarm: Swarm, history: History): ConditionalClients | undefined {
    const random = SeededRandom.of(swarm.world.seed, "conditional");
    return random.chance(CHANCE) ? new ConditionalClients(swarm, history, random, PACE) : undefined;
  }

  constructor(swarm: Swarm, history: History, random: SeededRandom, pace: Pace) {
    this.#swarm = swarm;
    this.#random = random;
    this.#pace = pace;
    const drawn = SeededRandom.of(swarm.world.seed, "conditional workload");
    const { pauseMs } = pace;
    const options = { clients: 0, pauseMs, weights: WEIGHTS, files: REGISTERS, directories: [] };
    this.workload = new Workload(swarm, history, drawn, options);
  }

  start(): void {
    for (let i = 1; i <= this.#pace.clients; i++) void this.#client(`if${i}`);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #client(name: string): Promise<void> {
    const { low, high } = this.#pace.pauseMs;
    while (!this.#stopped) {
      await this.#swarm.world.sleep(this.#random.between(low, high));
      if (!this.#stopped) await this.#change(name, this.#random.pick(REGISTERS));
    }
  }

  async #change(name: string, path: string): Promise<void> {
    if (this.#random.chance(0.1)) {
      await this.workload.run(name, this.#random.chance(0.5) ? "put" : "remove", path);
      return;
    }
    const read = await this.workload.run(name, "head", path);
    const seen = read.seen.get(path);
    if (read.outcome !== "acknowledged" || seen?.kind === "directory") return;
    if (seen?.kind !== "file") await this.workload.runIf(name, "put", path, "nothing");
    else await this.workload.runIf(name, this.#random.chance(0.15) ? "remove" : "put", path, seen.version);
  }
}
