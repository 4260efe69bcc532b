/** Where a policy prefers files to be (R5), on simulated servers. */
import { expect, test } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const ASK_TIMEOUT_MS = 20_000;
/** Copies that have just been made stay for a while (R6). */
const MOVED_MS = 60_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const set = (machine: Machine, text: string) => machine.ask((face) => face.setPolicy(bytes(text)), ASK_TIMEOUT_MS);

/** Names of the machines on whose disks a file lies. */
const holdersOf = (swarm: Swarm, path: string) =>
  swarm.machines.filter(({ files }) => files.tree().some(({ name }) => name === path)).map(({ name }) => name);

async function lies(swarm: Swarm, path: string, names: readonly string[], withinMs = MOVED_MS): Promise<void> {
  const endMs = swarm.world.nowMs + withinMs;
  while (swarm.world.nowMs < endMs && String(holdersOf(swarm, path)) !== String(names)) await swarm.world.sleep(250);
  expect(holdersOf(swarm, path), path).toEqual(names);
}

/** Files below big/ are for s1 and s2 only. */
const BIG_ONES =
  "export default () => 2;\n" +
  'export const prefer = ({ path }, { name }) => (path.startsWith("big/") && name > "s2" ? 0 : 1);';

test("R5: a server of weight 0 gives its copies up when others hold N, and takes none but for a file below N", () =>
  play({ servers: 4, copies: 2, graceMs: 10_000 }, async (swarm) => {
    const [first, , third] = swarm.machines as [Machine, Machine, Machine];
    const ALL = ["s1", "s2", "s3", "s4"];
    for (const path of ["big/old", "small/old"]) {
      await putText(swarm, third, path, path);
      await lies(swarm, path, ALL);
    }
    await set(third, BIG_ONES);
    await lies(swarm, "big/old", ["s1", "s2"]);
    await putText(swarm, third, "big/new", "new");
    await putText(swarm, third, "small/new", "new");
    await lies(swarm, "big/new", ["s1", "s2"]);
    await lies(swarm, "small/new", ALL);
    // One is away for so long that its copies do not count: another one takes its place, and leaves it again.
    first.crash();
    await swarm.world.sleep(30_000);
    for (const path of ["big/old", "big/new"]) expect(holdersOf(swarm, path)).toHaveLength(3);
    first.start();
    for (const path of ["big/old", "big/new"]) await lies(swarm, path, ["s1", "s2"]);
    await lies(swarm, "small/old", ALL, 1);
    // Another policy is followed as well, and none.
    await set(
      first,
      'export default () => 2;\nexport function prefer({ path }) { return path.endsWith("old") ? 0 : 1; }',
    );
    await lies(swarm, "big/new", ALL);
    await swarm.world.sleep(MOVED_MS);
    expect(holdersOf(swarm, "small/old")).toHaveLength(2);
    await first.ask((face) => face.resetPolicy(), ASK_TIMEOUT_MS);
    for (const path of ["big/old", "small/old", "big/new", "small/new"]) await lies(swarm, path, ALL);
  }));

test("R5: a server whose disk fails when it gives copies up does so soon after", () =>
  play({ copies: 2, graceMs: 10_000 }, async (swarm) => {
    const [first, second, third] = swarm.machines as [Machine, Machine, Machine];
    await set(second, BIG_ONES);
    await swarm.world.sleep(5_000);
    await putText(swarm, second, "big/new", "new");
    await lies(swarm, "big/new", ["s1", "s2"]);
    first.crash();
    await swarm.world.sleep(30_000);
    expect(holdersOf(swarm, "big/new")).toEqual(["s1", "s2", "s3"]);
    let failures = 0;
    third.plan = ({ port, method, about }) =>
      port === "files" && method === "rename" && about.includes("/trash/") && failures++ < 2
        ? { kind: "error", code: "io", side: "before" }
        : undefined;
    first.start();
    await lies(swarm, "big/new", ["s1", "s2"], 2 * MOVED_MS);
    expect(failures).toBe(3);
  }));

test("R5: where there is room for N copies only, they come to be where they are preferred", () =>
  play({ servers: 4, copies: 2, writeCopies: 1, quotaBytes: 6_500, reserve: 0 }, async (swarm) => {
    const [a, , , d] = swarm.machines as [Machine, Machine, Machine, Machine];
    await set(
      a,
      "export default () => 2;\nexport const prefer = ({ path }, { name }) => (path.includes(name) ? 5 : 1);",
    );
    await swarm.world.sleep(5_000);
    const puts = [1, 2, 3].flatMap((i) => [
      { at: a, path: `s1 s2/${i}`, wanted: ["s1", "s2"] },
      { at: d, path: `s3 s4/${i}`, wanted: ["s3", "s4"] },
    ]);
    await Promise.all(puts.map(({ at, path }) => putText(swarm, at, path, path.padEnd(2_000))));
    for (const { path, wanted } of puts) await lies(swarm, path, wanted);
    await swarm.world.sleep(MOVED_MS);
    for (const { path, wanted } of puts) await lies(swarm, path, wanted, 1);
  }));

test("R5: an upload goes where the file should rather be", () =>
  play({ servers: 5, copies: 2, pulls: 1, pullRate: 1 }, async (swarm) => {
    await set(
      swarm.machines[0]!,
      'export default () => 2;\nexport const prefer = (_, { name }) => (name === "s4" ? 2 : 1);',
    );
    await swarm.world.sleep(5_000);
    for (let i = 0; i < 8; i++) {
      const { copies } = await putText(swarm, swarm.machines[0]!, `${i}`, "new");
      expect(copies).toBe(2);
      expect(holdersOf(swarm, `${i}`)).toContain("s4");
    }
  }));

/** Only of "stays" and "goes" there is something to prefer, and only what is new has a higher N. */
const GOING =
  'export default ({ path }) => (path.startsWith("new") ? 3 : 1);\n' +
  'export const prefer = ({ path }, { name }) => (path === "goes" || path === "stays") && name === "s1" ? (path === "goes" ? 1 : 3) : 2;';

test("R5: of copies of one surplus those go first that should rather be elsewhere", () =>
  play({ copies: 1, writeCopies: 1, quotasBytes: [4_000, 20_000, 20_000], reserve: 0 }, async (swarm) => {
    const [small, second] = swarm.machines as [Machine, Machine];
    await set(small, GOING);
    const ALL = ["s1", "s2", "s3"];
    for (const path of ["stays", "goes", "other"]) {
      await putText(swarm, second, path, "x".repeat(1_000));
      await lies(swarm, path, ALL);
    }
    await swarm.world.sleep(MOVED_MS);
    for (const [path, sizeBytes, gone] of [
      ["new", 900, "goes"],
      ["newer", 1_200, "other"],
    ] as const) {
      await putText(swarm, second, path, "x".repeat(sizeBytes));
      await lies(swarm, path, ALL);
      await lies(swarm, gone, ["s2", "s3"], 1);
    }
    await lies(swarm, "stays", ALL, 1);
  }));

test.each([
  ["throws", "() => { throw new Error('no weight'); }", /no weight/],
  ["answers nonsense", "() => -1", /prefer answered -1, not a number from 0/],
])(
  "Y3: a prefer that %s is told of, and prefers nothing; N is what the policy says all the same",
  (_, prefer, message) =>
    play({ copies: 2 }, async (swarm) => {
      const [first] = swarm.machines as [Machine];
      await putText(swarm, first, "a", "a");
      await putText(swarm, first, ".fsdfs/policy.ts", `export default () => 1;\nexport const prefer = ${prefer};`);
      await swarm.world.sleep(MOVED_MS);
      await putText(swarm, first, "b", "b");
      await swarm.world.sleep(5_000);
      for (const path of ["a", "b"]) await lies(swarm, path, ["s1", "s2", "s3"]);
      const [info] = await first.ask((face) => Promise.all([face.head("b")]), ASK_TIMEOUT_MS);
      expect(info!.target).toBe(1);
      const log = await first.ask((face) => face.policyLog(), ASK_TIMEOUT_MS);
      expect(log.map((entry) => entry.message).join()).toMatch(message);
    }),
);
