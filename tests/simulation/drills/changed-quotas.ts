/**
 * An operator changes quotas and N while files are put, copied and given up, and servers crash, stand still and are cut off: no
 * server takes more than it may (S3), no file falls below min(W, N) (P3), and in the end nothing goes on and no move is left (R1).
 */
import type { Face } from "../../../src/server/face.ts";
import type { Machine } from "../machine.ts";
import { withoutMoves } from "../without-moves.ts";
import { CopyWatch, unchangedFor } from "./full-disks-watch.ts";
import type { Drill, Stage } from "./stage.ts";

const WRITE_COPIES = 2;
const SIZE_BYTES = { low: 1_000, high: 12_000 };
const QUOTA_BYTES = { low: 5_000, high: 70_000 };
const FILES = 10;
const CHANGES = 50;
const CHANGE_EVERY_MS = { low: 50, high: 2_000 };
const AWAY_MS = { low: 500, high: 8_000 };
/** A server may not have heard for so long that its quota was changed. */
const UNHEARD_MS = 20_000;
const WATCH_EVERY_MS = 250;
const QUIET_MS = 60_000;
const QUIET_LOOKS_MAX = 12;
const STATE = ".fsdfs/";
const COUNTED = ["staged", "trash", "side"].map((directory) => `${STATE}${directory}/`);

export const changedQuotas: Drill = {
  name: "changed quotas",
  rules: "S3 P3 R1 D1",
  config: (random) => {
    const servers = random.between(3, 5);
    const quotasBytes = Array.from({ length: servers }, () => random.between(20_000, QUOTA_BYTES.high));
    return { servers, copies: random.pick([2, 3]), writeCopies: WRITE_COPIES, quotasBytes };
  },
  async play(stage) {
    await stage.boot();
    const copies = new CopyWatch(stage, WRITE_COPIES);
    const quotas = new QuotaWatch(stage);
    copies.start();
    quotas.start();
    for (let i = 0; i < FILES; i++) await putSome(stage, `${i}`);
    for (let i = 0; i < CHANGES; i++) {
      await stage.sleep(stage.random.between(CHANGE_EVERY_MS.low, CHANGE_EVERY_MS.high));
      stage.stopIfFailed();
      await stage.random.pick(EVENTS)(stage, quotas);
    }
    await stage.sleep(2 * AWAY_MS.high);
    await stage.rest("once nothing is changed any more");
    let looks = 0;
    while (looks < QUIET_LOOKS_MAX && !(await unchangedFor(stage, QUIET_MS))) looks += 1;
    stage.check(looks < QUIET_LOOKS_MAX, "R1", "copies are made and given up for ever");
    stage.stopIfFailed();
    await withoutMoves(stage);
    copies.stop();
    quotas.stop();
    await stage.judge();
  },
};

type Event = (stage: Stage, quotas: QuotaWatch) => Promise<void>;

const changeQuota: Event = async (stage, quotas) => {
  const { random } = stage;
  const machine = random.pick(stage.machines);
  const quota = random.between(QUOTA_BYTES.low, QUOTA_BYTES.high);
  await quotas.change(machine, quota, () => tell(stage, (face) => face.configureServer(machine.name, { quota })));
};

const EVENTS: readonly Event[] = [
  changeQuota,
  changeQuota,
  async (stage) => {
    const copies = stage.random.pick([2, 3, 4]);
    await tell(stage, (face) => face.configureSwarm({ copies }));
  },
  async (stage) => {
    const machine = stage.random.pick(stage.machines);
    if (stage.random.chance(0.5)) machine.powerCut();
    else machine.crash();
    stage.world.after(awayMs(stage), () => machine.start());
  },
  async (stage) => stage.random.pick(stage.machines).stop(awayMs(stage)),
  async ({ swarm, world, random, machines }) => {
    const cut = random.pick(machines);
    const others = machines.filter((machine) => machine !== cut && random.chance(0.5));
    swarm.cut([cut], others, random.chance(0.5));
    world.after(random.between(AWAY_MS.low, AWAY_MS.high), () => swarm.heal([cut], others, "reset"));
  },
  async (stage) => putSome(stage, `then ${stage.history.operations.length}`),
  async (stage) => {
    const { random, machines } = stage;
    const machine = random.pick(machines);
    if (machine.running) await stage.drop(machine, pathOf(`${random.between(0, FILES - 1)}`)).catch(() => undefined);
  },
];

function awayMs({ random }: Stage): number {
  return random.between(AWAY_MS.low, AWAY_MS.high);
}

function pathOf(name: string): string {
  return `music/${name}`;
}

async function putSome(stage: Stage, name: string): Promise<void> {
  const { random } = stage;
  const path = pathOf(name);
  const machine = random.pick(stage.machines);
  if (machine.running)
    await stage.put(machine, path, stage.content(path, random.between(SIZE_BYTES.low, SIZE_BYTES.high)));
}

/** Answers whether it is certain that it was heard: who is told may be behind, or go away amid it. */
async function tell(stage: Stage, call: (face: Face) => Promise<unknown>): Promise<boolean> {
  const machine = stage.random.pick(stage.machines);
  if (!machine.running) return false;
  return await stage.ask(machine, call).then(
    () => true,
    () => false,
  );
}

/** Looks at all disks, over and over: what lies on one does not grow beyond its quota. */
class QuotaWatch {
  readonly #stage: Stage;
  readonly #told = new Map<Machine, { readonly quota: number; untilMs: number }[]>();
  readonly #used = new Map<Machine, number>();
  #stopped = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    for (const [index, machine] of stage.machines.entries()) {
      const quota = stage.swarm.config.quotasBytes![index]!;
      this.#told.set(machine, [{ quota, untilMs: Number.POSITIVE_INFINITY }]);
    }
  }

  start(): void {
    if (this.#stopped) return;
    for (const machine of this.#stage.machines) this.#look(machine);
    if (this.#stage.world.failures.length === 0) this.#stage.world.after(WATCH_EVERY_MS, () => this.start());
  }

  stop(): void {
    this.#stopped = true;
  }

  /** From the call on it may be so; what was told before, until everybody must have heard. */
  async change(machine: Machine, quota: number, call: () => Promise<boolean>): Promise<void> {
    const told = this.#told.get(machine)!;
    told.push({ quota, untilMs: Number.POSITIVE_INFINITY });
    if (!(await call())) return;
    for (const before of told.slice(0, -1)) {
      before.untilMs = Math.min(before.untilMs, this.#stage.world.nowMs + UNHEARD_MS);
    }
  }

  #look(machine: Machine): void {
    const before = this.#used.get(machine) ?? 0;
    const used = usedBytes(machine);
    const mayBe = this.#told.get(machine)!.filter(({ untilMs }) => untilMs > this.#stage.world.nowMs);
    const most = Math.max(...mayBe.map(({ quota }) => quota));
    const message = `${machine.name} goes from ${before} bytes to ${used}, and may use ${most}`;
    this.#stage.check(used <= Math.max(most, before), "S3", message);
    this.#used.set(machine, used);
  }
}

/** Of files that have two names for a moment once. */
function usedBytes({ files }: Machine): number {
  const sizes = new Map<number, number>();
  for (const { name, type, stat } of files.tree()) {
    const isCounted = !name.startsWith(STATE) || COUNTED.some((directory) => name.startsWith(directory));
    if (type === "file" && isCounted) sizes.set(stat.inode, stat.sizeBytes);
  }
  return [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
}
