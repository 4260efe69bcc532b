/** Catalogs that are damaged without anybody's knowing (C5), and those of two swarms that meet (C11). */
import { entryKey } from "../../../src/core/catalog/keys.ts";
import { parsePath } from "../../../src/core/paths.ts";
import type { Drill, Stage } from "./stage.ts";

/** On one server rows of the catalog become again what they were before a write, as when a disk loses it. */
export const damaged: Drill = {
  name: "damaged catalog",
  rules: "C5",
  async play(stage) {
    await stage.boot();
    const machine = stage.random.pick(stage.machines);
    const paths = Array.from({ length: 4 }, (_, i) => `music/${i}`);
    for (const path of paths) await stage.mustPut(stage.random.pick(stage.machines), path, stage.content(path, 100));
    await stage.rest("with all copies", { copies: 3 });
    const before = new Map(paths.map((path) => [path, rowOf(machine, path)]));
    for (const path of paths) await stage.mustPut(stage.random.pick(stage.machines), path, stage.content(path, 100));
    await stage.rest("after the changes", { copies: 3 });
    for (const [path, row] of before) {
      if (!stage.random.chance(0.7)) continue;
      stage.world.trace(`the catalog of ${machine.name} forgets a write to ${path}`);
      machine.catalog.damage(entryKey(parsePath(path)), row);
    }
    await stage.sleep(stage.random.between(0, 3_000));
    await stage.rest("after the damage", { copies: 3 });
    await stage.judge({ copies: 3 });
  },
};

/** Two swarms that began apart come to hear each other: with files in both neither joins; an empty one joins. */
export const strangers: Drill = {
  name: "strangers",
  rules: "C11",
  config: () => ({ discovery: true, copies: 2 }),
  async play(stage) {
    const [ours, stranger] = [stage.machines.slice(0, 2), stage.machine(2)];
    stage.swarm.cut(ours, [stranger], true);
    stranger.knowsNobody = true;
    stranger.start();
    await stage.boot(ours);
    await stage.sleep(5_000);
    const put = await stage.mustPut(stage.random.pick(ours), "ours");
    const hasFiles = stage.random.chance(0.6);
    const theirs = stage.content("theirs");
    if (hasFiles) await stage.mustPut(stranger, "theirs", theirs);
    stage.swarm.heal(ours, [stranger], "reset");
    if (!hasFiles) {
      await stage.rest("as one swarm", { copies: 3 });
      return await stage.judge({ copies: 3 });
    }
    await stage.sleep(stage.random.between(20_000, 60_000));
    for (const machine of ours) {
      const location = await stage.locate(machine, "ours");
      stage.check(location?.sha256 === put.sha256, "C11", `${machine.name} has lost its file to a strange swarm`);
      stage.check(
        (await stage.locate(machine, "theirs")) === undefined,
        "C11",
        `${machine.name} has a stranger's file`,
      );
    }
    const location = await stage.locate(stranger, "theirs");
    stage.check(location?.sha256 === theirs.sha256, "C11", "the stranger has lost its file to another swarm");
    stage.check((await stage.locate(stranger, "ours")) === undefined, "C11", "the stranger has another swarm's file");
  },
};

function rowOf(machine: Stage["machines"][number], path: string) {
  return machine.catalog.read().get(entryKey(parsePath(path)));
}
