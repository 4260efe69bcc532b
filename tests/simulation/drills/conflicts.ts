/** A path becomes a file on one side of a cut and a directory on the other (C12). */
import type { Content } from "../content.ts";
import type { Machine } from "../machine.ts";
import { listAll, readFile } from "../workload.ts";
import type { Drill, Stage } from "./stage.ts";

const CUT_MS = 5_000;
/** Until the files have moved. */
const RESOLVED_MS = 12_000;
/** Until all have met again, and none has moved anything. */
const KNOWN_MS = 1_500;

interface Found {
  readonly path: string;
  readonly content: Content;
}

/**
 * The directory stays, the file has one and the same conflict name everywhere, and under that it is like any file. One
 * that was overwritten or deleted since does not come back by it.
 */
export const conflicts: Drill = {
  name: "conflicts",
  rules: "C12",
  config: (random) => ({ servers: random.between(3, 5), copies: 3 }),
  async play(stage) {
    await stage.boot();
    const at = stage.random.between(1, stage.machines.length - 1);
    const machines = stage.random.shuffled(stage.machines);
    const [one, other] = [machines.slice(0, at), machines.slice(at)] as const;
    stage.swarm.cut(one, other, true);
    await stage.sleep(CUT_MS);
    const put = async (side: readonly Machine[], path: string): Promise<Found> => {
      const content = stage.content(path);
      await stage.mustPut(stage.random.pick(side), path, content);
      return { path, content };
    };
    const files = [await put(one, "a.ogg"), await put(other, "x/y")];
    const below = [await put(other, "a.ogg/b/c"), await put(one, "x/y/z.ogg")];
    if (stage.random.chance(0.5)) files[0] = await put(one, "a.ogg");
    stage.swarm.heal(one, other, stage.random.pick(["resume", "reset"]));
    if (stage.random.chance(0.3)) return await resolveLate(stage, files[0]!);
    if (stage.random.chance(0.3)) stage.random.pick(machines).powerCut();
    await stage.sleep(1_000);
    for (const machine of machines) machine.start();
    await stage.sleep(RESOLVED_MS);
    await stage.rest("after the cut", { copies: 3 });

    const names: string[] = [];
    for (const { path, content } of files) names.push(await conflictNameOf(stage, path, content));
    stage.stopIfFailed();
    for (const found of below) await mustRead(stage, found.path, found.content);
    await leave(stage, names, files);
  },
};

/** One server learns of the conflict, and of nothing that is done about it before it has done the same. */
async function resolveLate(stage: Stage, { content }: Found): Promise<void> {
  const [late, ...rest] = stage.random.shuffled(stage.machines);
  await stage.sleep(KNOWN_MS);
  late!.crash();
  await stage.sleep(RESOLVED_MS);
  const shown = async (machine: Machine) => {
    const all = await stage.ask(machine, (face) => listAll(face, "", true));
    return [...all].flatMap(([name, { sha256 }]) => (sha256 === content.sha256 ? [name] : []));
  };
  const [name] = await shown(rest[0]!);
  await stage.ask(rest[0]!, (face) => face.remove(name!));
  stage.swarm.cut([late!], rest, true);
  late!.start();
  await stage.sleep(RESOLVED_MS);
  stage.swarm.heal([late!], rest, "reset");
  await stage.sleep(RESOLVED_MS);
  await stage.rest("after the late one");
  for (const machine of stage.machines) {
    const names = await shown(machine);
    stage.check(names.length === 0, "C12", `${name} was deleted, and ${machine.name} shows ${names.join(", ")}`);
  }
}

/** The name under which each server shows the file that gave way; each reads it by that. */
async function conflictNameOf(stage: Stage, path: string, content: Content): Promise<string> {
  const directory = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
  const shown = new Set<string>();
  for (const machine of stage.machines) {
    const entries = await stage.ask(machine, (face) => listAll(face, directory));
    stage.check(entries.get(path)?.type === "directory", "C12", `${path} is no directory for ${machine.name}`);
    const names = [...entries].filter(([, { sha256 }]) => sha256 === content.sha256).map(([name]) => name);
    stage.check(names.length === 1, "C12", `${machine.name} shows the file that was ${path} as [${names.join(", ")}]`);
    for (const name of names) shown.add(name);
  }
  stage.check(shown.size === 1, "C12", `the file that was ${path} is shown as ${[...shown].join(" and ")}`);
  const [name = path] = shown;
  await mustRead(stage, name, content);
  stage.check(stage.holders(name, content.sha256).length >= 3, "C12", `${name} does not lie under that name`);
  return name;
}

/** It is moved and deleted like any other, and a server that was away meanwhile does not bring it back. */
async function leave(stage: Stage, [first, second]: readonly string[], [moved]: readonly Found[]): Promise<void> {
  const [away, ...rest] = stage.random.shuffled(stage.machines);
  await away!.shutdown();
  const machine = stage.random.pick(rest);
  await stage.ask(machine, (face) => face.move(first!, "moved"));
  await stage.ask(machine, (face) => face.remove(second!));
  away!.start();
  await stage.rest("after the changes", { copies: 3 });
  await mustRead(stage, "moved", moved!.content);
  for (const each of stage.machines) {
    const all = await stage.ask(each, (face) => listAll(face, "", true));
    const files = [...all].filter(([, { type }]) => type === "file").map(([name]) => name);
    stage.check(files.sort().join() === "a.ogg/b/c,moved,x/y/z.ogg", "C12", `${each.name} lists ${files.join(", ")}`);
  }
  stage.stopIfFailed();
}

async function mustRead(stage: Stage, path: string, content: Content): Promise<void> {
  for (const machine of stage.machines) {
    const seen = await stage.ask(machine, (face) => readFile(face, path, stage.swarm));
    const isRight = seen.kind === "file" && seen.sha256 === content.sha256;
    stage.check(isRight, "C12", `${path} is read through ${machine.name} as ${JSON.stringify(seen)}`);
  }
}
