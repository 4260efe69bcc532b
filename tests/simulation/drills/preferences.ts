/**
 * Where files should rather be, by the policy's `prefer` (R5): what has no place somewhere leaves it once N others hold it, and
 * comes back for want of others only; what is alike otherwise goes where it is preferred; and all of it ends.
 */
import { POLICY_PATH } from "../../../src/core/policy/mark.ts";
import type { Machine } from "../machine.ts";
import type { Shuns } from "../oracles/moves.ts";
import { withoutMoves } from "../without-moves.ts";
import { adoptAll, CopyWatch, unchangedFor } from "./full-disks-watch.ts";
import { setPolicy } from "./policy.ts";
import type { Drill, Stage } from "./stage.ts";

const COPIES = 2;
const PLACES = ["a", "b", "c"];
const SIZE_BYTES = { low: 500, high: 5_000 };
const ROOMY_BYTES = 50_000_000;
/** Of a server: some disks are full, some are not. */
const TIGHT_BYTES = { low: 12_000, high: 45_000 };
const GRACE_MS = 10_000;
/** A server is away for so long that it counts as absent, or not. */
const AWAY_MS = { low: 3_000, high: 30_000 };
const QUIET_MS = 60_000;
const QUIET_LOOKS_MAX = 8;

/** Weights by the first letter of a path and the name of a server. */
type Weights = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const preferences: Drill = {
  name: "preferences",
  rules: "R5 P6 D1",
  config(random) {
    const isTight = random.chance(0.5);
    const quotasBytes = Array.from({ length: 4 }, () =>
      isTight ? random.between(TIGHT_BYTES.low, TIGHT_BYTES.high) : ROOMY_BYTES,
    );
    return { servers: 4, copies: COPIES, writeCopies: random.pick([1, 2]), quotasBytes, graceMs: GRACE_MS, reserve: 0 };
  },
  async play(stage) {
    const { random, machines } = stage;
    await stage.boot();
    const watch = new CopyWatch(stage, 1);
    watch.start();
    watch.forget(POLICY_PATH); // It is replaced.
    await putSome(stage, machines, 4);
    const first = await prefer(stage, machines);
    await putSome(stage, machines, 6);
    await settled(stage, machines, first);

    // One is away: its copies do not count after a while, and others take them, shunned or not.
    const away = random.pick(machines);
    const others = machines.filter((machine) => machine !== away);
    if (random.chance(0.5)) away.crash();
    else away.powerCut();
    await putSome(stage, others, 2);
    await stage.sleep(random.between(AWAY_MS.low, AWAY_MS.high));
    if (random.chance(0.5)) await settled(stage, others, first);
    const second = random.chance(0.5) ? await prefer(stage, others) : first;
    away.start();
    await putSome(stage, others, 2);
    await settled(stage, machines, second);
    watch.stop();
    await stage.judge();
  },
};

async function putSome(stage: Stage, machines: readonly Machine[], count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const path = `${stage.random.pick(PLACES)}/${stage.history.operations.length}`;
    const content = stage.content(path, stage.random.between(SIZE_BYTES.low, SIZE_BYTES.high));
    await stage.put(stage.random.pick(machines), path, content); // It may be refused for want of room.
  }
}

/** Puts weights in force that are drawn. */
async function prefer(stage: Stage, machines: readonly Machine[]): Promise<Shuns> {
  const weights: Weights = Object.fromEntries(
    PLACES.map((place) => [
      place,
      Object.fromEntries(stage.machines.map(({ name }) => [name, stage.random.pick([0, 0, 1, 1, 3])])),
    ]),
  );
  const text = `export default () => ${COPIES};
export const prefer = ({ path }, { name }) => (${JSON.stringify(weights)})[path[0]][name];`;
  await setPolicy(stage, stage.random.pick(machines), text);
  return (server, path) => weights[path[0]!]?.[server] === 0;
}

/** At rest, nothing left to do and nothing where it has no place, and after a while nothing goes on. */
async function settled(stage: Stage, machines: readonly Machine[], shuns: Shuns): Promise<void> {
  await stage.rest("with preferences", { machines });
  let looks = 0;
  while (looks < QUIET_LOOKS_MAX && !(await unchangedFor(stage, QUIET_MS, machines))) looks += 1;
  stage.check(looks < QUIET_LOOKS_MAX, "R5", "copies are made and given up for ever");
  stage.stopIfFailed();
  const { swarm, history, losses } = stage;
  await withoutMoves({ swarm, history, losses, machines, shuns });
  stage.stopIfFailed();
}

const UNIT_BYTES = 4_000;
const PAIRS = [
  ["s1", "s2"],
  ["s3", "s4"],
] as const;
const FILES_OF_PAIR = 4;
/** By it a file should rather be on servers whose names are in its path. */
const BY_NAME = "export default () => 2;\nexport const prefer = ({ path }, { name }) => (path.includes(name) ? 2 : 1);";
const COPIED_MS = 20_000;

async function preferByName(stage: Stage): Promise<void> {
  await stage.boot();
  for (const machine of stage.machines) machine.delays.hiccups = false; // Who is late loses its turn.
  await setPolicy(stage, stage.random.pick(stage.machines), BY_NAME);
  await stage.sleep(COPIED_MS);
}

/** One of a pair is given a file that should be on both. */
async function putAtOne(stage: Stage, pair: readonly string[], number: number) {
  const path = `${pair.join(" ")}/${number}`;
  const first = stage.random.pick(pair);
  const machine = stage.machines.find(({ name }) => name === first)!;
  const { sha256 } = await stage.mustPut(machine, path, stage.content(path, UNIT_BYTES));
  return { path, pair, holders: () => stage.holders(path, sha256!).map(({ name }) => name) };
}

/** There is room for N copies of each file and no more, and each server takes first what should rather be there. */
export const preferredPlaces: Drill = {
  name: "preferred places",
  rules: "R5",
  config: () => ({ servers: 4, copies: 2, writeCopies: 1, quotaBytes: (FILES_OF_PAIR + 0.5) * UNIT_BYTES, reserve: 0 }),
  async play(stage) {
    await preferByName(stage);
    for (const machine of stage.machines) machine.load = 1; // Nobody copies anything (M4).
    const files = [];
    for (let i = 0; i < FILES_OF_PAIR; i++) for (const pair of PAIRS) files.push(await putAtOne(stage, pair, i));
    for (const machine of stage.machines) machine.load = 0;
    await stage.sleep(COPIED_MS);
    const astray = files.filter(({ pair, holders }) => String(holders()) !== String(pair));
    stage.check(astray.length === 0, "R5", `${astray.map(({ path }) => path)} are not where they should rather be`);
    await stage.judge();
  },
};

/**
 * Of a new file the first copy is made where it should rather be, though everybody makes one in the end: by who takes the upload
 * as well (W is 2), or by who copies it.
 */
export const firstCopies: Drill = {
  name: "first copies",
  rules: "R5",
  config: (random) => ({ servers: 4, copies: 2, writeCopies: random.pick([1, 2]) }),
  async play(stage) {
    await preferByName(stage);
    for (let i = 0; i < FILES_OF_PAIR; i++) {
      for (const each of PAIRS) {
        const { path, pair, holders } = await putAtOne(stage, each, i);
        while (holders().length < 2) await stage.sleep(10);
        const first = holders();
        stage.check(
          pair.every((name) => first.includes(name)),
          "R5",
          `${path} was copied to ${first} first`,
        );
      }
    }
    await stage.rest("with preferences", { copies: 4 });
    await stage.judge({ copies: 4 });
  },
};

const EVERYWHERE = "anywhere/0";

/** Each server has one copy of every file and room for no more. What goes for one more file should rather be elsewhere. */
export const madeRoom: Drill = {
  name: "made room",
  rules: "R5",
  config: () => ({ servers: 3, copies: 2, writeCopies: 1, quotaBytes: 4.5 * UNIT_BYTES, reserve: 0 }),
  async play(stage) {
    const { machines, random } = stage;
    await preferByName(stage);
    const put = (machine: Machine, path: string) => stage.mustPut(machine, path, stage.content(path, UNIT_BYTES));
    const files = new Map<string, string>();
    for (const path of [EVERYWHERE, ...machines.map(({ name }) => `${name}/0`)]) {
      files.set(path, (await put(random.pick(machines), path)).sha256!);
    }
    await stage.rest("with one copy of each", { copies: 3 });
    await stage.sleep(COPIED_MS); // What was copied last does not go at once (R6).
    await put(random.pick(machines), "one more");
    await stage.rest("with one more");
    for (const [path, sha256] of files) {
      const holders = stage.holders(path, sha256).map(({ name }) => name);
      const wanted = machines.filter(({ name }) => path === EVERYWHERE || path.startsWith(name));
      const gone = wanted.filter(({ name }) => !holders.includes(name));
      stage.check(gone.length === 0, "R5", `${gone.map(({ name }) => name)} gave ${path} up for one more file`);
    }
    await stage.judge();
  },
};

/** Beyond what lies there: for the policy's own file. */
const MARGIN_UNITS = 0.1;

/**
 * "rare" fits on the first server once "other" is elsewhere. Two servers may take that over, each in place of its copy of
 * "many": it goes to the one where it should rather be (R3).
 */
export const preferredTaker: Drill = {
  name: "preferred taker",
  rules: "R3 R5",
  config: () => ({
    servers: 5,
    copies: 3,
    writeCopies: 1,
    quotasBytes: [2, 1.5, 1.5, 1.5, 3].map((units) => (units + MARGIN_UNITS) * UNIT_BYTES),
    reserve: 0,
  }),
  async play(stage) {
    const files = [
      { path: "rare", units: 2, on: [4] },
      { path: "other", units: 1.5, on: [0, 1] },
      { path: "many", units: 1, on: [2, 3, 4] },
    ];
    const [rare, other] = files.map(({ path, units }) => stage.content(path, units * UNIT_BYTES));
    const contents = [rare!, other!, stage.content("many", UNIT_BYTES)];
    await adoptAll(
      stage,
      files.map(({ path, on }, i) => ({ path, content: contents[i]!, on })),
    );
    const taker = stage.machine(stage.random.pick([2, 3]));
    const prefer = `({ path }, { name }) => (path.includes("other") && name === "${taker.name}" ? 2 : 1)`;
    await setPolicy(stage, taker, `export default () => 3;\nexport const prefer = ${prefer};`);
    // Who is copying takes nothing over: the others get the policy's file first.
    for (const machine of stage.machines.slice(1)) machine.load = 0;
    await stage.sleep(COPIED_MS);
    stage.machine(0).load = 0;
    await stage.sleep(QUIET_MS);
    await stage.rest("after a copy was handed over");
    const names = stage.holders("adopted/other", other!.sha256).map(({ name }) => name);
    const hasRare = stage.holders("adopted/rare", rare!.sha256).includes(stage.machine(0));
    stage.check(hasRare, "R3", "nobody took a copy over for what is wanted more");
    stage.check(
      names.includes(taker.name),
      "R3",
      `a copy is on ${names}, and not on ${taker.name}, where it should rather be`,
    );
    await stage.judge();
  },
};
