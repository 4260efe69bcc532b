/** A server is slow to take in what others write, and is read right after an acknowledgement (M2, P5). */
import type { Drill } from "./stage.ts";

const WRITES = 30;

export const slowToLearn: Drill = {
  name: "slow to learn",
  rules: "M2 P5",
  async play(stage) {
    await stage.boot();
    await stage.mustPut(stage.machine(0), "a");
    await stage.rest("with all copies", { copies: 3 });
    const [writers, reader] = [stage.machines.slice(0, 2), stage.machine(2)];
    // Up to so many milliseconds for each of its transactions.
    reader.delays.factor = stage.random.pick([1, 100, 5_000]);
    const workload = stage.workload(0);
    const fromMs = stage.world.nowMs;
    for (let i = 0; i < WRITES; i++) {
      const path = stage.random.pick(["a", "b"]);
      if (stage.random.chance(0.7)) await stage.put(stage.random.pick(writers), path);
      else await stage.remove(stage.random.pick(writers), path);
      await stage.sleep(stage.random.pick([0, 0, 5, 200]));
      await workload.readAt(reader, stage.history.begin("reader", stage.random.pick(["head", "locate"]), path));
    }
    const toMs = stage.world.nowMs;
    reader.delays.factor = 1;
    await stage.judge({ calms: [{ fromMs, toMs }] });
  },
};
