/**
 * Disks are full: uploads make room for themselves, copies give way to files that are wanted more, and all of it ends, with
 * no move left (R1 to R3, R6, S3) and never too few copies on the way (P3, D1).
 */
import { YOUNG_MS } from "../../../src/server/replication/room-maker.ts";
import { roomForUpload } from "../oracles/moves.ts";
import { solve } from "../solver/solver.ts";
import { placementIn, withoutMoves } from "../without-moves.ts";
import { adoptAll, CopyWatch, unchangedFor } from "./full-disks-watch.ts";
import type { Drill, Stage } from "./stage.ts";

const SIZE_BYTES = { low: 3_000, high: 12_000 };
/** Of a server: the larger files fit on some only. */
const QUOTA_BYTES = { low: 8_000, high: 50_000 };
const QUIET_MS = 60_000;
const DISTURBED_WITHIN_MS = 2_000;
const QUIET_LOOKS_MAX = 8;

export const fullDisks: Drill = {
  name: "full disks",
  rules: "R1 R2 S3 P6 D1",
  config(random) {
    const quotasBytes = Array.from({ length: 4 }, () => random.between(QUOTA_BYTES.low, QUOTA_BYTES.high));
    quotasBytes[0] = QUOTA_BYTES.high;
    quotasBytes[1] = QUOTA_BYTES.high;
    return { servers: 4, copies: random.pick([2, 3]), writeCopies: random.pick([1, 2]), quotasBytes, reserve: 0 };
  },
  async play(stage) {
    await stage.boot();
    const watch = new CopyWatch(stage, stage.swarm.config.writeCopies);
    watch.start();
    await putSome(stage, "first", stage.random.between(8, 16));
    await settled(stage);
    const [path] = watch.paths();
    watch.forget(path!);
    await stage.remove(stage.random.pick(stage.machines), path!);
    disturb(stage);
    await putSome(stage, "then", 4, true);
    await stage.sleep(DISTURBED_WITHIN_MS);
    for (const machine of stage.machines) {
      machine.resume();
      machine.start();
    }
    await settled(stage);
    watch.stop();
    await stage.judge();
  },
};

/** At rest, with no move left, and after a while nothing goes on. */
async function settled(stage: Stage): Promise<void> {
  await stage.rest("once files are put");
  let looks = 0;
  while (looks < QUIET_LOOKS_MAX && !(await unchangedFor(stage, QUIET_MS))) looks += 1;
  stage.check(looks < QUIET_LOOKS_MAX, "R1", "copies are made and given up for ever");
  stage.stopIfFailed();
  await withoutMoves(stage);
  stage.stopIfFailed();
}

/** What is refused for want of room must be refused at rest as well, or there must be none. */
async function putSome(stage: Stage, name: string, count: number, isDisturbed = false): Promise<void> {
  const { random } = stage;
  for (let i = 0; i < count; i++) {
    const path = `music/${name} ${i}`;
    const content = stage.content(path, random.between(SIZE_BYTES.low, SIZE_BYTES.high));
    const machine = random.pick(stage.machines.filter(({ running }) => running));
    const { code } = await stage.put(machine, path, content);
    if (code !== "no-space") continue;
    if (isDisturbed) continue;
    await stage.rest("after a refusal");
    const placement = placementIn(stage, await withoutMoves(stage));
    const rooms = placement.servers.map((server) => roomForUpload(server, placement, stage.swarm.config.copies));
    if (Math.max(...rooms) < content.bytes.length) continue;
    const again = await stage.put(machine, `${path} again`, stage.content(path, content.bytes.length));
    stage.check(
      again.outcome === "acknowledged",
      "S3",
      `${machine.name} refuses ${content.bytes.length} bytes (${again.code}) where ${Math.max(...rooms)} could be free`,
    );
  }
}

function disturb(stage: Stage): void {
  const machine = stage.random.pick(stage.machines);
  stage.world.after(stage.random.between(0, DISTURBED_WITHIN_MS), () => {
    if (stage.random.chance(0.5)) machine.powerCut();
    else machine.stop(stage.random.between(500, 6_000));
  });
}

const UNIT_BYTES = 4_000;

/**
 * "rare" lies on B alone, and A has no copy that may go for it. B has room for A's "other" once it gives up a copy of "many",
 * so it takes that over, and A has room.
 */
export const handOver: Drill = {
  name: "hand-over",
  rules: "R3",
  config: () => ({
    servers: 5,
    copies: 3,
    writeCopies: 1,
    quotasBytes: [2, 4, 2, 1, 1].map((units) => units * UNIT_BYTES),
    reserve: 0,
  }),
  async play(stage) {
    const files = [
      { path: "rare", units: 2, on: [1] },
      { path: "other", units: 2, on: [0, 2] },
      { path: "many", units: 1, on: [1, 3, 4] },
    ];
    await adoptAll(
      stage,
      files.map(({ path, units, on }) => ({ path, content: stage.content(path, units * UNIT_BYTES), on })),
    );
    const watch = new CopyWatch(stage, 2);
    watch.start("other");
    for (const machine of stage.machines) machine.load = 0;
    await stage.sleep(QUIET_MS);
    await stage.rest("after copies were handed over");
    const view = await withoutMoves(stage);
    watch.stop();
    const quotas = stage.swarm.config.quotasBytes!.map((bytes) => bytes / UNIT_BYTES);
    const best = solve(
      files.map(({ units }) => ({ size: units, target: 3 })),
      quotas,
    )!.surpluses[0]!;
    const least = Math.min(...Array.from(view.servers[0]!.locations.values(), ({ surplus }) => surplus));
    stage.check(least === best, "R3", `minSurplus is ${least}, ${best} is possible`);
    await stage.judge();
  },
};

/**
 * A lacks "rare"; B has some free room, and nothing that may go. When B gives "small" up it can take A's "large" over, and then A
 * has room for both; or, in half of the seeds, for one of them only, so that nothing is gained by it.
 */
export const swap: Drill = {
  name: "swap",
  rules: "R3 D1",
  config: (random) => ({
    servers: 4,
    copies: 3,
    writeCopies: 2,
    quotasBytes: [random.pick([4, 5]), 4, 9, 9].map((units) => units * UNIT_BYTES),
    reserve: 0,
  }),
  async play(stage) {
    const isGain = stage.swarm.config.quotasBytes![0] === 5 * UNIT_BYTES;
    const files = [
      { path: "rare", units: 3, on: [2, 3] },
      { path: "large", units: 4, on: [0, 2, 3] },
      { path: "small", units: 2, on: [1, 2, 3] },
    ];
    await adoptAll(
      stage,
      files.map(({ path, units, on }) => ({ path, content: stage.content(path, units * UNIT_BYTES), on })),
    );
    const watches = { rare: 2, large: 3, small: 2 };
    const watching = Object.entries(watches).map(([path, least]) => {
      const watch = new CopyWatch(stage, least);
      watch.start(path);
      return watch;
    });
    for (const machine of stage.machines) machine.load = 0;
    const isSame = await unchangedFor(stage, QUIET_MS);
    await stage.rest("after copies were swapped");
    const view = await withoutMoves(stage);
    for (const watch of watching) watch.stop();
    const least = Math.min(...Array.from(view.servers[0]!.locations.values(), ({ surplus }) => surplus));
    if (isGain) stage.check(least === 0, "R3", "two copies are not swapped for a file that is wanted more");
    else stage.check(isSame, "R3", "two copies are swapped for nothing");
    stage.check(await unchangedFor(stage, QUIET_MS), "R3", "copies are swapped for ever");
    await stage.judge();
  },
};

/** What has just been pulled stays for a while, though something comes that is wanted more; then it goes for it. */
export const youngCopies: Drill = {
  name: "young copies",
  rules: "R6",
  config: () => ({
    servers: 3,
    copies: 3,
    writeCopies: 1,
    quotasBytes: [3, 2, 1].map((units) => units * UNIT_BYTES),
    reserve: 0,
  }),
  async play(stage) {
    const [first, late, small] = stage.machines;
    await stage.boot([first!, small!]);
    const { sha256 } = await stage.mustPut(first!, "pulled", stage.content("pulled", UNIT_BYTES));
    await stage.rest("with two servers", { machines: [first!, small!], copies: 2 });
    late!.start();
    while (!stage.holders("pulled", sha256!).includes(late!)) await stage.sleep(20);
    const pulledMs = stage.world.nowMs;
    const { sha256: wanted } = await stage.mustPut(first!, "wanted", stage.content("wanted", 2 * UNIT_BYTES));
    while (stage.holders("pulled", sha256!).includes(late!) && stage.world.nowMs < pulledMs + 10 * YOUNG_MS) {
      await stage.sleep(100);
    }
    const keptMs = stage.world.nowMs - pulledMs;
    stage.check(keptMs > YOUNG_MS / 2, "R6", `a copy was given up ${keptMs} ms after it was pulled`);
    await stage.rest("with three servers");
    await withoutMoves(stage);
    stage.check(stage.holders("wanted", wanted!).includes(late!), "R1", "what is wanted more did not come in the end");
    await stage.judge();
  },
};
