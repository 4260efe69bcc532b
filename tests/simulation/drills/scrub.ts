/** Copies that rot without a trace in a swarm that lives: a scrub finds them all, none is spread, and all are made whole (P4). */

import { sha256Of } from "../content.ts";
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

const FILES = 8;
const CYCLE_MS = 60_000;
/** Of each copy, while another of the file stays good. */
const ROT_CHANCE = 0.5;

/** While the swarm works and a server comes to copy from the others, one scrub of each goes over what has rotted. */
export const scrubbed: Drill = {
  name: "scrub",
  rules: "P4",
  config: () => ({ servers: 4, copies: 4, scrubMs: CYCLE_MS }),
  async play(stage) {
    await stage.boot();
    const away = stage.machine(3);
    away.crash();
    await stage.sleep(4_000);
    const files = await putSome(stage);
    await stage.rest("with three copies", { machines: stage.machines.slice(0, 3), copies: 3 });
    rot(stage, files, stage.machines.slice(0, 3));
    away.start();
    const workload = stage.workload(2);
    workload.start();
    await stage.sleep(stage.random.between(1_000, 20_000));
    workload.stop();
    if (stage.random.chance(0.5)) stage.random.pick(stage.machines).crash();
    await stage.sleep(1_000);
    for (const machine of stage.machines) machine.start();
    await stage.sleep(2 * CYCLE_MS + 10_000);
    await stage.rest("after a scrub", { copies: 4 });
    allAreRight(stage, files);
    for (const { self, name, scrub } of await stage.servers(stage.machine(0))) {
      if (self) stage.check(scrub?.ended != null, "P4", `the scrub of ${name} has not come to its end`);
    }
    await stage.judge({ copies: 4 });
  },
};

/** What a verify tells is what has rotted, whatever clients do meanwhile. */
export const verified: Drill = {
  name: "verify",
  rules: "P4",
  config: () => ({ servers: 3, copies: 3 }),
  async play(stage) {
    await stage.boot();
    const files = await putSome(stage);
    await stage.rest("with all copies", { copies: 3 });
    // Of two of a file the second may be found by who copies from it, to repair the first.
    const rotten = rot(stage, files, stage.machines, 1);
    const workload = stage.workload(2);
    workload.start();
    const asked = stage.random.pick(stage.machines);
    const report = await asked.ask(async (face) => {
      for await (const event of face.verify("")) if (event.kind === "done") return event;
      return undefined;
    }, VERIFY_TIMEOUT_MS);
    workload.stop();
    stage.world.trace(JSON.stringify(report));
    const { bad = 0, missing = 0, unreadable = 0, repaired = 0, lost = 0 } = report ?? {};
    stage.check(
      bad === rotten && missing + unreadable + lost === 0,
      "P4",
      `${rotten} copies have rotted, and a verify tells of ${bad} bad, ${missing} missing, ${unreadable} unreadable, ${lost} lost`,
    );
    stage.check(repaired === bad, "P4", `of ${bad} bad copies ${repaired} were repaired while others are good`);
    await stage.rest("after the verify", { copies: 3 });
    allAreRight(stage, files);
    await stage.judge({ copies: 3 });
  },
};

const VERIFY_TIMEOUT_MS = 120_000;

interface PutFile {
  readonly path: string;
  readonly sha256: string;
}

/** Below a directory that the workload does not know, and none of them empty. */
async function putSome(stage: Stage): Promise<PutFile[]> {
  const files: PutFile[] = [];
  for (let i = 0; i < FILES; i++) {
    const path = `kept/${i}`;
    const content = stage.content(path, stage.random.between(100, 6_000));
    await stage.mustPut(stage.machine(stage.random.between(0, 2)), path, content);
    files.push({ path, sha256: content.sha256 });
  }
  return files;
}

/** Flips a bit in many copies, `most` of each file; one at least of it stays good. Answers how many have rotted. */
function rot(
  stage: Stage,
  files: readonly PutFile[],
  machines: readonly Machine[],
  most = machines.length - 1,
): number {
  let rotten = 0;
  for (const { path } of files) {
    const [, ...some] = stage.random.shuffled(machines);
    for (const machine of some.slice(0, most)) {
      const file = machine.files.tree().find(({ name }) => name === path);
      if (file === undefined || !stage.random.chance(ROT_CHANCE)) continue;
      stage.losses.bit(machine, file.content);
      stage.world.trace(`a bit of ${path} flips on ${machine.name}`);
      machine.files.corrupt(path, stage.random.between(0, file.content.length * 8 - 1));
      rotten += 1;
    }
  }
  return rotten;
}

function allAreRight(stage: Stage, files: readonly PutFile[]): void {
  for (const machine of stage.machines) {
    const tree = new Map(machine.files.tree().map(({ name, content }) => [name, content]));
    for (const { path, sha256 } of files) {
      const content = tree.get(path);
      const state = content === undefined ? "missing" : sha256Of(content) === sha256 ? "right" : "wrong";
      stage.check(state === "right", "P4", `the copy of ${path} on ${machine.name} is ${state} after a scrub`);
    }
  }
}
