/** What users may want back (S2, P5), and what they want gone. */
import { FsdfsError } from "../../../src/errors.ts";
import type { Machine } from "../machine.ts";
import { allTrash, readFile } from "../workload.ts";
import type { Drill, Stage } from "./stage.ts";

/** Longer than a write may take to be known everywhere without being late. */
const CUT_MS = 15_000;

/**
 * Both sides of a cut write one path. The loser is listed as lost by every server, and comes back with its own bytes, also
 * when one server's trash has rotten.
 */
export const lostInACut: Drill = {
  name: "lost in a cut",
  rules: "S2 P4 P5",
  config: (random) => ({ servers: random.between(3, 5) }),
  async play(stage) {
    await stage.boot();
    const machines = stage.random.shuffled(stage.machines);
    const at = stage.random.between(1, machines.length - 1);
    const [one, other] = [machines.slice(0, at), machines.slice(at)] as const;
    stage.swarm.cut(one, other, true);
    await stage.sleep(CUT_MS);
    const loser = await stage.mustPut(stage.random.pick(one), "a.ogg");
    await stage.sleep(1_000);
    const winner = await stage.mustPut(stage.random.pick(other), "a.ogg");
    await stage.sleep(CUT_MS);
    stage.swarm.heal(one, other, stage.random.pick(["resume", "reset"]));
    await stage.rest("after the cut", { copies: Math.min(3, machines.length) });

    for (const machine of stage.machines) {
      const [found, ...more] = await stage.ask(machine, (face) => allTrash(face));
      const isIt = more.length === 0 && found?.version === loser.version && found?.reason === "lost";
      stage.check(isIt, "P5", `${machine.name} lists ${JSON.stringify(found)} as what was lost`);
    }
    stage.stopIfFailed();
    if (one.length > 1 && stage.random.chance(0.5)) rotTrash(stage, stage.random.pick(one));
    await restore(stage, { version: loser.version!, to: "b.ogg" });
    await mustBe(stage, "b.ogg", loser.sha256!);
    await mustBe(stage, "a.ogg", winner.sha256!);
    await restore(stage, { version: loser.version!, to: "a.ogg", overwrite: true }, "trash-not-found");
    await stage.judge({ copies: Math.min(3, machines.length) });
  },
};

/** What is deleted forever lies in no trash, whoever was down, stopped or fell meanwhile; what was not meant lies there still. */
export const goneForGood: Drill = {
  name: "gone for good",
  rules: "S2",
  async play(stage) {
    await stage.boot();
    const [first, second] = stage.random.shuffled(stage.machines) as [Machine, Machine];
    const before = await stage.mustPut(first, "a");
    const after = await stage.mustPut(first, "a");
    const usual = await stage.mustPut(first, "b");
    await stage.rest("with all copies", { copies: 3 });
    if (stage.random.chance(0.5)) await stage.drop(first, "a");
    if (stage.random.chance(0.7)) second.crash();
    await stage.sleep(4_000);
    const deletion = stage.history.begin("c", "remove", "a");
    await stage.ask(first, (face) => face.remove("a", { forever: true }));
    stage.history.end(deletion, "acknowledged");
    await stage.remove(first, "b");
    const then = stage.random.pick(["power-cut", "put", "nothing"] as const);
    if (then === "power-cut") first.powerCut();
    if (then === "put") await stage.mustPut(first, "a");
    await stage.sleep(stage.random.between(0, 500));
    for (const machine of stage.machines) machine.start();
    await stage.rest("when all are back");
    for (const machine of stage.machines) {
      const isKept = stage.liesIn(machine, "trash", after.sha256!);
      stage.check(!isKept, "S2", `${machine.name} has in its trash what was deleted forever`);
      const found = await stage.ask(machine, (face) => allTrash(face));
      const versions = found.map(({ version }) => version);
      const wanted = [before.version, usual.version].every((version) => versions.includes(version!));
      stage.check(wanted && versions.length === 2, "S2", `${machine.name} lists ${versions.join(", ")}`);
    }
    await stage.judge();
  },
};

const QUOTA_BYTES = 60_000;

/** Free quota is for copies beyond N, but what users deleted does not make way for them (P6, S2). */
export const trashAndCopies: Drill = {
  name: "trash and copies",
  rules: "S2 P6",
  config: () => ({ copies: 2, quotaBytes: QUOTA_BYTES }),
  async play(stage) {
    await stage.boot();
    const put = (path: string, bytes: number) =>
      stage.mustPut(stage.random.pick(stage.machines), path, stage.content(path, bytes));
    const deleted = await put("deleted", 20_000);
    await put("b", 12_000);
    await put("c", 12_000);
    await stage.rest("with all copies", { copies: 3 });
    await stage.remove(stage.random.pick(stage.machines), "deleted");
    await put("d", 12_000);
    await stage.rest("with one more file", { copies: 3 });
    await put("e", 3_000);
    await stage.rest("with one that has no room beside the trash");
    const [found] = await stage.ask(stage.machine(0), (face) => allTrash(face));
    const isKept = found?.version === deleted.version && found?.servers.length === stage.machines.length;
    stage.check(isKept, "S2", `of what was deleted ${found?.servers.join(", ")} have a copy in the trash`);
    await restore(stage, { path: "deleted" });
    await mustBe(stage, "deleted", deleted.sha256!);
    await stage.judge();
  },
};

type Wish = { readonly path?: string; readonly version?: string; readonly to?: string; readonly overwrite?: boolean };

async function restore(stage: Stage, wish: Wish, refusal?: string): Promise<void> {
  const operation = stage.history.begin("c", "restore", wish.to ?? wish.path!);
  const machine = stage.random.pick(stage.machines);
  operation.server = machine.name;
  let code: string | undefined;
  try {
    operation.restored = (await stage.ask(machine, (face) => face.restore(wish))).sha256;
  } catch (error) {
    code = error instanceof FsdfsError ? error.code : String(error);
  }
  stage.history.end(operation, code === undefined ? "acknowledged" : "failed", code);
  stage.check(code === refusal, "S2", `${machine.name} answered ${code} to ${JSON.stringify(wish)}`);
  stage.stopIfFailed();
}

async function mustBe(stage: Stage, path: string, sha256: string): Promise<void> {
  for (const machine of stage.machines) {
    const seen = await stage.ask(machine, (face) => readFile(face, path, stage.swarm));
    stage.check(seen.kind === "file" && seen.sha256 === sha256, "P4", `${machine.name} reads ${path} otherwise`);
  }
}

/** Bits flip in all that lies in a machine's trash. */
function rotTrash(stage: Stage, machine: Machine): void {
  for (const { name, type, content } of machine.files.tree()) {
    if (type !== "file" || !name.startsWith(".fsdfs/trash/") || content.length === 0) continue;
    machine.files.corrupt(name, stage.random.between(0, 8 * content.length - 1));
  }
}
