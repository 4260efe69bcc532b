/** Two swarms with files become one, while their servers crash and clients go on writing to both (C11). */
import { FsdfsError } from "../../../src/errors.ts";
import type { Content } from "../content.ts";
import { type Machine, NoAnswer, SWARM_PORT } from "../machine.ts";
import { listAll, readFile } from "../workload.ts";
import type { Drill, Stage } from "./stage.ts";

const MERGED_LIMIT_MS = 180_000;
const DISTURBANCES = 6;
/** What a server says that cannot or must not begin now. */
const NOT_YET = new Set(["merge-refused", "behind", "interrupted", "merging", "stopping", "clock-wrong", "internal"]);

export const merging: Drill = {
  name: "merging",
  rules: "C11",
  config: () => ({ servers: 5, copies: 2 }),
  async play(stage) {
    const { hosts, guests, wanted, losers } = await twoSwarms(stage);
    const writing = { over: false };
    const writers = [write(stage, hosts, "host", wanted, writing), write(stage, guests, "guest", wanted, writing)];
    const disturbing = stage.random.chance(0.8) ? disturb(stage) : Promise.resolve();
    await merge(stage, hosts[0]!, guests);
    await disturbing;
    writing.over = true;
    await Promise.all(writers);
    for (const machine of stage.machines) machine.start();
    await stage.sleep(5_000);
    await stage.rest("as one swarm", { copies: 2 });
    await checkAll(stage, wanted, losers);
    stage.stopIfFailed();
  },
};

export interface TwoSwarms {
  readonly hosts: readonly Machine[];
  readonly guests: readonly Machine[];
  /** What must be there in the end, by path, and what must lose. */
  readonly wanted: Map<string, Content>;
  readonly losers: readonly Content[];
}

/** The first two machines and the others, with files, which see each other. */
export async function twoSwarms(stage: Stage): Promise<TwoSwarms> {
  const [hosts, guests] = [stage.machines.slice(0, 2), stage.machines.slice(2)];
  stage.swarm.cut(hosts, guests, true);
  guests[0]!.knowsNobody = true;
  await stage.boot(hosts);
  await stage.boot(guests);
  const wanted = new Map<string, Content>();
  const losers = await fill(stage, hosts, guests, wanted);
  await stage.rest("as two swarms", { machines: hosts });
  await stage.rest("as two swarms", { machines: guests });
  stage.swarm.heal(hosts, guests, "reset");
  await stage.sleep(3_000);
  return { hosts, guests, wanted, losers };
}

/** Answers the contents that must lose. */
async function fill(
  stage: Stage,
  hosts: readonly Machine[],
  guests: readonly Machine[],
  wanted: Map<string, Content>,
): Promise<Content[]> {
  const put = async (side: readonly Machine[], path: string): Promise<Content> => {
    const content = stage.content(path);
    await stage.sleep(stage.random.between(50, 500));
    await stage.mustPut(stage.random.pick(side), path, content);
    wanted.set(path, content);
    return content;
  };
  await put(hosts, "of the host");
  await put(guests, "of the guest");
  const losers = [await put(hosts, "later/guest"), await put(guests, "later/host")];
  await put(guests, "later/guest");
  await put(hosts, "later/host");
  const kept = [await put(hosts, "deleted/by guest"), await put(guests, "deleted/by host")];
  await put(guests, "deleted/by guest");
  await put(hosts, "deleted/by host");
  await stage.remove(stage.random.pick(guests), "deleted/by guest");
  await stage.remove(stage.random.pick(hosts), "deleted/by host");
  wanted.set("deleted/by guest", kept[0]!);
  wanted.set("deleted/by host", kept[1]!);
  return losers;
}

/** A client that never writes the same path again: what was acknowledged must be there in the end. */
export async function write(
  stage: Stage,
  machines: readonly Machine[],
  label: string,
  wanted: Map<string, Content>,
  writing: { readonly over: boolean },
): Promise<void> {
  for (let i = 0; !writing.over; i++) {
    await stage.sleep(stage.random.between(50, 1_500));
    const path = `${label}/${i}`;
    const content = stage.content(path);
    const { outcome } = await stage.put(stage.random.pick(machines), path, content);
    if (outcome === "acknowledged") wanted.set(path, content);
  }
}

async function disturb(stage: Stage): Promise<void> {
  for (let i = 0; i < DISTURBANCES; i++) {
    await stage.sleep(stage.random.between(100, 3_000));
    const machine = stage.random.pick(stage.machines);
    const kind = stage.random.pick(["crash", "power-cut", "stop"] as const);
    if (kind === "crash") machine.crash();
    else if (kind === "power-cut") machine.powerCut();
    else machine.stop(stage.random.between(500, 6_000));
    await stage.sleep(stage.random.between(50, 2_000));
    machine.start();
  }
}

export async function merge(stage: Stage, host: Machine, guests: readonly Machine[]): Promise<void> {
  const address = `${host.host}:${SWARM_PORT}`;
  const swarmOf = async (machine: Machine) => (await stage.ask(machine, (face) => face.mergeState())).swarm;
  const deadlineMs = stage.world.nowMs + MERGED_LIMIT_MS;
  while (stage.world.nowMs < deadlineMs) {
    try {
      const swarms = new Set<string>();
      for (const machine of stage.machines) swarms.add(await swarmOf(machine));
      if (swarms.size === 1) return;
      const guest = stage.random.pick(guests);
      const { phase, swarm } = await stage.ask(guest, (face) => face.mergeState());
      if (phase === "none" && swarm !== (await swarmOf(host))) await stage.ask(guest, (face) => face.merge(address));
    } catch (error) {
      const isNotYet = error instanceof NoAnswer || (error instanceof FsdfsError && NOT_YET.has(error.code));
      if (!isNotYet) stage.check(false, "C11", `a merge was answered with ${String(error)}`);
    }
    await stage.sleep(500);
    for (const machine of stage.machines) if (stage.world.nowMs > deadlineMs - 60_000) machine.start();
  }
  stage.check(false, "liveness", "the swarms do not become one");
  stage.stopIfFailed();
}

export async function checkAll(stage: Stage, wanted: Map<string, Content>, losers: readonly Content[]): Promise<void> {
  for (const machine of stage.machines) {
    const all = await stage.ask(machine, (face) => listAll(face, "", true));
    for (const [path, { sha256 }] of wanted) {
      const told = all.get(path)?.sha256;
      stage.check(told === sha256, "C11", `${machine.name} shows ${path} as ${told}, not as ${sha256}`);
    }
  }
  for (const [path, { sha256 }] of wanted) {
    const machine = stage.random.pick(stage.machines);
    const seen = await stage.ask(machine, (face) => readFile(face, path, stage.swarm));
    stage.check(seen.kind === "file" && seen.sha256 === sha256, "C11", `${path} is not read at ${machine.name}`);
  }
  for (const { sha256 } of losers) {
    const isKept = stage.machines.some((machine) => stage.liesIn(machine, "trash", sha256));
    stage.check(isKept, "C11", `what lost (${sha256.slice(0, 8)}) is in nobody's trash`);
  }
}
