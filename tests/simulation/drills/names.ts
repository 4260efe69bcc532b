/** Paths that a disk cannot hold, or must not (S7), and disks that are not the ones they were (S9). */
import { FsdfsError } from "../../../src/errors.ts";
import { listAll } from "../workload.ts";
import type { Drill, Stage } from "./stage.ts";

const RESERVED = [".fsdfs/identity", ".fsdfs/staged/x", ".fsdfs/trash/y", ".fsdfs/new/z", ".fsdfs/aside"];
/** Two of the names on the way are links. */
const LINKED = ["linked/a", "linked/deep/b", "song"];
const REFUSED = ["../above", "a/../../b", "a//b", ".", "a/./b", "nul\0", "x".repeat(256), "\ud800"];

/** Files whose paths lead into fsdfs's own directory, and a link that an operator planted on the way of others. */
export const names: Drill = {
  name: "names",
  rules: "S7 C12",
  async play(stage) {
    await stage.boot();
    for (const path of REFUSED) await mustRefuse(stage, path, "path-invalid");
    await stage.mustPut(stage.machine(0), "dir/file");
    await mustRefuse(stage, "dir", "is-a-directory");
    await mustRefuse(stage, "dir/file/below", "not-a-directory");
    await stage.remove(stage.machine(0), "dir/file");
    for (const machine of stage.machines) {
      const shown = await stage.ask(machine, (face) => listAll(face, ""));
      stage.check(!shown.has("dir"), "C12", `${machine.name} shows "dir", in which nothing is any more`);
    }
    await stage.mustPut(stage.machine(0), "dir");
    const linked = stage.random.pick(stage.machines);
    linked.files.plantExternally("linked", "symlink");
    linked.files.plantExternally("song", "symlink");
    for (const path of stage.random.shuffled([...RESERVED, ...LINKED, "plain"])) {
      await stage.mustPut(stage.random.pick(stage.machines), path);
    }
    await stage.sleep(3_000);
    for (const machine of stage.machines) await machine.shutdown();
    for (const machine of stage.machines) machine.start();
    await stage.rest("after a restart", { copies: 3 });
    for (const name of ["linked", "song"]) {
      const type = linked.files.tree().find((entry) => entry.name === name)?.type;
      stage.check(type === "symlink", "S7", `the link ${name} on ${linked.name} has become a ${type}`);
    }
    await readAll(stage, [...RESERVED, ...LINKED, "plain"]);
    for (const path of LINKED) {
      const put = stage.history.operations.find((operation) => operation.kind === "put" && operation.path === path);
      const isAside = stage.liesIn(linked, "side", put?.sha256 ?? "");
      stage.check(isAside, "S7", `${path} does not lie in the side area of ${linked.name}`);
    }
    stage.stopIfFailed();
  },
};

/** A disk is not mounted, and its server is started: it must not serve, nor say that its copies are gone. */
export const unmounted: Drill = {
  name: "unmounted",
  rules: "S9",
  async play(stage) {
    await stage.boot();
    const put = await stage.mustPut(stage.machine(0), "a");
    await stage.rest("with all copies", { copies: 3 });
    const machine = stage.random.pick(stage.machines);
    if (stage.random.chance(0.5)) machine.powerCut();
    else await machine.shutdown();
    const mount = machine.unmount();
    machine.start();
    const endMs = stage.world.nowMs + stage.random.between(3_000, 15_000);
    while (stage.world.nowMs < endMs) {
      await stage.sleep(50);
      stage.check(!machine.serving, "S9", `${machine.name} serves without its data directory`);
      stage.stopIfFailed();
    }
    machine.crash();
    mount();
    machine.start();
    await stage.rest("with its disk", { copies: 3 });
    stage.check(stage.holders("a", put.sha256!).length === 3, "S9", "a copy is gone");
    await stage.judge({ copies: 3 });
  },
};

async function mustRefuse(stage: Stage, path: string, wanted: string): Promise<void> {
  const machine = stage.random.pick(stage.machines);
  const code = await stage
    .ask(machine, (face) => face.put(path, oneByte()))
    .then(
      () => undefined,
      (error: unknown) => (error instanceof FsdfsError ? error.code : String(error)),
    );
  stage.check(
    code === wanted,
    wanted === "path-invalid" ? "S7" : "C12",
    `a put of ${JSON.stringify(path)} was answered with ${code}`,
  );
}

async function* oneByte(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(1);
}

async function readAll(stage: Stage, paths: readonly string[]): Promise<void> {
  const workload = stage.workload(0);
  for (const path of paths) {
    for (const machine of stage.machines) {
      const reader = stage.history.begin("reader", "get", path);
      await workload.readAt(machine, reader);
      const put = stage.history.operations.findLast((operation) => operation.kind === "put" && operation.path === path);
      const seen = reader.seen.get(path);
      stage.check(
        seen?.kind === "file" && seen.sha256 === put?.sha256,
        "S7",
        `${path} is read through ${machine.name} as ${seen?.kind ?? reader.code}`,
      );
    }
  }
}
