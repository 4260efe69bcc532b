/** Variables of a file that is overwritten, moved, deleted and put again, and set on both sides of a cut (V1 to V3). */
import { isDeepStrictEqual } from "node:util";
import { VARIABLE_NAMES_MAX, type Variables } from "../../../src/core/catalog/variables.ts";
import { FsdfsError } from "../../../src/errors.ts";
import type { VariableChanges } from "../../../src/server/face.ts";
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

const CUT_MS = 5_000;

export const variables: Drill = {
  name: "variables",
  rules: "V1 V2 V3 C1",
  config: (random) => ({ servers: random.between(2, 4), copies: 2 }),
  async play(stage) {
    await stage.boot();
    const any = () => stage.random.pick(stage.machines);
    await stage.mustPut(any(), "a");
    await set(stage, any(), "a", { popularity: 9, genre: "rock", old: true });
    await set(stage, any(), "a", { popularity: 10, old: null });
    await mustHave(stage, "a", { genre: "rock", popularity: 10 }, "V3");
    await stage.mustPut(any(), "a");
    await mustHave(stage, "a", { genre: "rock", popularity: 10 }, "V2");
    await stage.ask(any(), (face) => face.move("a", "b"));
    await mustHave(stage, "b", { genre: "rock", popularity: 10 }, "V2");
    await stage.mustPut(any(), "a");
    await mustHave(stage, "a", undefined, "V2");
    await stage.remove(any(), "b");
    await stage.mustPut(any(), "b");
    await mustHave(stage, "b", undefined, "V2");
    await inBulk(stage, any());
    await apart(stage);
  },
};

const KEPT_MS = 40_000;

/** A removed variable is remembered while anybody could bring it back, and not for ever (C7). */
export const removedVariables: Drill = {
  name: "removed variables",
  rules: "C7 V1",
  config: () => ({ servers: 3, copies: 2, deletionsKeptMs: KEPT_MS }),
  async play(stage) {
    await stage.boot();
    const any = () => stage.random.pick(stage.machines);
    await stage.mustPut(any(), "a");
    await set(stage, any(), "a", { first: 1, kept: 2 });
    const [away, ...others] = stage.random.shuffled(stage.machines) as [Machine, Machine, Machine];
    stage.swarm.cut([away], others, true);
    await stage.sleep(CUT_MS);
    const names = Array.from({ length: VARIABLE_NAMES_MAX - 2 }, (_, i) => `n${i}`);
    await set(stage, others[0], "a", Object.fromEntries([...names, "first"].map((name) => [name, null])));
    // Who is away may come back with what they were.
    await stage.sleep(2 * KEPT_MS);
    const code = await set(stage, others[1], "a", { more: 3 }).then(
      () => undefined,
      (error: unknown) => (error instanceof FsdfsError ? error.code : String(error)),
    );
    stage.check(code === "variable-names-too-many", "C7", `while one was away the answer was ${code}`);
    stage.swarm.heal([away], others, stage.random.pick(["resume", "reset"]));
    await stage.rest("after the cut");
    await mustHave(stage, "a", { kept: 2 }, "V1");
    await stage.sleep(4 * KEPT_MS);
    await set(stage, any(), "a", { more: 3 }).catch((error: unknown) => {
      stage.check(false, "C7", `removed variables are still remembered: ${error}`);
    });
    stage.stopIfFailed();
    for (const machine of stage.machines) machine.crash();
    for (const machine of stage.machines) machine.start();
    await stage.rest("after they were started again");
    await mustHave(stage, "a", { kept: 2, more: 3 }, "V1");
    await stage.judge();
  },
};

/** Each of many is done or fails by itself. */
async function inBulk(stage: Stage, machine: Machine): Promise<void> {
  const changes = [
    { path: "a", name: "plays", value: 1 },
    { path: "none", name: "plays", value: 2 },
    { path: "b", name: "plays", value: 3 },
    { path: "a", name: "plays", value: 4 },
  ];
  const told = await stage.ask(machine, (face) => face.setManyVariables(changes));
  const codes = told.map((failure) => failure?.code ?? null);
  stage.check(isDeepStrictEqual(codes, [null, "file-not-found", null, null]), "V3", `told ${codes}`);
  await mustHave(stage, "a", { plays: 4 }, "V1");
  await mustHave(stage, "b", { plays: 3 }, "V1");
}

/** Who sets one on one side of a cut takes nothing from who set another on the other before. */
async function apart(stage: Stage): Promise<void> {
  const [one, ...others] = stage.random.shuffled(stage.machines);
  stage.swarm.cut([one!], others, true);
  await stage.sleep(CUT_MS);
  await set(stage, one!, "a", { plays: 5 });
  await stage.sleep(1_000);
  await set(stage, others[0]!, "a", { popularity: 1 });
  if (stage.random.chance(0.5)) await stage.mustPut(others[0]!, "a");
  stage.swarm.heal([one!], others, stage.random.pick(["resume", "reset"]));
  await stage.rest("after the cut");
  await mustHave(stage, "a", { plays: 5, popularity: 1 }, "V1");
  await stage.judge();
}

async function set(stage: Stage, machine: Machine, path: string, changes: VariableChanges): Promise<void> {
  await stage.ask(machine, (face) => face.setVariables(path, changes));
}

/** Through every server, from the moment of the acknowledgement. */
async function mustHave(stage: Stage, path: string, wanted: Variables | undefined, rule: string): Promise<void> {
  for (const machine of stage.machines) {
    const { variables: found } = await stage.ask(machine, (face) => face.head(path));
    const isWanted = JSON.stringify(found) === JSON.stringify(wanted);
    stage.check(isWanted, rule, `${machine.name} says ${path} has ${JSON.stringify(found)}`);
  }
  stage.stopIfFailed();
}
