/** A server that comes back behind the others, and is asked at once (C10, P5). */
import type { Drill, Stage } from "./stage.ts";

/** The one that wrote dies; what it wrote is to be had from a third only, and whoever is asked must not deny it. */
export const returning: Drill = {
  name: "returning",
  rules: "C10 P5",
  async play(stage) {
    const [writer, witness, late] = [stage.machine(0), stage.machine(1), stage.machine(2)];
    await stage.boot();
    await stage.mustPut(writer, "before");
    late.crash();
    await stage.sleep(4_000);
    const fromMs = stage.world.nowMs;
    const paths = Array.from({ length: stage.random.between(3, 40) }, (_, i) => `while/${i}`);
    for (const path of paths) await stage.mustPut(stage.random.chance(0.8) ? writer : witness, path);
    if (stage.random.chance(0.5)) writer.crash();
    else writer.powerCut();
    late.start();
    await askAgainAndAgain(stage, paths);
    writer.start();
    await stage.judge({ copies: 3, calms: [{ fromMs, toMs: stage.world.nowMs }] });
  },
};

/** It is slow to take in what it missed, and answers all the same: through the others (P5, C10). */
export const forwarding: Drill = {
  name: "forwarding",
  rules: "P5 C10",
  config: () => ({ latencyMs: 5 }),
  async play(stage) {
    const [writer, late] = [stage.machine(0), stage.machine(2)];
    await stage.boot();
    late.crash();
    await stage.sleep(4_000);
    const fromMs = stage.world.nowMs;
    const paths = Array.from({ length: 20 }, (_, i) => `while/${i}`);
    for (const path of paths) await stage.mustPut(writer, path);
    // Its transactions take seconds each: it is behind for long.
    late.delays.factor = 6_000;
    late.start();
    const endMs = stage.world.nowMs + 60_000;
    let asked = 0;
    while (stage.world.nowMs < endMs && asked < 25) {
      await stage.sleep(stage.random.between(100, 400));
      if (!late.serving || (await stage.ask(late, async (face) => face.health())).status !== "behind") continue;
      asked += 1;
      const path = stage.random.pick(paths);
      const reader = stage.history.begin("reader", "locate", path);
      await stage.workload(0).readAt(late, reader);
      stage.check(
        reader.outcome === "acknowledged",
        "P5",
        `${late.name} is behind and does not have others answer for it: ${reader.code}`,
      );
    }
    stage.check(asked > 0, "simulator", "it was never behind");
    late.delays.factor = 1;
    await stage.judge({ copies: 3, calms: [{ fromMs, toMs: stage.world.nowMs }] });
  },
};

async function askAgainAndAgain(stage: Stage, paths: readonly string[]): Promise<void> {
  const late = stage.machine(2);
  const endMs = stage.world.nowMs + 8_000;
  const workload = stage.workload(0);
  while (stage.world.nowMs < endMs) {
    await stage.sleep(stage.random.between(5, 60));
    if (!late.serving) continue;
    const path = stage.random.pick(paths);
    await workload.readAt(late, stage.history.begin("reader", stage.random.pick(["get", "head", "locate"]), path));
  }
}
