/**
 * The story of forgotten deletions (C7): a swarm whose deletions are kept for less than a minute deletes, overwrites and
 * moves, is struck while it collects, collects all, and then one server has its catalog from before again. It must take
 * the swarm's, whatever it wrote meanwhile must stay, and nothing that was deleted may return.
 */
import type { CatalogSnapshot } from "../../src/adapters/memory/catalog-store.ts";
import { Armory } from "./armory.ts";
import { withBugsReported } from "./bugs.ts";
import { History } from "./history.ts";
import { judge } from "./judge.ts";
import { Losses } from "./losses.ts";
import type { Compose, Machine } from "./machine.ts";
import type { Calm } from "./oracles/reads.ts";
import { SeededRandom } from "./random.ts";
import { comeToRest, lookAround } from "./rest.ts";
import type { RunResult } from "./scenario.ts";
import { Swarm } from "./swarm.ts";
import { playToEnd, resultOf } from "./to-end.ts";
import { DIRECTORIES, FILES, WEIGHTS, Workload } from "./workload.ts";
import { World } from "./world.ts";

/** Longer than a call may take, and than anything here lasts that keeps a message from arriving. */
const KEPT_MS = 40_000;
const REST_LIMIT_MS = 120_000;
const COLLECT_LIMIT_MS = 300_000;
const RUN_LIMIT_MS = 1_500_000;
const DELETING = { ...WEIGHTS, remove: 24, move: 14, head: 0, locate: 2, status: 0 };

/** A piece of work for a pool. */
export interface CollectingSeed {
  readonly collecting: number;
}

export interface CollectingOptions {
  readonly compose: Compose;
  readonly tell?: (line: string) => void;
}

export async function runCollecting(seed: number, options: CollectingOptions): Promise<RunResult> {
  const world = new World(seed);
  world.tell = options.tell;
  const story = new Story(world, options.compose);
  await withBugsReported(world, () => story.toEnd());
  return story.result();
}

class Story {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #swarm: Swarm;
  readonly #history: History;
  readonly #losses: Losses;
  readonly #armory: Armory;
  readonly #calms: Calm[] = [];
  readonly #workloads: Workload[] = [];

  constructor(world: World, compose: Compose) {
    this.#world = world;
    this.#random = SeededRandom.of(world.seed, "collecting");
    const config = { servers: 3, copies: this.#random.pick([2, 3]), writeCopies: 2, graceMs: 600_000 };
    const more = { quotaBytes: 50_000_000, strict: false, latencyMs: 1, discovery: false, deletionsKeptMs: KEPT_MS };
    this.#swarm = new Swarm(world, { ...config, ...more }, compose);
    this.#history = new History(this.#swarm);
    this.#losses = new Losses(this.#history);
    this.#armory = new Armory(this.#swarm.machines, SeededRandom.of(world.seed, "armory"));
  }

  toEnd(): Promise<void> {
    return playToEnd(this.#world, RUN_LIMIT_MS, () => this.#story());
  }

  result(): RunResult {
    return resultOf(this.#world, this.#history, ["collecting"]);
  }

  async #story(): Promise<void> {
    for (const machine of this.#swarm.machines) machine.start();
    if (!(await this.#rest("at the start"))) return;
    await this.#work(this.#random.between(1_000, 4_000));
    await this.#removeSomething();
    await this.#world.sleep(KEPT_MS / 4);
    await this.#remember("that are young", this.#swarm.machines);
    await this.#missOne();
    await this.#work(this.#random.between(500, 2_000));
    const victim = this.#random.pick(this.#swarm.machines);
    const old: CatalogSnapshot = victim.catalog.snapshot();
    const backupMs = this.#world.nowMs;
    await this.#work(this.#random.between(2_000, 5_000));
    await this.#disturb();
    if (!(await this.#rest("before collecting")) || !(await this.#collectsAll("at first"))) return;
    const files = await this.#files(this.#swarm.machines.find((machine) => machine !== victim)!);
    if (await this.#putBack(victim, old, backupMs)) await this.#answersAs(victim, files);
    if (!(await this.#rest("after the backup was put back"))) return;
    await this.#judge();
    await this.#calm(() => this.#work(1_500));
    if (!(await this.#rest("at the end"))) return;
    await this.#judge();
    if (this.#world.failures.length === 0 && (await this.#collectsAll("in the end"))) await this.#judge();
  }

  /** A server that is not there may come back with anything: nothing is forgotten without it. */
  async #missOne(): Promise<void> {
    if (!(await this.#rest("before one is away"))) return;
    const away = this.#random.pick(this.#swarm.machines);
    const others = this.#swarm.machines.filter((other) => other !== away);
    const isDown = this.#random.chance(0.5);
    if (isDown) away.crash();
    else this.#swarm.cut([away], others, true);
    await this.#removeSomething(others[0]);
    await this.#world.sleep(2 * KEPT_MS);
    await this.#remember(`while ${away.name} is away`, others);
    this.#swarm.heal([away], others, "reset");
    away.start();
  }

  async #removeSomething(coordinator = this.#swarm.machines[0]!): Promise<void> {
    const workload = this.#workload({ coordinator, clients: 0 });
    await workload.run("c0", "put", "short/lived");
    const { outcome, code } = await workload.run("c0", "remove", "short/lived");
    if (outcome !== "acknowledged") this.#world.fail("liveness", `nothing can be removed: ${code}`);
  }

  /** C7: until every server has them, and so long after that. */
  async #remember(which: string, machines: readonly Machine[]): Promise<void> {
    for (const machine of machines) {
      const { deletions } = await machine.ask(async (face) => face.status(), 5_000);
      if (deletions === 0) this.#world.fail("C7", `${machine.name} has forgotten deletions ${which}`);
    }
  }

  /** Short faults, while checkpoints are made and get old. */
  async #disturb(): Promise<void> {
    for (let count = this.#random.between(2, 6); count > 0; count--) {
      const machine = this.#random.pick(this.#swarm.machines);
      const side = this.#random.chance(0.5) ? "before" : "after";
      const kind = this.#random.pick(["crash", "power-cut", "cut"] as const);
      this.#world.trace(`disturbed: ${kind} ${machine.name}`);
      const others = this.#swarm.machines.filter((other) => other !== machine);
      if (kind === "cut") this.#swarm.cut([machine], others, true);
      else this.#armory.strikeAfter(machine, this.#random.between(0, 60), { kind, side });
      await this.#work(this.#random.between(500, 6_000));
      if (kind === "cut") this.#swarm.heal([machine], others, this.#random.chance(0.5) ? "resume" : "reset");
      this.#armory.disarm();
      machine.start();
      await this.#world.sleep(this.#random.between(2_000, 30_000));
    }
  }

  /** Nothing is remembered of what was deleted, on any server. */
  async #collectsAll(when: string): Promise<boolean> {
    const endMs = this.#world.nowMs + COLLECT_LIMIT_MS;
    let left: number[] = [];
    while (this.#world.nowMs < endMs) {
      await this.#world.sleep(2_000);
      const asked = this.#swarm.machines.map((machine) => machine.ask(async (face) => face.status(), 5_000));
      left = (await Promise.all(asked)).map(({ deletions }) => deletions);
      if (left.every((count) => count === 0)) return true;
    }
    this.#world.fail("C7", `deletions are not collected ${when}: ${left.join(", ")} are left`);
    return false;
  }

  /** Now and then clients work with it before it hears of the others. Answers whether none did. */
  async #putBack(victim: Machine, old: CatalogSnapshot, backupMs: number): Promise<boolean> {
    const others = this.#swarm.machines.filter((other) => other !== victim);
    victim.crash();
    this.#world.trace(`${victim.name} has its catalog of ${(backupMs / 1000).toFixed(1)} s again`);
    victim.catalog.restore(old);
    const apart = this.#random.chance(0.5);
    if (apart) this.#swarm.cut([victim], others, true);
    victim.start();
    if (!apart) return true;
    await this.#work(this.#random.between(4_000, 8_000), victim);
    this.#swarm.heal([victim], others, "reset");
    return false;
  }

  /** While nobody writes, a server says what the swarm says, or nothing; whatever its own catalog comes to (C3, C10). */
  async #answersAs(victim: Machine, files: string): Promise<void> {
    const endMs = this.#world.nowMs + 20_000;
    let answers = 0;
    while (this.#world.nowMs < endMs) {
      await this.#world.sleep(20);
      const told = await this.#files(victim).catch(() => undefined);
      if (told === undefined) continue;
      answers += 1;
      if (told === files) continue;
      this.#world.fail("C7", `${victim.name} tells of ${told} when there are ${files}`);
      return;
    }
    if (answers === 0) this.#world.fail("liveness", `${victim.name} answers nobody`);
  }

  async #files(machine: Machine): Promise<string> {
    const { entries } = await machine.ask(async (face) => face.list("", { recursive: true, limit: 10_000 }), 5_000);
    const names = entries.map((entry) => (entry.type === "file" ? `${entry.name} ${entry.version}` : ""));
    return names.filter((name) => name !== "").join(", ");
  }

  async #work(forMs: number, coordinator?: Machine): Promise<void> {
    const workload = this.#workload({ clients: 2, ...(coordinator !== undefined && { coordinator }) });
    workload.start();
    await this.#world.sleep(forMs);
    workload.stop();
  }

  #workload(options: { clients: number; coordinator?: Machine }): Workload {
    const random = SeededRandom.of(this.#world.seed, `workload ${this.#workloads.length}`);
    const workload = new Workload(this.#swarm, this.#history, random, {
      pauseMs: { low: 5, high: 300 },
      weights: DELETING,
      files: FILES,
      directories: DIRECTORIES,
      ...options,
    });
    this.#workloads.push(workload);
    return workload;
  }

  async #calm(work: () => Promise<void>): Promise<void> {
    const fromMs = this.#world.nowMs;
    await work();
    this.#calms.push({ fromMs, toMs: this.#world.nowMs });
  }

  async #rest(when: string): Promise<boolean> {
    while (this.#workloads.some(({ active }) => active > 0)) await this.#world.sleep(500);
    const reason = await comeToRest(this.#swarm, this.#swarm.machines, REST_LIMIT_MS);
    if (reason !== undefined) this.#world.fail("liveness", `no rest ${when}: ${reason}`);
    else this.#world.trace(`at rest ${when}`);
    return reason === undefined;
  }

  async #judge(): Promise<void> {
    const view = await lookAround(this.#swarm, this.#history, this.#losses, this.#swarm.machines);
    const [swarm, history, losses, calms] = [this.#swarm, this.#history, this.#losses, this.#calms];
    judge({ swarm, history, losses, calms, view, copiesWanted: 0 });
  }
}
