/** A disk that returns errors: the copy stays, its server takes nothing new, and all is well once it reads again (P4). */
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

const FILES = 4;
/** Some attempts to read it again. */
const BROKEN_MS = 25_000;
const VERIFY_TIMEOUT_MS = 120_000;

export const ailing: Drill = {
  name: "ailing disk",
  rules: "P4",
  async play(stage) {
    await stage.boot();
    for (let i = 0; i < FILES; i++) await stage.mustPut(stage.machine(i % 2), `old/${i}`, stage.content("old", 3_000));
    await stage.rest("with all copies", { copies: 3 });
    const machine = stage.machine(2);
    breakReads(stage, machine, "old/1");
    await readThrough(stage, machine, "old/1"); // The first that meets it, too.
    const report = await stage.machine(0).ask(async (face) => {
      for await (const event of face.verify("old")) if (event.kind === "done") return event;
      return undefined;
    }, VERIFY_TIMEOUT_MS);
    const { unreadable, bad, missing } = report!;
    stage.check(unreadable === 1 && bad + missing === 0, "P4", `one copy cannot be read: ${JSON.stringify(report)}`);
    await stage.sleep(1_000);
    stage.check((await alarmsOf(stage, machine)) === 1, "P4", `nobody is told that the disk of ${machine.name} fails`);
    const puts = [];
    for (let i = 0; i < FILES; i++) puts.push(await stage.mustPut(stage.machine(i % 2), `new/${i}`));
    await stage.sleep(BROKEN_MS);
    const taken = puts.filter(({ path, sha256 }) => stage.holders(path, sha256!).includes(machine));
    stage.check(taken.length === 0, "P4", `${machine.name} took ${taken.length} copies while its disk returned errors`);
    const { copies } = (await stage.locate(stage.machine(0), "old/1"))!;
    stage.check(copies === 3, "P4", `a copy that cannot be read just now does not count any more: ${copies}`);
    for (const through of stage.machines) await readThrough(stage, through, "old/1");
    machine.plan = () => undefined;
    await stage.rest("with a disk that reads again", { copies: 3 });
    stage.check((await alarmsOf(stage, machine)) === 0, "P4", `the alarm of ${machine.name} does not end`);
    await stage.judge({ copies: 3 });
  },
};

function breakReads(stage: Stage, machine: Machine, path: string): void {
  stage.world.trace(`${path} cannot be read on ${machine.name}`);
  machine.plan = ({ port, method, about }) => {
    if (port !== "files" || method !== "read" || about !== path) return undefined;
    return { kind: "error", code: "io", side: "before" };
  };
}

/** Others have it, and give it to readers. */
async function readThrough(stage: Stage, machine: Machine, path: string): Promise<void> {
  const reader = stage.history.begin("reader", "get", path);
  await stage.workload(0).readAt(machine, reader);
  const found = reader.seen.get(path)?.kind ?? reader.code;
  stage.check(found === "file", "P4", `${path} is read through ${machine.name} as ${found}`);
}

/** As another server tells of them. */
async function alarmsOf(stage: Stage, machine: Machine): Promise<number> {
  const servers = await stage.servers(stage.machine(0));
  return servers.find(({ name }) => name === machine.name)!.alarms.length;
}
