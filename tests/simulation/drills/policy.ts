/** N of each file is what the policy says of it, whoever set it where, and whoever was away meanwhile (Y1 to Y3). */
import { POLICY_PATH } from "../../../src/core/policy/mark.ts";
import { PolicyError, type PolicyEvaluator } from "../../../src/ports/policy-evaluator.ts";
import { sha256Of } from "../content.ts";
import type { Machine } from "../machine.ts";
import { POLICIES } from "../ports.ts";
import type { Drill, Stage } from "./stage.ts";

const FILES = 12;
const PLACES = ["a", "b", "c"];
const SOON_MS = 40_000;
const POLL_MS = 1_000;

/** Another answer every seven seconds: never the same twice when it is asked ten seconds later. */
const RESTLESS = "({ ageDays }) => 2 + (Math.floor((ageDays * 86400) / 7) % 3)";

/** Of a server that lacks whatever it is to ask. */
const NONE: PolicyEvaluator = {
  load: async () => {
    throw new PolicyError({ message: "it is not here", stack: "" });
  },
};

/** N by the first letter of a path. */
type Rule = Readonly<Record<string, number>>;

export const policy: Drill = {
  name: "policy",
  rules: "Y1 Y2 Y3",
  config: () => ({ servers: 3, copies: 3 }),
  async play(stage) {
    await stage.boot();
    const paths: string[] = [];
    const putSome = async (machines: readonly Machine[]) => {
      for (let i = 0; i < FILES / 2; i++) {
        const path = `${stage.random.pick(PLACES)}${paths.length}`;
        await stage.mustPut(stage.random.pick(machines), path);
        paths.push(path);
      }
    };
    await putSome(stage.machines);
    const first = drawRule(stage);
    await setPolicy(stage, stage.random.pick(stage.machines), `export default ${functionOf(first)};`);
    await stage.sleep(stage.random.between(0, 400));

    // One is away while others take files and another policy.
    const away = stage.random.pick(stage.machines);
    const others = stage.machines.filter((machine) => machine !== away);
    stage.swarm.cut([away], others, true);
    await stage.sleep(5_000);
    await putSome(others);
    const second = drawRule(stage);
    await setPolicy(stage, stage.random.pick(others), `export default ${functionOf(second)};`);
    await stage.sleep(stage.random.between(0, 5_000));
    stage.swarm.heal([away], others, "resume");
    await becomes(stage, paths, second, "Y1");
    await stage.sleep(SOON_MS); // Passes that began when one came back have ended.
    await putSome(stage.machines);
    await becomes(stage, paths, second, "Y1");

    // One cannot load the next: the others ask it about that one's files.
    const third = drawRule(stage);
    const lacking = stage.random.pick(stage.machines);
    lacking.policies = NONE;
    await setPolicy(stage, stage.random.pick(stage.machines), `export default ${functionOf(third)};`);
    await becomes(stage, paths, third, "Y1");
    await putSome(stage.machines);
    await becomes(stage, paths, third, "Y1");
    lacking.policies = POLICIES;

    // What fails changes nothing, though it would change all.
    const failing = stage.random.pick([
      "export default () => { throw new Error('no'); };",
      "export default () => NaN;",
      "export default async () => 1;",
      "export default 1;",
    ]);
    await setPolicy(stage, stage.random.pick(stage.machines), failing);
    await stage.sleep(SOON_MS);
    await holds(stage, paths, third, "Y3");

    // What never says the same twice is heard once, also by servers that have just been started.
    await setPolicy(stage, stage.random.pick(stage.machines), `export default ${RESTLESS};`);
    await stage.sleep(SOON_MS);
    const heard = await targetsOf(stage, stage.machine(0), paths);
    for (const machine of stage.machines) machine.crash();
    for (const machine of stage.machines) machine.start();
    await stage.rest("after they were started again");
    await stage.sleep(SOON_MS);
    const now = await targetsOf(stage, stage.machine(0), paths);
    stage.check(String(now) === String(heard), "Y2", `N went from ${heard} to ${now} by what was said once`);

    await stage.remove(stage.random.pick(stage.machines), POLICY_PATH);
    await becomes(stage, paths, { a: 3, b: 3, c: 3 }, "Y1");
    await stage.judge({ copies: 3 });
  },
};

function drawRule(stage: Stage): Rule {
  return Object.fromEntries(PLACES.map((place) => [place, stage.random.between(2, 4)]));
}

function functionOf(rule: Rule): string {
  return `({ path }) => (${JSON.stringify(rule)})[path[0]]`;
}

/** As a file, past what `fsdfs policy set` refuses. */
export async function setPolicy(stage: Stage, machine: Machine, text: string): Promise<void> {
  stage.world.trace(`${machine.name} is given the policy ${text}`);
  const bytes = new TextEncoder().encode(`${text} // ${stage.world.nowMs}`);
  await stage.mustPut(machine, POLICY_PATH, { bytes, sha256: sha256Of(bytes) });
}

/** What one says that was away may lack some files yet. */
async function targetsOf(stage: Stage, machine: Machine, paths: readonly string[]): Promise<(number | undefined)[]> {
  const located = await stage.ask(machine, (face) => face.locate(paths));
  return located.map((location) => location?.target);
}

const wantedOf = (paths: readonly string[], rule: Rule) => paths.map((path) => rule[path[0]!]!);

async function becomes(stage: Stage, paths: readonly string[], rule: Rule, name: string): Promise<void> {
  const endMs = stage.world.nowMs + SOON_MS;
  while (stage.world.nowMs < endMs) {
    const all = await Promise.all(stage.machines.map((machine) => targetsOf(stage, machine, paths)));
    if (all.every((targets) => String(targets) === String(wantedOf(paths, rule)))) return;
    await stage.sleep(POLL_MS);
  }
  await holds(stage, paths, rule, name);
}

async function holds(stage: Stage, paths: readonly string[], rule: Rule, name: string): Promise<void> {
  const wanted = String(wantedOf(paths, rule));
  for (const machine of stage.machines) {
    const targets = String(await targetsOf(stage, machine, paths));
    stage.check(targets === wanted, name, `N is ${targets} on ${machine.name}, and should be ${wanted}`);
  }
  stage.stopIfFailed();
}
