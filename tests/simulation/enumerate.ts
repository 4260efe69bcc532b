/**
 * npm run simulate:crashes -- [--stride N] [--workers 2]
 *
 * The crash enumeration: each operation on a swarm of three, again and again from the same start, and each time one of
 * the servers is killed, or loses power, at another of its port calls, before or after the call's effect. Then it comes
 * back, and the oracles judge. An acknowledged change must be visible through the others while it is away.
 */
import { Armory } from "./armory.ts";
import { withBugsReported } from "./bugs.ts";
import { History, type Operation } from "./history.ts";
import { judge } from "./judge.ts";
import { Losses } from "./losses.ts";
import type { Compose, Machine } from "./machine.ts";
import type { Strike } from "./process.ts";
import { SeededRandom } from "./random.ts";
import { comeToRest, lookAround } from "./rest.ts";
import { Swarm } from "./swarm.ts";
import { DIRECTORIES, FILES, WEIGHTS, Workload } from "./workload.ts";
import { type Failure, World } from "./world.ts";

export const EXERCISES = ["put", "overwrite", "delete", "forever", "restore", "move", "mkdir", "pull"] as const;
export type Exercise = (typeof EXERCISES)[number];

/** One run of an exercise: who is struck, and at which call of its. */
export interface Case {
  readonly exercise: Exercise;
  /** Index of the machine; 0 is the one that clients ask. */
  readonly victim: number;
  readonly call: number;
  readonly kind: "crash" | "power-cut";
  readonly side: "before" | "after";
}

export interface CaseResult {
  readonly case: Case;
  readonly failures: readonly Failure[];
  readonly outcome: string;
}

const SEED = 20_260_101;
const SERVERS = 3;
const LIMIT_MS = 600_000;
/** Port calls that an operation still causes after it was answered. */
const TAIL_MS = 600;
const DOWN_MS = 400;
const REST_LIMIT_MS = 120_000;

/** All cases, after a run of each exercise without a fault that counts the calls. */
export async function allCases(compose: Compose): Promise<Case[]> {
  const cases: Case[] = [];
  for (const exercise of EXERCISES) {
    const counts = await new Trial(compose, exercise).countCalls();
    for (const [victim, calls] of counts.entries()) {
      for (let call = 0; call < calls; call++) {
        for (const kind of ["crash", "power-cut"] as const) {
          for (const side of ["before", "after"] as const) cases.push({ exercise, victim, call, kind, side });
        }
      }
    }
  }
  return cases;
}

/** `tell` gets a readable trace, `tellCall` every call of a port as well. */
export function runCase(
  compose: Compose,
  chosen: Case,
  tell?: (line: string) => void,
  tellCall?: (line: string) => void,
): Promise<CaseResult> {
  return new Trial(compose, chosen.exercise, tell, tellCall).strike(chosen);
}

class Trial {
  readonly #world = new World(SEED);
  readonly #swarm: Swarm;
  readonly #history: History;
  readonly #armory: Armory;
  readonly #workload: Workload;
  readonly #exercise: Exercise;

  constructor(compose: Compose, exercise: Exercise, tell?: (line: string) => void, tellCall?: (line: string) => void) {
    this.#exercise = exercise;
    this.#world.tell = tell;
    this.#world.tellCall = tellCall;
    const config = { servers: SERVERS, copies: 3, writeCopies: 2, graceMs: 600_000, quotaBytes: 10_000_000 };
    this.#swarm = new Swarm(this.#world, { ...config, strict: false, latencyMs: 1, discovery: false }, compose);
    this.#history = new History(this.#swarm);
    this.#armory = new Armory(this.#swarm.machines, SeededRandom.of(SEED, "armory"));
    this.#workload = new Workload(this.#swarm, this.#history, SeededRandom.of(SEED, "workload"), {
      clients: 0,
      pauseMs: { low: 0, high: 0 },
      weights: WEIGHTS,
      files: FILES,
      directories: DIRECTORIES,
      coordinator: this.#swarm.machines[0]!,
    });
  }

  /** How many port calls each server makes while the exercise lasts. */
  async countCalls(): Promise<number[]> {
    let counts: number[] = [];
    await this.#run(async () => {
      await this.#prepare();
      const before = this.#calls();
      await this.#act();
      await this.#world.sleep(TAIL_MS);
      counts = this.#calls().map((calls, i) => calls - (before[i] ?? 0));
    });
    const [failure] = this.#world.failures;
    if (failure) throw new Error(`${this.#exercise} fails without any fault: ${failure.rule}: ${failure.message}`);
    return counts;
  }

  async strike(chosen: Case): Promise<CaseResult> {
    const { victim, call, kind, side } = chosen;
    let operation: Operation | undefined;
    await this.#run(async () => {
      await this.#prepare();
      const strike: Strike = { kind, side };
      this.#armory.strikeAfter(this.#swarm.machines[victim]!, call, strike);
      operation = await this.#act();
      await this.#world.sleep(TAIL_MS);
      await this.#afterwards(this.#swarm.machines[victim]!, operation);
    });
    return { case: chosen, failures: this.#world.failures, outcome: operation?.outcome ?? "none" };
  }

  async #run(story: () => Promise<void>): Promise<void> {
    await withBugsReported(this.#world, async () => {
      let ended = false;
      void story()
        .catch((error: unknown) =>
          this.#world.fail("simulator", error instanceof Error ? (error.stack ?? "") : String(error)),
        )
        .finally(() => {
          ended = true;
        });
      if (!(await this.#world.run(LIMIT_MS, () => ended))) this.#world.fail("liveness", "the trial does not end");
    });
  }

  async #prepare(): Promise<void> {
    for (const machine of this.#swarm.machines) machine.start();
    await this.#rest("at the start");
    if (this.#exercise === "mkdir") return;
    if (this.#exercise !== "put") await this.#do("put", "music/a");
    if (this.#exercise === "pull") {
      this.#swarm.machines[2]!.crash();
      await this.#world.sleep(5_000);
      await this.#do("put", "music/b");
    } else {
      await this.#rest("after the preparation", SERVERS);
    }
    if (this.#exercise !== "restore") return;
    await this.#workload.run("c", "remove", "music/a");
    await this.#rest("with what is to come back");
  }

  async #act(): Promise<Operation | undefined> {
    switch (this.#exercise) {
      case "put":
      case "overwrite":
        return this.#workload.run("c", "put", "music/a");
      case "delete":
        return this.#workload.run("c", "remove", "music/a");
      case "forever":
        return this.#workload.removeForever("c", "music/a");
      case "restore":
        return this.#workload.restore("c", { path: "music/a", to: "music/a" });
      case "move":
        return this.#workload.run("c", "move", "music/a", "moved/to/b");
      case "mkdir":
        return this.#workload.run("c", "makeDirectory", "new/directory");
      case "pull":
        this.#swarm.machines[2]!.start();
        await this.#world.sleep(3_000);
        return undefined;
    }
  }

  async #afterwards(victim: Machine, operation: Operation | undefined): Promise<void> {
    const { machines } = this.#swarm;
    const makesFile = operation?.kind === "put" || operation?.kind === "restore";
    if (victim.process === undefined && makesFile && operation.outcome === "acknowledged") {
      await this.#readThrough(machines.filter((machine) => machine !== victim)[0]!, operation);
    }
    this.#armory.disarm();
    await this.#world.sleep(DOWN_MS);
    for (const machine of machines) machine.start();
    if (!(await this.#rest("after the strike", SERVERS))) return;
    const [swarm, history, losses] = [this.#swarm, this.#history, new Losses(this.#history)];
    const view = await lookAround(swarm, history, losses, machines);
    judge({ swarm, history, losses, calms: [], view, copiesWanted: SERVERS });
    if (this.#exercise !== "forever" || operation?.outcome !== "acknowledged") return;
    const trashed = view.disks.flatMap(({ own }) => [...own.keys()].filter((name) => name.startsWith(".fsdfs/trash/")));
    if (trashed.length > 0) this.#world.fail("S2", `what was deleted forever is ${trashed.join(", ")}`);
  }

  /** P2, P3: what was acknowledged is there without the one that died. */
  async #readThrough(machine: Machine, put: Operation): Promise<void> {
    const reader = this.#history.begin("reader", "get", put.path);
    await this.#workload.readAt(machine, reader);
    const seen = reader.seen.get(put.path);
    if (seen?.kind !== "file" || seen.sha256 !== (put.sha256 ?? put.restored)) {
      this.#world.fail("P3", `${machine.name} does not read what was acknowledged: ${reader.code ?? seen?.kind}`);
    }
  }

  async #do(kind: "put", path: string): Promise<void> {
    const { outcome, code } = await this.#workload.run("c", kind, path);
    if (outcome !== "acknowledged") this.#world.fail("liveness", `the preparation failed: ${code}`);
  }

  async #rest(when: string, copiesWanted = 0): Promise<boolean> {
    const reason = await comeToRest(this.#swarm, this.#swarm.machines, REST_LIMIT_MS, copiesWanted);
    if (reason !== undefined) this.#world.fail("liveness", `no rest ${when}: ${reason}`);
    return reason === undefined;
  }

  #calls(): number[] {
    return this.#swarm.machines.map((machine) => machine.process?.calls ?? 0);
  }
}
