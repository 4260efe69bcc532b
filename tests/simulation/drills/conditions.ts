/** Conditions are decided at different servers, while servers join on both sides of a cut, crash and stand still (C14). */
import { ConditionalClients } from "../conditional.ts";
import type { Machine } from "../machine.ts";
import { SeededRandom } from "../random.ts";
import type { Drill, Stage } from "./stage.ts";

const WORK_MS = 3_000;
const CUT_MS = 6_000;
const DISTURBANCES = 4;
/** Until servers that have just joined may decide what they own. */
const SEATED_LIMIT_MS = 10_000;
/** So many that each of the servers owns some. */
const PATHS = 12;

/** Many clients change the same two files; two servers join while the others cannot hear each other. */
export const conditions: Drill = {
  name: "conditions",
  rules: "C14",
  config: () => ({ servers: 5 }),
  async play(stage) {
    const [one, two, three, left, right] = stage.machines as [Machine, Machine, Machine, Machine, Machine];
    await stage.boot([one, two, three]);
    const random = SeededRandom.of(stage.world.seed, "conditional");
    const clients = new ConditionalClients(stage.swarm, stage.history, random, {
      clients: 4,
      pauseMs: { low: 1, high: 40 },
    });
    const calmFromMs = stage.world.nowMs;
    clients.start();
    await stage.sleep(WORK_MS);
    const calms = [{ fromMs: calmFromMs, toMs: stage.world.nowMs }];
    const sides = stage.random.chance(0.5) ? ([[one], [two, three]] as const) : ([[one, two], [three]] as const);
    const cut = [
      [...sides[0], left],
      [...sides[1], right],
    ] as const;
    stage.swarm.cut(cut[0], cut[1], true);
    await stage.sleep(stage.random.between(0, CUT_MS));
    left.start();
    right.start();
    await stage.sleep(CUT_MS);
    stage.swarm.heal(cut[0], cut[1], stage.random.pick(["resume", "reset"]));
    for (let i = 0; i < DISTURBANCES; i++) await disturb(stage);
    clients.stop();
    while (clients.workload.active > 0) await stage.sleep(100);
    for (const machine of stage.machines) machine.start();
    await stage.rest("with all of them");
    await checkAllDecide(stage, clients);
    await checkRepeated(stage);
    await stage.judge({ calms });
  },
};

async function disturb(stage: Stage): Promise<void> {
  const { random, machines } = stage;
  const machine = random.pick(machines);
  const kind = random.pick(["crash", "power-cut", "stop"] as const);
  if (kind === "crash") machine.crash();
  else if (kind === "power-cut") machine.powerCut();
  else machine.stop(random.between(500, 6_000));
  await stage.sleep(random.between(100, 3_000));
  machine.start();
}

/** Whoever owns a path: with every server there, its conditions are decided. */
async function checkAllDecide(stage: Stage, { workload }: ConditionalClients): Promise<void> {
  const deadlineMs = stage.world.nowMs + SEATED_LIMIT_MS;
  for (let i = 0; i < PATHS; i++) {
    const path = `decided/${i}`;
    const settles = ["acknowledged", "precondition-failed"];
    let put = await workload.runIf("last", "put", path, "nothing");
    while (!settles.includes(put.code ?? put.outcome) && stage.world.nowMs < deadlineMs) {
      put = await workload.runIf("last", "put", path, "nothing");
    }
    stage.check(settles.includes(put.code ?? put.outcome), "liveness", `nobody decides about ${path}: ${put.code}`);
    const again = await workload.runIf("last", "put", path, "nothing");
    stage.check(again.code === "precondition-failed", "C14", `a second ${path} was answered with ${again.code}`);
  }
}

/** Who did not hear the answer asks again, elsewhere, and is told what came of it, though it was replaced since. */
async function checkRepeated(stage: Stage): Promise<void> {
  const path = "repeated";
  const [one, two, three] = stage.random.shuffled(stage.machines) as [Machine, Machine, Machine];
  const content = stage.content(path);
  const wish = { requestId: "asked twice", conditions: { ifNoneMatch: "*" } } as const;
  const first = await stage.put(one, path, content, wish);
  await stage.put(two, path, stage.content(path), { conditions: { ifMatch: [String(first.version)] } });
  const again = await stage.put(three, path, content, wish);
  const told = `${again.outcome} ${again.version ?? again.code}`;
  stage.check(again.version === first.version, "C14", `${first.version} is told, on a repeated request, as ${told}`);
}
