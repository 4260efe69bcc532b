/** Scenarios 5, 6, 9 and 16: quotas are full, differ and grow, and the rule changes how many copies there should be. */
import assert from "node:assert/strict";
import { holders, type Server, type Stage } from "../stage.ts";

const TEN = { copies: 2, quotaBytes: 10 };

/** 5. */
export async function quotaConflict(stage: Stage): Promise<void> {
  const [a, b, c] = await stage.start(["A", "B", "C"], TEN);
  await a.put("X", ten("X"));
  await stage.rest("A, B and C hold X and have no room", async () => {
    for (const server of [a, b, c]) await holdsAll(server, ["X"], 0);
    assert.equal((await a.located("X")).surplus, 1);
  });
  await stage.middle();
  await a.drop("X");
  await stage.eventually("X has no copy too many", async () => {
    assert.equal((await b.located("X")).surplus, 0);
  });
  await a.put("Y", ten("Y"));
  const forGood = async () => {
    await holdsAll(a, ["Y"], 0);
    for (const server of [b, c]) await holdsAll(server, ["X"], 0);
    await surpluses(a, { X: 0, Y: -1 });
  };
  await stage.rest("A holds Y, B and C keep X", forGood);
  await stage.middle();
  await stage.rest("and that is so for good", forGood);
  const [d] = await stage.start(["D"], TEN);
  await stage.rest("D takes Y", async () => {
    for (const server of [a, d]) await holdsAll(server, ["Y"], 0);
    for (const server of [b, c]) await holdsAll(server, ["X"], 0);
    await surpluses(d, { X: 0, Y: 0 });
  });
  await oneEach(stage, [a, b, c, d]);
}

/** Of two files with two copies each, four servers come to four files with one copy each, and then no further. */
async function oneEach(stage: Stage, servers: readonly Server[]): Promise<void> {
  const [a] = servers as [Server];
  await a.put("Z", ten("Z"));
  await stage.rest("Z took the place of one of the four copies", async () => {
    const copies = await copiesOf(a, ["X", "Y", "Z"]);
    assert.equal(copies.Z, 1);
    assert.deepEqual([copies.X, copies.Y].sort(), [1, 2]);
  });
  await stage.middle();
  await a.put("V", ten("V"));
  const each = async () => assert.deepEqual(await copiesOf(a, ["X", "Y", "Z", "V"]), { X: 1, Y: 1, Z: 1, V: 1 });
  await stage.rest("X, Y, Z and V have one copy each", each);
  await stage.middle();
  const before = await Promise.all(servers.map((server) => server.disk()));
  for (const server of servers) {
    await server.refuses("no-space", "a fifth file", () => server.api.put("U", ten("U")));
  }
  await stage.rest("every disk is as it was", async () => {
    await each();
    assert.deepEqual(await Promise.all(servers.map((server) => server.disk())), before);
    assert.equal(await a.locate("U"), undefined);
  });
}

/** 6. */
export async function unevenQuotas(stage: Stage): Promise<void> {
  const [a] = await stage.start(["A"], { copies: 2, quotaBytes: 13 });
  const [b] = await stage.start(["B"], { copies: 2, quotaBytes: 100_000 });
  const [c] = await stage.start(["C"], { copies: 2, quotaBytes: 12 });
  const [d] = await stage.start(["D"], { copies: 2, quotaBytes: 1 });
  await a.put("ten", ten("1"));
  await a.put("two", "22");
  await a.put("one", "1");
  await stage.rest("A and B hold all three, C the 10 and the 2, D the 1", async () => {
    for (const server of [a, b]) await holdsAll(server, ["ten", "two", "one"]);
    await holdsAll(c, ["ten", "two"]);
    await holdsAll(d, ["one"]);
    for (const server of [a, c, d]) assert.equal((await server.infoOf(server)).quota.free, 0, server.name);
  });
  await stage.middle();
  await a.drop("ten");
  await a.put("another ten", ten("2"));
  const settled = async () => {
    await holdsAll(a, ["another ten", "two", "one"]);
    await holdsAll(b, ["ten", "another ten", "two", "one"]);
    const [tens, others] = partition(Object.keys(await c.files()), (path) => path.includes("ten"));
    assert.equal(tens.length, 1, "C holds one of the tens");
    assert.deepEqual(others, ["two"]);
    await holdsAll(d, ["one"]);
  };
  await stage.rest("A holds the new 10, the 2 and the 1, B all four, C one of the tens and the 2, D the 1", settled);
  await stage.middle();
  await stage.rest("and so it stays", settled);
}

/** 9. */
export async function rebalancing(stage: Stage): Promise<void> {
  const [a, b, c] = await stage.start(["A", "B", "C"], { quotaBytes: 10 });
  const as = numbered("a");
  const bs = numbered("b");
  for (const path of as) await a.put(path, path[1]!);
  await stage.rest("all a are on all three, which are full", async () => {
    for (const server of [a, b, c]) {
      await holdsAll(server, as, 0);
      assert.equal((await a.infoOf(server)).full, true, `${server.name} is full`);
    }
    assert.equal((await a.status()).minSurplus, 0);
  });
  await stage.middle();
  for (const path of bs) await a.put(path, path[1]!);
  await stage.rest("minSurplus is -2", async () => {
    for (const server of [a, b, c]) {
      assert.equal((await server.status()).minSurplus, -2);
      assert.equal(Object.keys(await server.files()).length, 10);
    }
  });
  await stage.middle();
  await a.stop();
  a.change({ quotaBytes: 30 });
  await a.start();
  const settled = async () => {
    await holdsAll(a, [...as, ...bs], 10);
    for (const server of [b, c]) assert.equal(Object.keys(await server.files()).length, 10);
    for (const location of await b.api.locate([...as, ...bs])) assert.equal(location?.surplus, -1, location?.path);
  };
  await stage.rest("A holds all twenty with 10 bytes free, B and C ten each, and every surplus is -1", settled);
  await stage.middle();
  await stage.rest("and so it stays", settled);
}

/** 16. The rule is the swarm's N, then a policy, then another one, then the swarm's N again. */
export async function rulesChange(stage: Stage): Promise<void> {
  const servers = await stage.start(["A", "B", "C"], { copies: 2 });
  const [a, b] = servers;
  const paths = numbered("song");
  for (const path of paths) await b.put(path, path);
  const follows = (copies: number) =>
    stage.eventually(`every file's N is ${copies}, says every server`, async () => {
      for (const server of servers) {
        for (const location of await server.api.locate(paths)) {
          assert.deepEqual(
            { target: location?.target, surplus: location?.surplus },
            { target: copies, surplus: 3 - copies },
          );
        }
        assert.equal((await server.status()).minSurplus, 3 - copies);
      }
    });
  await follows(2);
  for (const copies of [5, 1]) {
    for (const server of servers) server.change({ copies });
    await a.stop();
    await a.start();
    await follows(copies);
    await stage.middle();
    await follows(copies);
  }
  const says = (policy: string, targetOf: (path: string) => number) =>
    stage.eventually(`every file's N is what the policy ${policy} says, says every server`, async () => {
      for (const server of servers) {
        const targets = (await server.api.locate(paths)).map((location) => location?.target);
        assert.deepEqual(targets, paths.map(targetOf), server.name);
      }
    });
  await b.api.setPolicy('export default ({ path }) => (path === "song0" ? 5 : 2);');
  await says("by path", (path) => (path === "song0" ? 5 : 2));
  await stage.middle();
  await says("by path", (path) => (path === "song0" ? 5 : 2));
  await a.api.setPolicy("export default ({ size }) => size;");
  await says("by size", (path) => path.length);
  await b.api.resetPolicy();
  await says("that is no more", () => 1);
}

function ten(letter: string): string {
  return letter.repeat(10);
}

function numbered(name: string): string[] {
  return Array.from({ length: 10 }, (_, i) => `${name}${i}`);
}

/** On its disk lies just that; and it says that so much is free. */
async function holdsAll(server: Server, paths: readonly string[], freeBytes?: number): Promise<void> {
  assert.deepEqual(Object.keys(await server.files()).sort(), [...paths].sort(), `on the disk of ${server.name}`);
  if (freeBytes === undefined) return;
  assert.equal((await server.infoOf(server)).quota.free, freeBytes, `free on ${server.name}`);
}

async function surpluses(server: Server, expected: Readonly<Record<string, number>>): Promise<void> {
  for (const [path, surplus] of Object.entries(expected)) {
    assert.equal((await server.located(path)).surplus, surplus, `the surplus of ${path}`);
  }
}

/** How many servers hold each, and that those are as many as it is said. */
async function copiesOf(server: Server, paths: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const path of paths) {
    const location = await server.located(path);
    assert.equal(holders(location).length, location.copies);
    counts[path] = location.copies;
  }
  return counts;
}

function partition<T>(values: readonly T[], belongs: (value: T) => boolean): [T[], T[]] {
  return [values.filter(belongs), values.filter((value) => !belongs(value))];
}
