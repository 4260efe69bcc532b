/**
 * Clients that delete files, some of them forever, and want others back (S2, P5). They draw from a stream of their own, and
 * work on paths that nobody else does.
 */
import type { History } from "./history.ts";
import type { Losses } from "./losses.ts";
import type { Machine } from "./machine.ts";
import { SeededRandom } from "./random.ts";
import type { Swarm } from "./swarm.ts";
import { allTrash, WEIGHTS, Workload } from "./workload.ts";

/** Of random runs that have such clients. */
const CHANCE = 0.3;
export const BIN = "bin/";
const FILES = ["one", "two", "three"].map((name) => BIN + name);
const PAUSE_MS = { low: 20, high: 1_000 };
const CLIENTS = 2;
/** Files that are brought back at the end, of those that lie there. */
const BROUGHT_BACK_MAX = 4;
const ASK_TIMEOUT_MS = 20_000;
/** It was purged for an upload or a file below N meanwhile. */
const GONE = "trash-not-found";

export class TrashClients {
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly workload: Workload;
  #stopped = false;

  /** Undefined for runs that have none. */
  static drawn(swarm: Swarm, history: History): TrashClients | undefined {
    const random = SeededRandom.of(swarm.world.seed, "trash");
    return random.chance(CHANCE) ? new TrashClients(swarm, history, random) : undefined;
  }

  constructor(swarm: Swarm, history: History, random: SeededRandom) {
    this.#swarm = swarm;
    this.#random = random;
    const drawn = SeededRandom.of(swarm.world.seed, "trash workload");
    const options = { clients: 0, pauseMs: PAUSE_MS, weights: WEIGHTS, files: FILES, directories: [] };
    this.workload = new Workload(swarm, history, drawn, options);
  }

  start(): void {
    for (let i = 1; i <= CLIENTS; i++) void this.#client(`bin${i}`);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #client(name: string): Promise<void> {
    while (!this.#stopped) {
      await this.#swarm.world.sleep(this.#random.between(PAUSE_MS.low, PAUSE_MS.high));
      if (this.#stopped) return;
      const path = this.#random.pick(FILES);
      const kind = this.#random.weighted({ put: 10, get: 5, remove: 6, forever: 2, restore: 8 });
      if (kind === "forever") await this.workload.removeForever(name, path);
      else if (kind === "restore") await this.#restore(name, path);
      else await this.workload.run(name, kind, path);
    }
  }

  async #restore(name: string, path: string): Promise<void> {
    const to = this.#random.chance(0.3) ? this.#random.pick(FILES) : path;
    await this.workload.restore(name, { path, to, overwrite: this.#random.chance(0.5) });
  }

  /** What a healed swarm lists can be had back, with its own bytes. */
  async bringSomeBack(machines: readonly Machine[], losses: Losses): Promise<void> {
    const listed = await this.#random.pick(machines).ask((face) => allTrash(face, "bin"), ASK_TIMEOUT_MS);
    for (const { version, sha256 } of this.#random.shuffled(listed).slice(0, BROUGHT_BACK_MAX)) {
      const to = `${BIN}back-${version}`;
      const { code, restored } = await this.workload.restore("last", { version, to });
      if (code === GONE || losses.any) continue;
      if (restored === undefined) {
        this.#swarm.world.fail("S2", `${version} is listed in the trash, and does not come back: ${code}`);
      } else if (restored !== sha256) {
        this.#swarm.world.fail("P4", `${version} came back as ${restored}, and was listed as ${sha256}`);
      }
      await this.workload.run("last", "get", to);
    }
  }
}
