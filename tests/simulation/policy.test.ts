/** The policy on simulated servers: what becomes of N, and when. */
import { expect, test } from "vitest";
import { memoryPolicyEvaluator } from "../../src/adapters/memory/policy-evaluator.ts";
import { functionEvaluator } from "../../src/adapters/policy/functions.ts";
import type { FileFacts, Policy } from "../../src/core/policy/policy.ts";
import { programPolicyText } from "../../src/core/policy/program.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const ASK_TIMEOUT_MS = 20_000;
const PASS_MS = 10 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const set = (machine: Machine, text: string) => machine.ask((face) => face.setPolicy(bytes(text)), ASK_TIMEOUT_MS);

async function targetsOf(swarm: Swarm, paths: readonly string[]): Promise<(number | null)[][]> {
  const all: (number | null)[][] = [];
  for (const machine of swarm.machines) {
    const infos = await machine.ask((face) => Promise.all(paths.map((path) => face.head(path))), ASK_TIMEOUT_MS);
    all.push(infos.map(({ target }) => target));
  }
  return all;
}

/** Waits until every server says so. */
async function become(swarm: Swarm, paths: readonly string[], targets: readonly number[], withinMs = 30_000) {
  const endMs = swarm.world.nowMs + withinMs;
  const wanted = swarm.machines.map(() => targets);
  while (swarm.world.nowMs < endMs) {
    if (JSON.stringify(await targetsOf(swarm, paths)) === JSON.stringify(wanted)) return;
    await swarm.world.sleep(250);
  }
  expect(await targetsOf(swarm, paths)).toEqual(wanted);
}

const PATHS = ["hits/a", "rare/b", "c"];
const BY_PATH = 'export default ({ path }) => (path.startsWith("hits/") ? 3 : path.startsWith("rare/") ? 1 : 2);';

test("N of each file is what the policy says, on every server, soon for new files; and the default once it is gone", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, second, third] = swarm.machines as [Machine, Machine, Machine];
    for (const path of PATHS) await putText(swarm, first, path, path);
    expect(await set(second, BY_PATH)).toMatchObject({ evaluated: 3, files: 3, raised: 1, lowered: 1, failed: 0 });
    await become(swarm, PATHS, [3, 1, 2]);
    await putText(swarm, third, "hits/new", "new");
    await become(swarm, ["hits/new"], [3], 3000);
    await first.ask((face) => face.move("c", "hits/c"), ASK_TIMEOUT_MS);
    await become(swarm, ["hits/c"], [3], 3000);
    // Written to its place by other means, another policy is followed as well.
    await putText(swarm, first, ".fsdfs/policy.ts", "export default () => 1;");
    await become(swarm, ["hits/a", "rare/b", "hits/c"], [1, 1, 1]);
    await third.ask((face) => face.resetPolicy(), ASK_TIMEOUT_MS);
    await become(swarm, ["hits/a", "rare/b", "hits/c"], [2, 2, 2]);
    await putText(swarm, third, "hits/newer", "newer");
    await swarm.world.sleep(PASS_MS);
    await become(swarm, ["hits/a", "rare/b", "hits/newer"], [2, 2, 2]);
  }));

test("Y1: N that a policy gave what was deleted is not that of what comes to its path when the policy is long gone", () =>
  play({ copies: 2, deletionsKeptMs: 40_000 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    const paths = ["rare/new", "rare/back", "rare/moved"];
    for (const path of paths) await putText(swarm, first, path, path);
    await set(first, BY_PATH);
    await become(swarm, paths, [1, 1, 1]);
    for (const path of paths) await first.ask((face) => face.remove(path), ASK_TIMEOUT_MS);
    await first.ask((face) => face.resetPolicy(), ASK_TIMEOUT_MS);
    await swarm.world.sleep(PASS_MS); // Deletions are forgotten.
    await putText(swarm, second, "rare/new", "new");
    await second.ask((face) => face.restore({ path: "rare/back" }), ASK_TIMEOUT_MS);
    await putText(swarm, second, "c", "moved");
    await first.ask((face) => face.move("c", "rare/moved"), ASK_TIMEOUT_MS);
    await become(swarm, paths, [2, 2, 2]);
  }));

test("the policy says nothing of what governs the swarm, and holds over a restart", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    await putText(swarm, first, "hits/a", "a");
    await set(first, "export default () => 1;");
    await become(swarm, ["hits/a", ".fsdfs/policy.ts"], [1, 2]);
    for (const machine of swarm.machines) {
      machine.crash();
      machine.start();
    }
    await swarm.world.sleep(20_000);
    await become(swarm, ["hits/a"], [1]);
  }));

test.each([
  ["throws", 'export default () => { throw new Error("no"); };', "current"],
  ["answers nonsense", "export default () => NaN;", "current"],
  ["is none", "export default 3;", "failing"],
])("a policy that %s changes nothing, and is told of", (_, text, state) =>
  play({ copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    for (const path of PATHS) await putText(swarm, first, path, path);
    await set(first, BY_PATH);
    await become(swarm, PATHS, [3, 1, 2]);
    await expect(set(first, text)).rejects.toMatchObject({ code: "policy-invalid" });
    await putText(swarm, first, ".fsdfs/policy.ts", text);
    await swarm.world.sleep(PASS_MS);
    await become(swarm, PATHS, [3, 1, 2], 1);
    const status = await first.ask((face) => face.policy(), ASK_TIMEOUT_MS);
    expect(status.servers.map((server) => server.state)).toEqual([state, state, state]);
    const log = await first.ask((face) => face.policyLog(), ASK_TIMEOUT_MS);
    expect(log.some(({ message }) => /Error: no|answered NaN|no function as its default/.test(message))).toBe(true);
  }),
);

test("a server that lacks the policy, a function of a program, leaves its files to those that have it", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, second, third] = swarm.machines as [Machine, Machine, Machine];
    const policy: Policy = ({ path }) => (path.startsWith("hits/") ? 3 : 1);
    for (const machine of [first, second]) machine.policies = functionEvaluator({ policy }, memoryPolicyEvaluator);
    const paths = Array.from({ length: 20 }, (_, at) => `${at % 2 === 0 ? "hits" : "rare"}/${at}`);
    const targets = paths.map((path) => (path.startsWith("hits/") ? 3 : 1));
    for (const path of paths) await putText(swarm, third, path, path);
    await first.ask((face) => face.setPolicy(programPolicyText({ policy })), ASK_TIMEOUT_MS);
    await become(swarm, paths, targets);
    const newer = paths.map((path) => `${path} new`);
    for (const path of newer) await putText(swarm, third, path, path);
    await become(swarm, newer, targets, 3000);
    const { servers } = await third.ask((face) => face.policy(), ASK_TIMEOUT_MS);
    expect(servers.map(({ state }) => state).sort()).toEqual(["current", "current", "failing"]);
    // It says so until it has it.
    third.policies = first.policies;
    third.crash();
    third.start();
    await swarm.world.sleep(20_000);
    const { servers: after } = await third.ask((face) => face.policy(), ASK_TIMEOUT_MS);
    expect(after.map(({ state }) => state)).toEqual(["current", "current", "current"]);
  }));

test("Y1: a server whose machine cannot run the policy at all leaves its files to the others as well", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, , third] = swarm.machines as [Machine, Machine, Machine];
    const why = Object.assign(new Error("spawn EAGAIN"), { name: "SystemError" });
    third.policies = { load: () => Promise.reject(why) };
    third.crash();
    third.start();
    const paths = Array.from({ length: 20 }, (_, at) => `hits/${at}`);
    await set(first, BY_PATH);
    await swarm.world.sleep(60_000);
    for (const path of paths) await putText(swarm, first, path, path);
    await become(
      swarm,
      paths,
      paths.map(() => 3),
      3000,
    );
  }));

test("Y1: a server whose catalog cannot be written leaves its files to the others as well", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, , third] = swarm.machines as [Machine, Machine, Machine];
    const paths = Array.from({ length: 20 }, (_, at) => `hits/${at}`);
    await swarm.world.sleep(5_000);
    third.plan = ({ port, method }) =>
      port === "catalog" && method === "write" ? { kind: "error", code: "io", side: "before" } : undefined;
    for (const path of paths) await putText(swarm, first, path, path);
    await set(first, BY_PATH);
    await swarm.world.sleep(60_000);
    const infos = await first.ask((face) => Promise.all(paths.map((path) => face.head(path))), ASK_TIMEOUT_MS);
    expect(infos.map(({ target }) => target)).toEqual(paths.map(() => 3));
  }));

test("Y1: a file whose variables change while its N is written is asked about again soon", () =>
  play({ servers: 1, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [machine] = swarm.machines as [Machine];
    const byN = (file: FileFacts) => Number(file.variables.n ?? 1);
    // It answers, and so many steps later, as N is on its way to the catalog, the file has another variable.
    const steps = new Map(Array.from({ length: 200 }, (_, at) => [`hits/${at}`, at]));
    const evaluate = async (files: readonly FileFacts[]) => {
      for (const { path } of files.filter((file) => byN(file) === 2)) {
        const change = async (left: number): Promise<unknown> =>
          left > 0
            ? await change(left - 1)
            : await machine.ask((face) => face.setVariables(path, { n: 3 }), ASK_TIMEOUT_MS);
        void change(steps.get(path)!);
      }
      return files.map(byN);
    };
    machine.policies = {
      load: async () => ({ evaluate, prefers: false, weigh: async () => [], close: async () => {} }),
    };
    machine.crash();
    machine.start();
    await swarm.world.sleep(10_000);
    await set(machine, "export default () => 1;");
    await swarm.world.sleep(20_000);
    for (const path of steps.keys()) {
      await putText(swarm, machine, path, path);
      await machine.ask((face) => face.setVariables(path, { n: 2 }), ASK_TIMEOUT_MS);
      await swarm.world.sleep(1000);
    }
    const paths = [...steps.keys()];
    await become(
      swarm,
      paths,
      paths.map(() => 3),
    );
  }));

test("N does not follow a policy that never says the same twice, once it has been heard on every file", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    await putText(swarm, first, "a", "a");
    await set(first, "let asked = 0;\nexport default () => 1 + (asked++ % 3);");
    await swarm.world.sleep(30_000);
    const [[before]] = (await targetsOf(swarm, ["a"])) as [[number]];
    await swarm.world.sleep(3 * PASS_MS);
    await become(swarm, ["a"], [before], 1);
  }));

test("what grows old gets another N by itself, but is not lowered a second time within a day", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    await putText(swarm, first, "a", "a");
    await set(first, "export default ({ ageDays }) => (ageDays * 24 < 0.5 ? 3 : ageDays * 24 < 1 ? 2 : 1);");
    await become(swarm, ["a"], [3]);
    await swarm.world.sleep(40 * 60_000);
    await become(swarm, ["a"], [3], 1);
  }));

test("a file that is read through one server is hot to all, which a policy sees within half a minute", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    for (const path of ["hit", "miss"]) await putText(swarm, first, path, path);
    await set(first, "export default ({ heat }) => (heat > 1 ? 3 : 2);");
    await swarm.world.sleep(60_000); // The first pass is over: what is said from here on is to be said twice.
    for (let i = 0; i < 20; i++) await readText(swarm, second, "hit");
    await become(swarm, ["hit", "miss"], [3, 2]);
    for (const machine of swarm.machines) {
      const [hit, miss, none] = await machine.ask((face) => face.heat(["hit", "miss", "none"]), ASK_TIMEOUT_MS);
      expect(hit).toBeGreaterThan(1.5);
      expect([miss, none]).toEqual([0, undefined]);
    }
  }));

test("heat is kept over restarts, of what was cut off by a kill as it was up to ten minutes before", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    await putText(swarm, first, "hit", "hit");
    const read = async () => {
      for (let i = 0; i < 20; i++) await readText(swarm, second, "hit");
    };
    const heats = async () => {
      const all = await Promise.all(
        swarm.machines.map((each) => each.ask((face) => face.heat(["hit"]), ASK_TIMEOUT_MS)),
      );
      return all.map(([heat]) => heat!);
    };
    const restart = async (end: (machine: Machine) => Promise<void>) => {
      await Promise.all(swarm.machines.map(end));
      for (const machine of swarm.machines) machine.start();
      await swarm.world.sleep(30_000);
    };
    await read();
    await swarm.world.sleep(1_000);
    await restart((machine) => machine.shutdown());
    for (const heat of await heats()) expect(heat).toBeGreaterThan(2);
    await swarm.world.sleep(PASS_MS + 20_000);
    await read();
    await restart(async (machine) => machine.crash());
    for (const heat of await heats()) {
      expect(heat).toBeGreaterThan(2);
      expect(heat).toBeLessThan(3);
    }
  }));

test("where room is short a file gains copies while it is hot, and gives them up a day later when it is cold", () =>
  play(
    { copies: 1, writeCopies: 1, quotaBytes: 2_200 },
    async (swarm) => {
      const [first, second] = swarm.machines as [Machine, Machine];
      const others = ["b", "c", "d"];
      const copiesOf = async (path: string) => {
        const [location] = await first.ask((face) => face.locate([path]), ASK_TIMEOUT_MS);
        return location?.copies;
      };
      const haveCopies = async (path: string, isRight: (copies: number) => boolean) => {
        const endMs = swarm.world.nowMs + 120_000;
        while (swarm.world.nowMs < endMs && !isRight((await copiesOf(path)) ?? 0)) await swarm.world.sleep(250);
        expect(await copiesOf(path)).toSatisfy(isRight);
      };
      await set(first, "export default ({ heat }) => (heat > 1 ? 3 : 1);");
      for (const path of ["hit", ...others]) {
        await putText(swarm, first, path, path.padEnd(1000));
        // The last one takes the room of copies that may go, which those that are being made may not yet.
        if (path !== others.at(-1)) await haveCopies(path, (copies) => copies > 1);
      }
      await swarm.world.sleep(60_000);
      expect(await copiesOf("hit")).toBeLessThan(3);
      for (let i = 0; i < 20; i++) await readText(swarm, second, "hit");
      await become(swarm, ["hit", ...others], [3, 1, 1, 1]);
      await haveCopies("hit", (copies) => copies === 3);
      // Machines that sleep for a day: reads are forgotten meanwhile, and N may be lowered again (Y2).
      for (const machine of swarm.machines) machine.stop(DAY_MS);
      await swarm.world.sleep(DAY_MS + 10_000);
      await become(swarm, ["hit", ...others], [1, 1, 1, 1], 3 * PASS_MS);
      await haveCopies("hit", (copies) => copies < 3);
    },
    2 * DAY_MS,
  ));

test("a swarm without a policy does nothing for it", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    await putText(swarm, first, "a", "a");
    await expect(first.ask((face) => face.resetPolicy(), ASK_TIMEOUT_MS)).rejects.toMatchObject({
      code: "policy-missing",
    });
    const status = await first.ask((face) => face.policy(), ASK_TIMEOUT_MS);
    expect(status.version).toBe(null);
    expect(status.servers).toMatchObject(Array(3).fill({ state: "none", evaluated: 0, changed: 0 }));
  }));
