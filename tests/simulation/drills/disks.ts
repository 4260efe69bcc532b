/** What happens to files under fsdfs's feet: no read tells wrong bytes, and no copy is made of them (P4, S5, S8, C9). */
import type { Drill, Stage } from "./stage.ts";
import { otherBytes } from "./stage.ts";

const FILES = 6;
const MANY_FILES = 16;
/** So many may vanish and be taken for an operator's doing. */
const FEW_FILES = 10;

/** An operator's edits keep a file's size, and the server that has the file is read at once. */
export const edited: Drill = {
  name: "edited files",
  rules: "S5 S8 P4",
  async play(stage) {
    await stage.boot();
    const paths = await putSome(stage, FILES);
    await stage.rest("with all copies", { copies: 3 });
    for (let round = 0; round < 3; round++) {
      const machine = stage.random.pick(stage.machines);
      for (const { path, sha256 } of paths) {
        if (!stage.random.chance(0.6)) continue;
        const file = machine.files.tree().find(({ name }) => name === path);
        if (file === undefined) continue;
        stage.world.trace(`an operator edits ${path} on ${machine.name}`);
        stage.losses.copy(sha256);
        machine.files.writeExternally(path, otherBytes(file.content, stage.random), {
          inPlace: stage.random.chance(0.5),
        });
      }
      await readThrough(stage, machine, paths);
      await stage.rest(`after round ${round}`, { copies: 3 });
    }
    await stage.judge({ copies: 3 });
  },
};

/** While a server is away its operator puts files where new ones belong: of the right size, with wrong bytes. */
export const planted: Drill = {
  name: "planted files",
  rules: "C9 P4",
  async play(stage) {
    await stage.boot();
    const away = stage.machine(2);
    away.crash();
    await stage.sleep(4_000);
    for (let i = 0; i < FILES; i++) {
      const path = `music/${i}`;
      const content = stage.content(path, stage.random.between(1, 6_000));
      await stage.mustPut(stage.machine(stage.random.between(0, 1)), path, content);
      const isRight = stage.random.chance(0.3);
      away.files.writeExternally(path, isRight ? content.bytes : otherBytes(content.bytes, stage.random));
    }
    away.start();
    await stage.rest("after its return", { copies: 3 });
    await stage.judge({ copies: 3 });
  },
};

/** A copy rots without a trace, and a server that returns copies from it, among others. */
export const rotten: Drill = {
  name: "rotten source",
  rules: "P4",
  async play(stage) {
    await stage.boot();
    const away = stage.machine(2);
    away.crash();
    await stage.sleep(4_000);
    const puts = await putSome(stage, FILES, [0, 1]);
    await stage.sleep(2_000);
    for (const { path } of puts) {
      const source = stage.machine(stage.random.between(0, 1));
      const file = source.files.tree().find(({ name, content }) => name === path && content.length > 0);
      if (file === undefined) continue;
      stage.losses.bit(source, file.content);
      stage.world.trace(`a bit of ${path} flips on ${source.name}`);
      source.files.corrupt(path, stage.random.between(0, file.content.length * 8 - 1));
    }
    away.start();
    await stage.rest("after its return", { copies: 3 });
    await stage.judge({ copies: 3 });
  },
};

/** All files of a server are gone at once, as when a disk drops out: they may reappear, and are not all copied anew. */
export const vanished: Drill = {
  name: "vanished files",
  rules: "S8",
  async play(stage) {
    await stage.boot();
    const files = await putSome(stage, MANY_FILES);
    await stage.rest("with all copies", { copies: 3 });
    const machine = stage.random.pick(stage.machines);
    stage.world.trace(`all files of ${machine.name} vanish`);
    machine.files.removeExternally("music");
    await readThrough(stage, machine, stage.random.shuffled(files));
    await stage.sleep(stage.random.between(2_000, 10_000));
    const again = files.filter(({ path, sha256 }) => stage.holders(path, sha256).includes(machine));
    stage.check(
      again.length <= FEW_FILES,
      "S8",
      `${machine.name} has copied ${again.length} files anew that vanished all at once`,
    );
    for (const { path } of files) {
      const reader = stage.history.operations.findLast(({ kind, path: read }) => kind === "get" && read === path);
      stage.check(reader?.seen.get(path)?.kind === "file", "S8", `${path} could not be read, and others have it`);
    }
  },
};

interface PutFile {
  readonly path: string;
  readonly sha256: string;
}

async function putSome(stage: Stage, count: number, through = [0, 1, 2]): Promise<PutFile[]> {
  const files: PutFile[] = [];
  for (let i = 0; i < count; i++) {
    const path = `music/${i}`;
    const { sha256 } = await stage.mustPut(stage.machine(stage.random.pick(through)), path);
    files.push({ path, sha256: sha256! });
  }
  return files;
}

async function readThrough(stage: Stage, machine: Stage["machines"][number], files: readonly PutFile[]): Promise<void> {
  const workload = stage.workload(0);
  for (const { path } of files) await workload.readAt(machine, stage.history.begin("reader", "get", path));
}
