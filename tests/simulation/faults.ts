/**
 * The faults of random runs: each kind strikes and, as a rule, heals. Every seed draws the kinds it uses, so that some
 * runs see much of little.
 */
import type { CatalogSnapshot } from "../../src/adapters/memory/catalog-store.ts";
import type { Armory } from "./armory.ts";
import { sha256Of } from "./content.ts";
import type { Losses } from "./losses.ts";
import type { Machine } from "./machine.ts";
import type { Strike } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { RunSize, Span } from "./run-size.ts";
import type { Swarm } from "./swarm.ts";

export const FAULT_KINDS = [
  "crash",
  "power-cut",
  "power-cut-all",
  "stop",
  "partition",
  "one-way",
  "reset",
  "slow-links",
  "slow-disk",
  "clock",
  "errors",
  "full-disk",
  "restart",
  "roll-back",
  "new-disk",
  "bit-flip",
  "operator",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** Kinds that destroy what was acknowledged: rarer, so that most runs may blame the servers for any loss. */
const DESTRUCTIVE: ReadonlySet<FaultKind> = new Set(["roll-back", "new-disk", "bit-flip", "operator"]);
const KIND_CHANCE = 0.3;
const DESTRUCTIVE_CHANCE = 0.08;
/** A clock may be wrong by less than what is refused (C8: 60 s), or by more. */
const SKEW_MS_MAX = 90_000;
const SNAPSHOT_INTERVAL_MS = 3_000;

export class Faults {
  readonly kinds: readonly FaultKind[];
  readonly #swarm: Swarm;
  readonly #armory: Armory;
  readonly #losses: Losses;
  readonly #random: SeededRandom;
  readonly #lastingMs: readonly Span[];
  #rolledBack: Machine | undefined;
  #snapshots: { readonly machine: Machine; readonly atMs: number; readonly snapshot: CatalogSnapshot }[] = [];
  /** Machines that a fault keeps down. */
  readonly #heldDown = new Set<Machine>();
  readonly #replaced = new Set<Machine>();
  /** Does not come back when the others are healed. */
  readonly #leaving: Machine | undefined;
  #gone: Machine | undefined;
  #over = false;

  constructor(
    swarm: Swarm,
    armory: Armory,
    losses: Losses,
    random: SeededRandom,
    { lastingMs }: Pick<RunSize, "lastingMs">,
    leaving: Machine | undefined,
  ) {
    this.#swarm = swarm;
    this.#armory = armory;
    this.#losses = losses;
    this.#random = random;
    this.#lastingMs = lastingMs;
    this.kinds = drawKinds(random);
    this.#leaving = leaving;
  }

  /** Faults strike for so long, one every `intervalMs` on average, several at a time. Resolves when time is up. */
  async strike(forMs: number, intervalMs: number): Promise<void> {
    const endMs = this.#swarm.world.nowMs + forMs;
    this.#takeSnapshots();
    while (this.kinds.length > 0) {
      await this.#sleep(this.#random.between(1, 2 * intervalMs));
      if (this.#swarm.world.nowMs >= endMs) return;
      void this.#one(this.#random.pick(this.kinds));
    }
    await this.#sleep(forMs);
  }

  /** All faults end: links, clocks, disks and processes are as they should be, but for one machine that is gone for good. */
  healAll(): void {
    const gone = this.#leaving;
    this.#over = true;
    this.#swarm.world.trace(`all faults end${gone ? `, ${gone.name} never comes back` : ""}`);
    this.#armory.disarm();
    const { machines } = this.#swarm;
    this.#swarm.heal(machines, machines, this.#fate());
    this.#swarm.setLatency(this.#swarm.config.latencyMs);
    for (const machine of machines) {
      this.#swarm.setClock(machine, 0);
      machine.delays.factor = 1;
      machine.files.setCapacity(Number.MAX_SAFE_INTEGER);
      machine.resume();
      if (machine === gone) this.#loseForGood(machine);
      else machine.start();
    }
  }

  async #one(kind: FaultKind): Promise<void> {
    const machine = this.#random.pick(this.#swarm.machines);
    this.#swarm.world.trace(`fault: ${kind} ${machine.name}`);
    switch (kind) {
      case "crash":
        return this.#endAndRestart(machine, { kind: "crash", side: this.#side() });
      case "power-cut":
        return this.#endAndRestart(machine, { kind: "power-cut", side: this.#side() });
      case "power-cut-all":
        return this.#cutPowerOfAll();
      case "stop":
        return this.#armory.strikeAfter(machine, this.#calls(), {
          kind: "stop",
          side: this.#side(),
          forMs: this.#long(),
        });
      case "partition":
        return this.#partition();
      case "one-way":
        return this.#cutFor([machine], [this.#other(machine)], false);
      case "reset":
        return this.#swarm.fabric.reset(machine.host, this.#other(machine).host);
      case "slow-links":
        return this.#slowLinks(machine);
      case "slow-disk":
        return this.#slowDisk(machine);
      case "clock":
        return this.#wrongClock(machine);
      case "errors":
        return this.#errors(machine);
      case "full-disk":
        return this.#fullDisk(machine);
      case "restart":
        return this.#restart(machine);
      case "roll-back":
        return this.#rollBack(machine);
      case "new-disk":
        return this.#newDisk(machine);
      case "bit-flip":
        return this.#flipBit(machine);
      case "operator":
        return this.#operate(machine);
    }
  }

  async #endAndRestart(machine: Machine, strike: Strike): Promise<void> {
    this.#armory.strikeAfter(machine, this.#calls(), strike);
    await this.#sleep(this.#long());
    this.#startAgain(machine);
  }

  async #cutPowerOfAll(): Promise<void> {
    const { machines } = this.#swarm;
    for (const machine of machines) machine.powerCut();
    await this.#sleep(this.#random.between(100, 3_000));
    for (const machine of this.#random.shuffled(machines)) {
      this.#startAgain(machine);
      await this.#sleep(this.#random.between(0, 3_000));
    }
  }

  async #partition(): Promise<void> {
    const machines = this.#random.shuffled(this.#swarm.machines);
    const at = this.#random.between(1, machines.length - 1);
    // Now and then only two of them cannot hear each other, while others hear both.
    const [one, other] = this.#random.chance(0.3)
      ? [machines.slice(0, 1), machines.slice(1, 2)]
      : [machines.slice(0, at), machines.slice(at)];
    await this.#cutFor(one, other, true);
  }

  async #cutFor(from: readonly Machine[], to: readonly Machine[], bothWays: boolean): Promise<void> {
    this.#swarm.world.trace(`cut ${names(from)} ${bothWays ? "and" : "to"} ${names(to)}`);
    this.#swarm.cut(from, to, bothWays);
    await this.#sleep(this.#long());
    if (this.#over) return;
    this.#swarm.world.trace(`heal ${names(from)} and ${names(to)}`);
    this.#swarm.heal(from, to, this.#fate());
  }

  async #slowLinks(machine: Machine): Promise<void> {
    this.#swarm.setLatency(this.#random.between(20, 1_200), [machine]);
    await this.#sleep(this.#long());
    if (!this.#over) this.#swarm.setLatency(this.#swarm.config.latencyMs, [machine]);
  }

  async #slowDisk(machine: Machine): Promise<void> {
    machine.delays.factor = this.#random.between(5, 100);
    await this.#sleep(this.#long());
    machine.delays.factor = 1;
  }

  async #wrongClock(machine: Machine): Promise<void> {
    this.#swarm.setClock(machine, this.#random.between(-SKEW_MS_MAX, SKEW_MS_MAX));
    this.#swarm.world.trace(`${machine.name} clock off by ${machine.skewMs} ms`);
    await this.#sleep(this.#long());
    this.#swarm.setClock(machine, 0);
  }

  async #errors(machine: Machine): Promise<void> {
    this.#armory.startErrors(machine, {
      port: this.#random.weighted({ files: 3, catalog: 1, network: 1 }),
      code: this.#random.chance(0.6) ? "io" : "no-space",
      probability: this.#random.pick([0.02, 0.2, 1]),
    });
    await this.#sleep(this.#random.between(50, 4_000));
    this.#armory.stopErrors(machine);
  }

  async #fullDisk(machine: Machine): Promise<void> {
    const { totalBytes, freeBytes } = await machine.files.capacity();
    machine.files.setCapacity(totalBytes - freeBytes + this.#random.between(0, 2_000));
    await this.#sleep(this.#long());
    machine.files.setCapacity(Number.MAX_SAFE_INTEGER);
  }

  async #restart(machine: Machine): Promise<void> {
    await machine.shutdown();
    await this.#sleep(this.#random.between(0, 2_000));
    this.#startAgain(machine);
  }

  /** The catalog comes from a backup; now and then the server works with it before anyone can be heard. */
  async #rollBack(machine: Machine): Promise<void> {
    const candidates = this.#snapshots.filter((taken) => taken.machine === machine);
    if (candidates.length === 0) return;
    // More old catalogs than one are more losses than P3 speaks of.
    this.#rolledBack ??= machine;
    if (machine !== this.#rolledBack) return;
    const { atMs, snapshot } = this.#random.pick(candidates);
    machine.crash();
    this.#hold(machine);
    this.#swarm.world.trace(`${machine.name} has its catalog of ${(atMs / 1000).toFixed(1)} s again`);
    this.#losses.rolledBack(machine, atMs, this.#swarm.world.nowMs);
    machine.catalog.restore(snapshot);
    await this.#sleep(this.#random.between(10, 1_000));
    if (!this.#over && this.#random.chance(0.5)) void this.#cutFor([machine], this.#allBut(machine), true);
    this.#release(machine);
  }

  async #newDisk(machine: Machine): Promise<void> {
    // One must be left that knows the swarm: new servers wait for one to join.
    if (new Set([...this.#replaced, machine, this.#leaving ?? machine]).size >= this.#swarm.machines.length) return;
    this.#replaced.add(machine);
    machine.crash();
    this.#hold(machine);
    this.#losses.disk(machine);
    machine.replaceDisks();
    this.#snapshots = this.#snapshots.filter((taken) => taken.machine !== machine);
    await this.#sleep(this.#random.between(10, 3_000));
    this.#release(machine);
  }

  #flipBit(machine: Machine): void {
    const files = machine.files
      .tree()
      .filter(({ name, type, content }) => type === "file" && !name.startsWith(".fsdfs") && content.length > 0);
    if (files.length === 0) return;
    const { name, content } = this.#random.pick(files);
    this.#losses.bit(machine, content);
    this.#swarm.world.trace(`a bit of ${name} flips`);
    machine.files.corrupt(name, this.#random.between(0, content.length * 8 - 1));
  }

  #operate(machine: Machine): void {
    const files = machine.files.tree().filter(({ name, type }) => type === "file" && !name.startsWith(".fsdfs"));
    const bytes = new TextEncoder().encode(`an operator's own ${this.#random.uint32()}`);
    if (files.length === 0 || this.#random.chance(0.2)) {
      machine.files.writeExternally(`operator/${this.#random.between(1, 3)}`, bytes);
      return;
    }
    const { name, content } = this.#random.pick(files);
    this.#losses.copy(sha256Of(content));
    this.#swarm.world.trace(`an operator touches ${name}`);
    if (this.#random.chance(0.3)) return void machine.files.removeExternally(name);
    const inPlace = this.#random.chance(0.5);
    // Now and then of the same size: only its times, or its inode, tell that it is another.
    const edited = this.#random.chance(0.5) ? content.map((byte) => byte ^ 1) : bytes;
    machine.files.writeExternally(name, edited, { inPlace });
  }

  #loseForGood(machine: Machine): void {
    this.#gone = machine;
    this.#heldDown.add(machine);
    machine.powerCut();
    this.#losses.disk(machine);
  }

  #takeSnapshots(): void {
    if (this.#over || !this.kinds.includes("roll-back")) return;
    for (const machine of this.#swarm.machines) {
      this.#snapshots.push({ machine, atMs: this.#swarm.world.nowMs, snapshot: machine.catalog.snapshot() });
    }
    this.#swarm.world.after(SNAPSHOT_INTERVAL_MS, () => this.#takeSnapshots());
  }

  #startAgain(machine: Machine): void {
    if (!this.#heldDown.has(machine)) machine.start();
  }

  #hold(machine: Machine): void {
    this.#heldDown.add(machine);
  }

  #release(machine: Machine): void {
    if (this.#gone === machine) return;
    this.#heldDown.delete(machine);
    machine.start();
  }

  #allBut(machine: Machine): Machine[] {
    return this.#swarm.machines.filter((other) => other !== machine);
  }

  #other(machine: Machine): Machine {
    return this.#random.pick(this.#allBut(machine));
  }

  #side(): "before" | "after" {
    return this.#random.chance(0.5) ? "before" : "after";
  }

  /** Mostly amid what is going on now, sometimes later. */
  #calls(): number {
    return this.#random.chance(0.7) ? this.#random.between(0, 30) : this.#random.between(0, 300);
  }

  #long(): number {
    return this.#random.pick(this.#lastingMs.map(({ low, high }) => this.#random.between(low, high)));
  }

  #fate(): "resume" | "reset" {
    return this.#random.chance(0.5) ? "resume" : "reset";
  }

  #sleep(ms: number): Promise<void> {
    return this.#swarm.world.sleep(ms);
  }
}

function drawKinds(random: SeededRandom): FaultKind[] {
  return FAULT_KINDS.filter((kind) => random.chance(DESTRUCTIVE.has(kind) ? DESTRUCTIVE_CHANCE : KIND_CHANCE));
}

function names(machines: readonly Machine[]): string {
  return machines.map((machine) => machine.name).join("+");
}
