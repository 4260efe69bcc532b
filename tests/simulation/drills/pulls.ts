/** Which copies are made, and how often it is tried (section "Placing and copying" of docs/ARCHITECTURE.md). */
import { setPolicy } from "./policy.ts";
import type { Drill } from "./stage.ts";

const FILE_BYTES = 4_000;
const FILES = 24;
const ROOMY_BYTES = 50_000_000;
/** Room for half of the files, and for no more. */
const HALF_BYTES = Math.ceil(((FILES / 2) * FILE_BYTES) / 0.98) + 1_000;
/** Both chose before either could have heard of the other: seldom. */
const TWICE_MAX = 2;
const GRACE_MS = 10_000;
/** Nobody takes more than N copies of anything but the policy. */
const NO_MORE = "export default () => 3;\nexport const prefer = ({ path }) => (path.startsWith('music/') ? 0 : 1);";
/** A pull asks each of two sources. */
const FAILING_READS = 2;
const LOOK_EVERY_MS = 100;

/** Two servers with room for half of the files each copy slowly: what one has announced the other leaves to it. */
export const announced: Drill = {
  name: "announced pulls",
  rules: "R-step 1",
  config: () => ({
    servers: 4,
    latencyMs: 1,
    // Two sources, so that neither is too busy.
    quotasBytes: [ROOMY_BYTES, ROOMY_BYTES, HALF_BYTES, HALF_BYTES],
  }),
  async play(stage) {
    const [sources, one, other] = [stage.machines.slice(0, 2), stage.machine(2), stage.machine(3)];
    await stage.boot(sources);
    const puts = [];
    for (let i = 0; i < FILES; i++) {
      puts.push(await stage.mustPut(sources[0]!, `music/${i}`, stage.content(`music/${i}`, FILE_BYTES)));
    }
    await stage.rest("with the sources' copies", { machines: sources, copies: 2 });
    for (const source of sources) source.delays.factor = 2_000;
    one.start();
    await stage.sleep(stage.random.between(2_000, 4_000));
    other.start();
    await stage.rest("with all room used");
    for (const source of sources) source.delays.factor = 1;
    const copies = puts.map(({ path, sha256 }) => stage.holders(path, sha256!).length);
    const twice = copies.filter((count) => count > 3).length;
    stage.check(
      twice <= TWICE_MAX,
      "R-step 1",
      `${twice} files were copied twice, while ${copies.filter((count) => count < 3).length} were not`,
    );
    await stage.judge();
  },
};

/** The sources' disks cannot be read: who wants copies tries again, and less and less often. */
export const backoff: Drill = {
  name: "failing pulls",
  rules: "R-step 1",
  async play(stage) {
    await stage.boot();
    const [sources, machine] = [stage.machines.slice(0, 2), stage.machine(2)];
    machine.crash();
    await stage.sleep(4_000);
    const puts = [];
    for (let i = 0; i < 3; i++) {
      puts.push(await stage.mustPut(stage.machine(0), `music/${i}`, stage.content(`music/${i}`, FILE_BYTES)));
    }
    let asked = 0;
    for (const source of sources) {
      source.plan = ({ method, about }) => {
        if (method !== "read" || !about.startsWith("music/")) return undefined;
        asked += 1;
        return { kind: "error", code: "io", side: "before" };
      };
    }
    machine.start();
    await stage.sleep(60_000);
    stage.check(asked > 0, "simulator", "nothing was tried");
    const most = puts.length * sources.length * 20;
    stage.check(asked <= most, "R-step 1", `${machine.name} asked for files ${asked} times within a minute`);
    stage.stopIfFailed();
    for (const source of sources) source.plan = () => undefined;
    await stage.rest("with disks that can be read", { copies: 3 });
    await stage.judge({ copies: 3 });
  },
};

/**
 * One copy is wanted, and who is first in the order cannot make it, which takes a while: the others, who counted on it, do not
 * all begin when it is given up.
 */
export const givenUp: Drill = {
  name: "given up pulls",
  rules: "R-step 1",
  config: () => ({ servers: 9, latencyMs: 1, graceMs: GRACE_MS }),
  async play(stage) {
    await stage.boot();
    await setPolicy(stage, stage.machine(0), NO_MORE);
    const { path, sha256 } = await stage.mustPut(stage.machine(0), "music/a", stage.content("music/a", FILE_BYTES));
    await stage.rest("with N copies", { copies: 3 });
    const holders = stage.holders(path, sha256!);
    const gone = stage.random.pick(holders);
    const sources = holders.filter((machine) => machine !== gone);
    const others = stage.machines.filter((machine) => machine !== gone);
    const isInTrash = others.some((machine) => stage.liesIn(machine, "trash", sha256!)); // It need not be pulled there.
    gone.powerCut();
    let failing = FAILING_READS;
    for (const source of sources) {
      source.delays.factor = 1_000;
      source.plan = ({ method, about }) => {
        if (method !== "read" || about !== path || failing === 0) return undefined;
        failing -= 1;
        return { kind: "error", code: "io", side: "after" };
      };
    }
    let most = 0;
    const endMs = stage.world.nowMs + 2 * GRACE_MS + 20_000;
    while (stage.world.nowMs < endMs) {
      await stage.sleep(LOOK_EVERY_MS);
      most = Math.max(most, stage.holders(path, sha256!).filter((machine) => machine !== gone).length);
    }
    for (const source of sources) source.delays.factor = 1;
    stage.check(failing < FAILING_READS || isInTrash, "simulator", "nothing was given up");
    stage.check(most <= 3, "R-step 1", `${most} servers have copied a file that wanted for one copy`);
    await stage.rest("with N copies again", { machines: others, copies: 3 });
    await stage.judge({ machines: others, copies: 3 });
  },
};
