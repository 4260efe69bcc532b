/**
 * All clocks are years ahead, and set right; then a repair is asked for, amid puts and crashes (C8). New writes win over
 * those of the wrong clocks, none that was acknowledged is lost to an older one, and all are dated right.
 */
import { FsdfsError } from "../../../src/errors.ts";
import type { EntryInfo } from "../../../src/server/face.ts";
import { Armory } from "../armory.ts";
import { type Machine, NoAnswer } from "../machine.ts";
import { copies } from "../oracles/copies.ts";
import { equalCatalogs } from "../oracles/equal.ts";
import { exactQuota } from "../oracles/quota.ts";
import { SeededRandom } from "../random.ts";
import { lookAround } from "../rest.ts";
import type { Drill, Stage } from "./stage.ts";

const DAY_MS = 86_400_000;
const PATHS = ["a", "b.ogg", "music/c", "music/d.ogg", "x/e", "x/f"];
const COPIES = 3;
/** Within it two times are the same moment: skews that are let pass, and a drill's length. */
const CLOSE_MS = 300_000;
const REPAIR_ATTEMPTS = 60;

export const wrongClocks: Drill = {
  name: "wrong clocks",
  rules: "C8 C1 P3",
  config: () => ({ graceMs: 10_000, copies: COPIES }),
  async play(stage) {
    const aheadMs = stage.random.pick([400_000, DAY_MS, 3_650 * DAY_MS]);
    const told = new Expected(stage);
    setClocks(stage, aheadMs);
    await stage.boot();
    await told.putSome(12, stage.machines);
    await stage.rest("in the future", { copies: COPIES });
    const away = stage.random.chance(0.4) ? stage.random.pick(stage.machines) : undefined;
    const here = stage.machines.filter((machine) => machine !== away);
    if (away !== undefined) await leave(stage, away, told);
    for (const machine of here) if (stage.random.chance(0.4)) restart(stage, machine);
    setClocks(stage, 0);
    await stage.rest("with the clocks set right", { machines: here });

    const repairing = repair(stage, here, away !== undefined);
    const writing = told.putSome(10, here);
    await Promise.all([repairing, writing]);
    stage.stopIfFailed();
    for (const machine of here) machine.start();
    await stage.rest("after the repair", { machines: here });
    await checkClocks(stage, here);
    await told.check(here);
    await told.putSome(6, here);
    await told.check(here);

    away?.start();
    await stage.rest("with all of them", { copies: COPIES });
    await told.check(stage.machines);
    for (const machine of stage.machines) restart(stage, machine);
    await stage.rest("after a restart", { copies: COPIES });
    await told.putSome(6, stage.machines);
    await stage.rest("at the end", { copies: COPIES });
    await told.check(stage.machines);
    await told.checkDates();
    await checkClocks(stage, stage.machines);
    const view = await lookAround(stage.swarm, stage.history, stage.losses, stage.machines);
    for (const problem of [...equalCatalogs(view), ...copies(view, stage.losses, COPIES), ...exactQuota(view)]) {
      stage.world.fail("C8", problem);
    }
  },
};

function setClocks(stage: Stage, skewMs: number): void {
  stage.world.trace(`all clocks are ${skewMs} ms ahead`);
  for (const machine of stage.machines) stage.swarm.setClock(machine, skewMs);
}

function restart(stage: Stage, machine: Machine): void {
  if (stage.random.chance(0.5)) machine.crash();
  else machine.powerCut();
  machine.start();
}

/** It takes something that nobody else hears of, and ends. What it took is not overwritten by the others. */
async function leave(stage: Stage, away: Machine, told: Expected): Promise<void> {
  const others = stage.machines.filter((machine) => machine !== away);
  stage.swarm.cut([away], others, true);
  await stage.sleep(5_000);
  const alone = "alone";
  told.acknowledge(alone, await stage.mustPut(away, alone), away);
  await stage.sleep(1_000);
  away.crash();
  stage.swarm.heal([away], others, "reset");
  await stage.sleep(12_000);
}

/** Asks until it is done; the server that is asked may be killed meanwhile. */
async function repair(stage: Stage, machines: readonly Machine[], withoutAbsent: boolean): Promise<void> {
  const armory = new Armory(machines, SeededRandom.of(stage.world.seed, "clock armory"));
  for (let i = 0; i < REPAIR_ATTEMPTS; i++) {
    const asked = stage.random.pick(machines);
    if (i < 3 && stage.random.chance(0.6)) {
      const kind = stage.random.pick(["crash", "power-cut"] as const);
      armory.strikeAfter(asked, stage.random.between(0, 40), { kind, side: stage.random.pick(["before", "after"]) });
    }
    const answer = await stage
      .ask(asked, (face) => face.repairClock({ withoutAbsent }))
      .catch((error: unknown) => codeOf(stage, error));
    stage.world.trace(`${asked.name} was asked to repair: ${JSON.stringify(answer)}`);
    armory.disarm();
    for (const machine of machines) machine.start();
    if (typeof answer === "object" && answer.epoch > 0) return;
    await stage.sleep(stage.random.between(100, 3_000));
  }
  stage.world.fail("liveness", "the clock is not repaired");
}

async function checkClocks(stage: Stage, machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) {
    const { aheadMs, epoch } = await stage.ask(machine, (face) => face.clock());
    stage.check(epoch > 0 && aheadMs < 60_000, "C8", `${machine.name} writes ${aheadMs} ms ahead, in epoch ${epoch}`);
  }
}

function codeOf(stage: Stage, error: unknown): string {
  if (error instanceof FsdfsError) return error.code;
  if (error instanceof NoAnswer) return error.reason;
  stage.world.fail("bug", String(error));
  return "bug";
}

/** What each path must hold: puts to a path come one after the other, so the last that was acknowledged, or a later try. */
class Expected {
  readonly #stage: Stage;
  readonly #contents = new Map<string, { sha256: string; version: string; doubtful: Set<string> }>();
  readonly #versions = new Map<string, string>();
  readonly #since = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async putSome(count: number, machines: readonly Machine[]): Promise<void> {
    const { random } = this.#stage;
    for (let i = 0; i < count; i++) {
      const path = random.pick(PATHS);
      const machine = random.pick(machines);
      this.acknowledge(path, await this.#stage.put(machine, path), machine);
      await this.#stage.sleep(random.between(0, 400));
    }
  }

  acknowledge(path: string, put: Awaited<ReturnType<Stage["put"]>>, machine: Machine): void {
    const sha256 = put.sha256!;
    if (put.outcome !== "acknowledged") {
      this.#contents.get(path)?.doubtful.add(sha256);
      return;
    }
    const version = put.version!;
    const other = this.#versions.get(version);
    this.#stage.check(other === undefined, "P4", `${machine.name} named two versions ${version}: ${other} and ${path}`);
    this.#versions.set(version, path);
    this.#contents.set(path, { sha256, version, doubtful: new Set() });
    this.#since.set(path, machine.wallMs());
  }

  /** Everywhere, and under the version that was told. */
  async check(machines: readonly Machine[]): Promise<void> {
    for (const [path, { sha256, version, doubtful }] of this.#contents) {
      for (const machine of machines) {
        if (path === "alone" && machines.length < this.#stage.machines.length) continue;
        const found = await this.#head(machine, path);
        const isRight = found?.sha256 === sha256 && found.version === version;
        const isLater = found !== undefined && doubtful.has(found.sha256 ?? "");
        const told = `${machine.name} tells ${found?.version} of ${path}, not ${version}`;
        this.#stage.check(isRight || isLater, "P5", told);
      }
    }
    this.#stage.stopIfFailed();
  }

  /** What was put since the clocks are right is dated so; what is older, not in the future. */
  async checkDates(): Promise<void> {
    const { machines, world } = this.#stage;
    for (const [path, putMs] of this.#since) {
      for (const machine of machines) {
        const found = await this.#head(machine, path);
        const modifiedMs = Date.parse(found?.modified ?? "");
        const latestMs = Math.min(putMs, machine.wallMs()) + CLOSE_MS;
        if (modifiedMs <= latestMs && modifiedMs >= machine.wallMs() - CLOSE_MS) continue;
        world.fail("C8", `${machine.name} dates ${path} ${found?.modified}`);
      }
    }
  }

  async #head(machine: Machine, path: string): Promise<EntryInfo | undefined> {
    return await this.#stage
      .ask(machine, (face) => face.head(path))
      .catch((error: unknown) => {
        if (error instanceof FsdfsError && error.code === "file-not-found") return undefined;
        throw error;
      });
  }
}
