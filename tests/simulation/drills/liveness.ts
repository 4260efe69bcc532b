/** Slow answers, silent servers and busy ones (M1, M3, M4). */
import type { Drill, Stage } from "./stage.ts";

/** A little under half of how old a heartbeat may be that freshness rests on: sent on time, they suffice. */
const SLOW_MS = 450;
const ANSWER_MS_MAX = 250;
const GRACE_MS = 10_000;

/** Links are slow, and readers do not notice: heartbeats go out on time, whether or not earlier ones were answered. */
export const slowAnswers: Drill = {
  name: "slow answers",
  rules: "M1",
  async play(stage) {
    await stage.boot();
    await stage.mustPut(stage.machine(0), "a");
    await stage.rest("with all copies", { copies: 3 });
    stage.swarm.setLatency(SLOW_MS);
    await stage.sleep(5_000);
    for (let i = 0; i < 100; i++) {
      await stage.sleep(stage.random.between(20, 200));
      const machine = stage.random.pick(stage.machines);
      const startMs = stage.world.nowMs;
      const location = await stage.locate(machine, "a").catch(() => undefined);
      const tookMs = stage.world.nowMs - startMs;
      const states = location?.servers.map(({ state }) => state).join(" ");
      stage.check(states === "up up up", "M1", `${machine.name} counts the holders as ${states}`);
      stage.check(tookMs <= ANSWER_MS_MAX, "M1", `${machine.name} needed ${tookMs.toFixed(0)} ms to answer a reader`);
      stage.stopIfFailed();
    }
  },
};

/** A server is silent: it counts for the grace period and no longer, and at once when it is back. */
export const silent: Drill = {
  name: "silent server",
  rules: "M3 S6",
  config: () => ({ servers: 4, graceMs: GRACE_MS, latencyMs: 1 }),
  async play(stage) {
    await stage.boot();
    await stage.mustPut(stage.random.pick(stage.machines), "a");
    await stage.rest("with all copies", { copies: 4 });
    const gone = stage.random.pick(stage.machines);
    const others = stage.machines.filter((machine) => machine !== gone);
    gone.powerCut();
    await stage.sleep(stage.random.between(4_000, 8_000));
    await mustCount(stage, others, gone.name, "down", 4);
    for (const machine of others) {
      const last = (await stage.locate(machine, "a"))?.servers.at(-1);
      stage.check(last?.name === gone.name, "S6", `${machine.name} names ${last?.name} last, and ${gone.name} is down`);
    }
    await stage.sleep(GRACE_MS);
    await mustCount(stage, others, gone.name, "absent", 3);
    if (stage.random.chance(0.5)) {
      const restarted = others[0]!;
      await restarted.shutdown();
      restarted.start();
      await stage.sleep(4_000);
      await mustCount(stage, others, gone.name, "absent", 3);
    }
    gone.start();
    await stage.rest("when it is back");
    await mustCount(stage, stage.machines, gone.name, "up", 4);
    await stage.judge({ copies: 4 });
  },
};

/** A server is busy when it comes back: it begins no pull before its load is lower. */
export const busy: Drill = {
  name: "busy server",
  rules: "M4",
  async play(stage) {
    await stage.boot();
    const machine = stage.machine(2);
    machine.crash();
    await stage.sleep(4_000);
    const puts = [];
    for (let i = 0; i < 4; i++) puts.push(await stage.mustPut(stage.machine(i % 2), `music/${i}`));
    machine.load = 0.81 + stage.random.fraction() * 0.19;
    machine.start();
    const endMs = stage.world.nowMs + stage.random.between(5_000, 20_000);
    while (stage.world.nowMs < endMs) {
      await stage.sleep(200);
      const has = puts.filter(({ path, sha256 }) => stage.holders(path, sha256!).includes(machine));
      stage.check(has.length === 0, "M4", `${machine.name} pulls under a load of ${machine.load}`);
      stage.stopIfFailed();
    }
    machine.load = stage.random.fraction() * 0.8;
    await stage.rest("when it is idle again", { copies: 3 });
    await stage.judge({ copies: 3 });
  },
};

async function mustCount(
  stage: Stage,
  machines: Stage["machines"],
  name: string,
  state: string,
  copies: number,
): Promise<void> {
  for (const machine of machines) {
    const told = (await stage.servers(machine)).find((server) => server.name === name)?.state;
    stage.check(told === state, "M3", `${machine.name} says that ${name} is ${told}, and it should be ${state}`);
    const location = await stage.locate(machine, "a");
    stage.check(location?.copies === copies, "M3", `${machine.name} counts ${location?.copies} copies of ${copies}`);
  }
  stage.stopIfFailed();
}
