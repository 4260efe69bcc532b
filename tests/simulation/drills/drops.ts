/** Copies are given up, by many at once, and while copies vanish: enough of them are left, and none is destroyed (D1 to D4). */
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

/** N. */
const COPIES = 2;
const DISTURBED_WITHIN_MS = 200;

/** Every server is told to drop every file, one after the other or all together, some being killed or stopped amid it. */
export const drops: Drill = {
  name: "drops",
  rules: "D1 D3",
  config: (random) => ({ servers: random.between(3, 5), copies: COPIES }),
  async play(stage) {
    const files = await prepare(stage, 4);
    for (let round = 0; round < 6; round++) {
      const { path, sha256 } = stage.random.pick(files);
      const together = stage.random.chance(0.7);
      if (stage.random.chance(0.3)) disturb(stage, stage.random.pick(stage.machines));
      const asked = stage.random.shuffled(stage.machines).map(async (machine) => {
        await stage.sleep(together ? stage.random.between(0, 30) : stage.random.between(0, 3_000));
        await stage.drop(machine, path);
      });
      await Promise.all(asked);
      checkLeft(stage, path, sha256, COPIES);
      stage.stopIfFailed();
      await stage.sleep(DISTURBED_WITHIN_MS);
      for (const machine of stage.machines) machine.start();
    }
    await stage.sleep(2_000);
    await stage.judge({ copies: COPIES });
  },
};

/** A server is killed when the file of a copy that it drops is in the trash, and nothing says so yet: it is a copy still (D4). */
export const cutDrops: Drill = {
  name: "cut drops",
  rules: "D4 S3",
  config: () => ({ copies: COPIES }),
  async play(stage) {
    for (const { path, sha256 } of await prepare(stage, 3)) {
      const machine = stage.random.pick(stage.machines);
      machine.plan = ({ method, about }) => {
        if (method !== "rename" || !about.includes(" to .fsdfs/trash/")) return undefined;
        machine.plan = () => undefined;
        return { kind: "crash", side: "after" };
      };
      await stage.drop(machine, path);
      stage.check(stage.liesIn(machine, "trash", sha256), "simulator", `${machine.name} was not killed in time`);
      machine.start();
      await stage.rest("after it was killed", { copies: stage.machines.length });
      await stage.workload(0).readAt(machine, stage.history.begin("reader", "get", path));
      const copies = await stage.ask(machine, async (face) => (await face.locate([path]))[0]?.copies);
      stage.check(
        copies === stage.machines.length,
        "D4",
        `${machine.name} says ${copies} copies of ${path}, and nobody gave one up`,
      );
      stage.check(
        !stage.liesIn(machine, "trash", sha256),
        "D4",
        `${path} is a copy, and lies in the trash of ${machine.name}`,
      );
      stage.stopIfFailed();
    }
    await stage.judge({ copies: COPIES });
  },
};

/** Files vanish, or are changed, on other servers before a copy is dropped: nobody promises what is not on the disk. */
export const emptyPromises: Drill = {
  name: "empty promises",
  rules: "D2",
  config: () => ({ servers: 4, copies: COPIES }),
  async play(stage) {
    const files = await prepare(stage, 5);
    for (const { path, sha256 } of files) {
      const [dropping, ...others] = stage.random.shuffled(stage.machines);
      for (const machine of others.slice(0, 2)) {
        stage.world.trace(`an operator takes ${path} from ${machine.name}`);
        stage.losses.copy(sha256);
        if (stage.random.chance(0.5)) machine.files.removeExternally(path);
        else machine.files.writeExternally(path, stage.content("an operator's").bytes);
      }
      await stage.drop(dropping!, path);
      checkLeft(stage, path, sha256, COPIES);
      stage.stopIfFailed();
    }
    await stage.judge({ copies: COPIES });
  },
};

/** What was dropped, deleted or overwritten lies in the trash, whole, until its room is wanted (D4, S2). */
export const toTheTrash: Drill = {
  name: "to the trash",
  rules: "D4 S2",
  config: () => ({ copies: COPIES }),
  async play(stage) {
    const [dropped, deleted, overwritten] = await prepare(stage, 3);
    const machine = stage.random.pick(stage.machines);
    const answer = await stage.drop(machine, dropped!.path);
    stage.check(answer === undefined, "D1", `a copy too many could not be dropped: ${answer}`);
    checkTrash(stage, machine, "dropped", dropped!.sha256);
    stage.check(
      !stage.holders(dropped!.path, dropped!.sha256).includes(machine),
      "D4",
      "what was dropped is still there",
    );
    await stage.remove(machine, deleted!.path);
    await stage.mustPut(machine, overwritten!.path);
    await stage.rest("after the changes");
    for (const each of stage.machines) {
      checkTrash(stage, each, "deleted", deleted!.sha256);
      checkTrash(stage, each, "overwritten", overwritten!.sha256);
    }
    await stage.judge({ copies: COPIES });
  },
};

interface PutFile {
  readonly path: string;
  readonly sha256: string;
}

/** Files that every server has a copy of. */
async function prepare(stage: Stage, count: number): Promise<PutFile[]> {
  await stage.boot();
  const files: PutFile[] = [];
  for (let i = 0; i < count; i++) {
    const path = `music/${i}`;
    const { sha256 } = await stage.mustPut(stage.random.pick(stage.machines), path);
    files.push({ path, sha256: sha256! });
  }
  await stage.rest("with all copies", { copies: stage.machines.length });
  return files;
}

/** Disks of machines that are down count: what lies on them is not lost. */
function checkLeft(stage: Stage, path: string, sha256: string, wanted: number): void {
  const left = stage.holders(path, sha256);
  const names = left.map(({ name }) => name).join(", ");
  stage.check(left.length >= wanted, "D1", `${path} is left on ${left.length} disks of ${wanted}: ${names}`);
}

function checkTrash(stage: Stage, machine: Machine, what: string, sha256: string): void {
  stage.check(
    stage.liesIn(machine, "trash", sha256),
    "S2",
    `${machine.name} does not have in its trash what was ${what}`,
  );
}

function disturb(stage: Stage, machine: Machine): void {
  const { random } = stage;
  const kind = random.pick(["crash", "power-cut", "stop"] as const);
  stage.world.after(random.between(0, DISTURBED_WITHIN_MS), () => {
    if (kind === "crash") machine.crash();
    else if (kind === "power-cut") machine.powerCut();
    else machine.stop(random.between(500, 6_000));
  });
}
