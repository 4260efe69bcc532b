/**
 * Clients that set variables of a few files, which others overwrite meanwhile. They draw from a stream of their own, and no
 * file of theirs is ever deleted or moved: what becomes of variables then, the drill of that name looks at.
 */
import type { History } from "./history.ts";
import { SeededRandom } from "./random.ts";
import type { Swarm } from "./swarm.ts";
import { WEIGHTS, Workload } from "./workload.ts";

/** Of random runs that have such clients. */
const CHANCE = 0.3;
const CLIENTS = 2;
const PAUSE_MS = { low: 20, high: 1_500 };
const FILES = ["rated/one", "rated/two"];
const NAMES = ["popularity", "genre", "__proto__"];

export class VariableClients {
  readonly #swarm: Swarm;
  readonly #history: History;
  readonly #random: SeededRandom;
  readonly workload: Workload;
  #stopped = false;

  /** Undefined for runs that have none. */
  static drawn(swarm: Swarm, history: History): VariableClients | undefined {
    const random = SeededRandom.of(swarm.world.seed, "variables");
    return random.chance(CHANCE) ? new VariableClients(swarm, history, random) : undefined;
  }

  constructor(swarm: Swarm, history: History, random: SeededRandom) {
    this.#swarm = swarm;
    this.#history = history;
    this.#random = random;
    const drawn = SeededRandom.of(swarm.world.seed, "variables workload");
    const options = { clients: 0, pauseMs: PAUSE_MS, weights: WEIGHTS, files: FILES, directories: [] };
    this.workload = new Workload(swarm, history, drawn, options);
  }

  start(): void {
    for (let i = 1; i <= CLIENTS; i++) void this.#client(`v${i}`);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #client(name: string): Promise<void> {
    while (!this.#stopped) {
      await this.#swarm.world.sleep(this.#random.between(PAUSE_MS.low, PAUSE_MS.high));
      if (!this.#stopped) await this.#change(name, this.#random.pick(FILES));
    }
  }

  /** Each value is written once, so that it tells who wrote it. */
  async #change(client: string, path: string): Promise<void> {
    const isThere = this.#history.operations.some(({ kind, path: at }) => kind === "put" && at === path);
    if (!isThere || this.#random.chance(0.15)) {
      await this.workload.run(client, "put", path);
      return;
    }
    const written = this.#history.operations.length + 1;
    const value = this.#random.chance(0.2) ? null : this.#random.pick([written, `by ${written}`]);
    await this.workload.set(client, path, { name: this.#random.pick(NAMES), value });
  }
}
