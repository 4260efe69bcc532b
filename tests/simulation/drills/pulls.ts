/** Which copies are made, and how often it is tried (section "Placing and copying" of docs/ARCHITECTURE.md). */
import type { Drill } from "./stage.ts";

const FILE_BYTES = 4_000;
const FILES = 24;
const ROOMY_BYTES = 50_000_000;
/** Room for half of the files, and for no more. */
const HALF_BYTES = Math.ceil(((FILES / 2) * FILE_BYTES) / 0.98) + 1_000;
/** Both chose before either could have heard of the other: seldom. */
const TWICE_MAX = 2;

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
