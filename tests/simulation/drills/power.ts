/** Drills around power: what was acknowledged is on disks, whatever they said and whenever the power goes (P3, C4, S1, S4). */
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

const ROUNDS = 4;
const FAILED_SYNC_CHANCE = 0.6;

/** All servers lose power at once, at some call of a port of one of them, amid puts. */
export const blackout: Drill = {
  name: "blackout",
  rules: "P3 S1",
  config: () => ({ latencyMs: 1 }),
  async play(stage) {
    await stage.boot();
    const workload = stage.workload(3);
    for (let round = 0; round < ROUNDS; round++) {
      const working = keepPutting(stage, workload);
      await cutPowerOfAllAtACall(stage);
      await working();
      for (const machine of stage.machines) machine.start();
      await stage.rest(`after blackout ${round}`, { copies: 3 });
    }
    await stage.judge({ copies: 3 });
  },
};

/** The power goes at the very moment of an acknowledgement, and of two servers one is away, before or for ever after. */
export const lastOneLeft: Drill = {
  name: "last one left",
  rules: "P3 P2 C4",
  config: () => ({ servers: 2, copies: 2 }),
  async play(stage) {
    await stage.boot();
    const [left, other] = stage.random.shuffled(stage.machines);
    const isAwayBefore = stage.random.chance(0.5);
    if (isAwayBefore) {
      other!.crash();
      await stage.sleep(4_000);
    }
    for (let i = stage.random.between(1, 4); i > 0; i--) {
      const machine = isAwayBefore ? left! : stage.random.pick(stage.machines);
      await stage.mustPut(machine, `music/${stage.random.between(1, 3)}`);
    }
    for (const machine of stage.machines) machine.powerCut();
    left!.start();
    await stage.rest("alone", { machines: [left!], copies: 1 });
    await stage.judge({ machines: [left!], copies: 1 });
  },
};

/** Disks fail to sync, and then the power goes: bytes that a failed sync has dropped are not there, whatever came after. */
export const failedSyncs: Drill = {
  name: "failed syncs",
  rules: "S4 P3",
  config: () => ({ latencyMs: 1 }),
  async play(stage) {
    await stage.boot();
    for (let round = 0; round < ROUNDS; round++) {
      for (const machine of stage.machines) failSyncs(stage, machine);
      for (let i = 0; i < 6; i++) {
        await stage.put(stage.random.pick(stage.machines), `f${stage.random.between(1, 4)}`);
      }
      for (const machine of stage.machines) machine.powerCut();
      for (const machine of stage.machines) machine.plan = () => undefined;
      for (const machine of stage.machines) machine.start();
      await stage.rest(`after round ${round}`, { copies: 3 });
    }
    await stage.judge({ copies: 3 });
  },
};

function failSyncs(stage: Stage, machine: Machine): void {
  machine.plan = ({ port, method, about }) => {
    if (port !== "files" || method !== "sync" || !stage.random.chance(FAILED_SYNC_CHANCE)) return undefined;
    machine.files.failSync(about);
    return { kind: "error", code: "io", side: "before" };
  };
}

/** Puts one after the other until the answer is called, which resolves when the last has ended. */
function keepPutting(stage: Stage, workload: ReturnType<Stage["workload"]>): () => Promise<void> {
  let stopped = false;
  const clients = ["p1", "p2", "p3"].map(async (client) => {
    while (!stopped) await workload.run(client, "put", `music/${stage.random.between(1, 3)}`);
  });
  return async () => {
    stopped = true;
    await Promise.all(clients);
  };
}

async function cutPowerOfAllAtACall(stage: Stage): Promise<void> {
  const { machines, random } = stage;
  const victim = random.pick(machines);
  let passes = random.between(30, 400);
  await new Promise<void>((resolve) => {
    victim.plan = () => {
      if (passes-- > 0) return undefined;
      victim.plan = () => undefined;
      stage.world.after(0, () => {
        for (const machine of machines) machine.powerCut();
        resolve();
      });
      return undefined;
    };
  });
  await stage.sleep(random.between(50, 2_000));
}
