/** Servers are drained, two at once, amid uploads, drops and crashes: what is told to be safe to unplug is (D1, D2, P3). */
import type { Face, RemovedServer, ServerInfo } from "../../../src/server/face.ts";
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

const COPIES = 2;
const FILES = 12;
const FILE_BYTES = 10_000;
const ROOMY_BYTES = 50_000_000;
const DRAINED_WITHIN_MS = 240_000;
const DISTURBED_WITHIN_MS = 2_000;

export const draining: Drill = {
  name: "draining",
  rules: "C7 D1 D2 M3 P3",
  config: (random) => {
    const servers = random.between(4, 6);
    if (random.chance(0.4)) return { servers, copies: random.between(COPIES, 3) };
    // Those that stay have just the room for N copies of each file and some more, and copy slowly: of most files there are no
    // others than the W that were acknowledged.
    const each = Math.ceil((FILES * COPIES) / (servers - 2)) + 1;
    return { servers, copies: COPIES, quotaBytes: Math.ceil((each * FILE_BYTES) / 0.97), pullRate: FILE_BYTES };
  },
  async play(stage) {
    const isRoomy = stage.swarm.config.quotaBytes === ROOMY_BYTES;
    await stage.boot();
    for (let i = 0; i < FILES; i++) await putOne(stage, `music/${i}`);
    const [first, second, ...others] = stage.random.shuffled(stage.machines) as [Machine, Machine, ...Machine[]];
    const leaving = stage.random.chance(0.5) ? [first, second] : [first];
    const staying = leaving.length === 1 ? [second, ...others] : others;
    const workload = stage.workload(2);
    if (isRoomy) workload.start();
    await Promise.all(leaving.map((machine) => say(stage, stage.random.pick(staying), machine, true)));
    if (stage.random.chance(0.3)) await changeMind(stage, staying[0]!, first);
    for (let round = 0; round < stage.random.between(0, 3); round++) await trouble(stage, staying, leaving);
    workload.stop();
    for (const machine of stage.machines) {
      machine.resume();
      machine.start();
    }
    while (workload.active > 0) await stage.sleep(500);
    const asked = stage.random.pick(staying);
    for (const machine of leaving) {
      await untilSafe(stage, asked, machine);
      checkEmpty(stage, machine);
      if (stage.random.chance(0.5)) await remove(stage, asked, machine);
      unplug(stage, machine);
    }
    await stage.judge({ machines: staying, copies: Math.min(stage.swarm.config.copies, staying.length) });
  },
};

/** Where copies under way have taken the last room it comes a little later. */
async function putOne(stage: Stage, path: string): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const content = stage.content(path, FILE_BYTES);
    const { outcome } = await stage.put(stage.random.pick(stage.machines), path, content);
    if (outcome === "acknowledged") return;
    await stage.sleep(1_000);
  }
  stage.world.fail("liveness", `nobody takes a put of ${path}`);
  stage.stopIfFailed();
}

async function say(stage: Stage, asked: Machine, server: Machine, isDrained: boolean): Promise<void> {
  stage.world.trace(`${server.name} is ${isDrained ? "to be drained" : "to stay"}, ${asked.name} is told`);
  const change = (face: Face) => face.configureServer(server.name, { draining: isDrained });
  for (let attempt = 0; attempt < 20; attempt++) {
    const done = await stage.ask(asked, change).catch(() => undefined);
    if (done !== undefined) return;
    await stage.sleep(500);
  }
  stage.world.fail("liveness", `nobody could be told what becomes of ${server.name}`);
}

async function changeMind(stage: Stage, asked: Machine, server: Machine): Promise<void> {
  await stage.sleep(stage.random.between(0, 3_000));
  await say(stage, asked, server, false);
  await stage.sleep(stage.random.between(0, 1_000));
  await say(stage, asked, server, true);
}

/** Somebody is killed or stands still, and others drop copies, while files are given away. */
async function trouble(stage: Stage, staying: readonly Machine[], leaving: readonly Machine[]): Promise<void> {
  const { random } = stage;
  const machine = random.pick([...staying.slice(1), ...leaving]);
  const kind = random.pick(["crash", "power-cut", "stop"] as const);
  if (kind === "crash") machine.crash();
  else if (kind === "power-cut") machine.powerCut();
  else machine.stop(random.between(500, 6_000));
  const path = `music/${random.between(0, FILES - 1)}`;
  await Promise.all(staying.map((each) => stage.drop(each, path)));
  await stage.sleep(random.between(0, DISTURBED_WITHIN_MS));
  machine.start();
}

async function untilSafe(stage: Stage, asked: Machine, machine: Machine): Promise<void> {
  const end = stage.world.nowMs + DRAINED_WITHIN_MS;
  let info: ServerInfo | undefined;
  while (stage.world.nowMs < end) {
    const servers = await stage.servers(asked).catch(() => []);
    info = servers.find(({ name }) => name === machine.name);
    if (info?.drain?.safe) return stage.world.trace(`${machine.name} is safe to unplug`);
    await stage.sleep(500);
  }
  stage.world.fail("liveness", `${machine.name} is not drained: ${JSON.stringify(info?.drain)}`);
  stage.stopIfFailed();
}

/** It is told so, and takes nothing any more (X1). */
async function remove(stage: Stage, asked: Machine, machine: Machine): Promise<void> {
  const removed = await stage.ask(asked, (face) => face.removeServer(machine.name)).catch((error: unknown) => error);
  if (!isRemoved(removed)) return stage.world.fail("C7", `${machine.name} could not be removed: ${String(removed)}`);
  stage.check(removed.below === 0, "C7", `${machine.name} was removed, and ${removed.below} files suffered`);
  const late = await stage.put(machine, "late");
  stage.check(late.outcome !== "acknowledged", "C7", `${machine.name} takes a file after it was removed`);
}

function isRemoved(value: unknown): value is RemovedServer {
  return typeof value === "object" && value !== null && "below" in value;
}

function checkEmpty(stage: Stage, machine: Machine): void {
  const left = machine.files.tree().filter(({ name, type }) => type === "file" && !name.startsWith(".fsdfs/"));
  const names = left.map(({ name }) => name).join(", ");
  stage.check(left.length === 0, "D1", `${machine.name} is told to be empty, and has ${names}`);
}

/** Without a word, and its disks are gone for good. */
function unplug(stage: Stage, machine: Machine): void {
  stage.world.trace(`${machine.name} is unplugged`);
  machine.powerCut();
  machine.replaceDisks();
}
