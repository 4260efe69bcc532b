/** The server that began a merge is gone, or cut off from its own swarm, at any moment of its beginning (C11, J1, J2). */
import type { Machine } from "../machine.ts";
import { SWARM_PORT } from "../machine.ts";
import { checkAll, merge, twoSwarms, write } from "./merging.ts";
import type { Drill, Stage } from "./stage.ts";

/** A minute until the others end it, and what they need to notice and to know. */
const DECIDED_LIMIT_MS = 80_000;
const PHASE_LIMIT_MS = 30_000;

export const abandonedMerge: Drill = {
  name: "abandoned merge",
  rules: "C11",
  config: () => ({ servers: 5, copies: 2 }),
  async play(stage) {
    const { hosts, guests, wanted, losers } = await twoSwarms(stage);
    const beginner = stage.random.pick(guests);
    const others = guests.filter((machine) => machine !== beginner);
    const writing = { over: false };
    const writers = [write(stage, hosts, "host", wanted, writing), write(stage, others, "guest", wanted, writing)];
    await begin(stage, beginner, hosts[0]!);
    const isCut = stage.random.chance(0.6);
    if (isCut) stage.swarm.cut([beginner], others, stage.random.chance(0.7));
    else beginner.crash();
    await stage.sleep(DECIDED_LIMIT_MS);
    await checkTakesWrites(stage, others);
    if (isCut) stage.swarm.heal([beginner], others, "reset");
    else beginner.start();
    await stage.sleep(stage.random.between(0, 5_000));
    await merge(stage, hosts[0]!, guests);
    writing.over = true;
    await Promise.all(writers);
    await stage.rest("as one swarm", { copies: 2 });
    await checkAll(stage, wanted, losers);
    stage.stopIfFailed();
  },
};

/** Begins a merge, and waits until the one that began it is in some phase, and a moment longer. */
async function begin(stage: Stage, beginner: Machine, host: Machine): Promise<void> {
  const phase = stage.random.pick(["frozen", "offering"]);
  void stage.ask(beginner, (face) => face.merge(`${host.host}:${SWARM_PORT}`)).catch(() => undefined);
  const deadlineMs = stage.world.nowMs + PHASE_LIMIT_MS;
  while ((await stage.ask(beginner, (face) => face.mergeState())).phase !== phase) {
    if (stage.world.nowMs > deadlineMs) return;
    await stage.sleep(0.2);
  }
  if (stage.random.chance(0.5)) await stage.sleep(stage.random.between(0, 3_000));
}

/** Each of them, as a server of its own swarm again or of the host's. */
async function checkTakesWrites(stage: Stage, machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) {
    const { outcome, code } = await stage.put(machine, `after/${machine.name}`);
    stage.check(outcome === "acknowledged", "C11", `${machine.name} takes no writes without who began: ${code}`);
  }
}
