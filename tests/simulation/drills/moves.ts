/** Files are moved, and nobody ever sees them without their copies, nor copies them anew (C2). */
import type { Drill, Stage } from "./stage.ts";

export const moves: Drill = {
  name: "moves",
  rules: "C2",
  async play(stage) {
    await stage.boot();
    const { sha256 } = await stage.mustPut(stage.machine(0), "a/0");
    await stage.rest("with all copies", { copies: 3 });
    for (let round = 0; round < 5; round++) {
      const [from, to] = [`${"ab"[round % 2]}/${round}`, `${"ba"[round % 2]}/${round + 1}`];
      const operation = stage.history.begin("c", "move", from, { to });
      const watching = watch(stage, from, to);
      await stage.ask(stage.random.pick(stage.machines), (face) => face.move(from, to));
      stage.history.end(operation, "acknowledged");
      await watching;
      const holders = stage.holders(to, sha256!);
      stage.check(holders.length === 3, "C2", `${holders.length} servers have the file under its new name`);
      for (const machine of stage.machines) {
        stage.check(!stage.liesIn(machine, "trash", sha256!), "C2", `${machine.name} has what was moved in its trash`);
      }
      stage.stopIfFailed();
    }
    await stage.judge({ copies: 3 });
  },
};

/** From before a move until its files have been renamed everywhere. */
async function watch(stage: Stage, from: string, to: string): Promise<void> {
  const endMs = stage.world.nowMs + 4_000;
  while (stage.world.nowMs < endMs) {
    await stage.sleep(stage.random.between(1, 60));
    const machine = stage.random.pick(stage.machines);
    const told = await stage.ask(machine, (face) => face.locate([from, to]));
    const copies = told.map((location) => location?.copies ?? 0);
    stage.check(Math.max(...copies) === 3, "C2", `${machine.name} counts ${copies} copies amid the move of ${from}`);
    stage.stopIfFailed();
  }
}
