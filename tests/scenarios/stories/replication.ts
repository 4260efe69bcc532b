/** Scenarios 1 to 4: files spread by themselves, deletions and new contents too. */
import assert from "node:assert/strict";
import { holders, type Server, type Stage } from "../stage.ts";

const FIRST = "dir1/dir2/filename.ext";
const FIRST_TEXT = "abcdefghijklmnopqrstuvwxyz";
const SECOND = "dir3/dir4/filename2.ext";
const SECOND_TEXT = "0123456789012";

/** 1. */
export async function twoServers(stage: Stage): Promise<void> {
  const [a, b] = await stage.start(["A", "B"]);
  await stage.eventually("B holds nothing and the swarm has nothing", async () => {
    assertMatches(await a.infoOf(b), { files: 0, quota: { used: 0 } });
    assertMatches(await a.status(), { files: 0, bytes: 0, minSurplus: null });
  });
  await stage.middle();
  for (const [path, text] of [[FIRST, FIRST_TEXT] as const, [SECOND, SECOND_TEXT] as const]) {
    const { copies } = await a.put(path, text);
    assert.equal(copies - 3, -2, "with one copy of three the surplus is -2");
  }
  await bothHoldBoth(stage, a, b);
  await stage.middle();
  await bothHoldBoth(stage, a, b);
}

async function bothHoldBoth(stage: Stage, a: Server, b: Server): Promise<void> {
  await stage.eventually("B holds 2 files, 39 bytes, and both tell the same of the swarm", async () => {
    assertMatches(await a.infoOf(b), { files: 2, quota: { used: 39 } });
    assertMatches(await b.infoOf(b), { files: 2, quota: { used: 39 } });
    const status = await a.status();
    assertMatches(status, { files: 2, bytes: 39, minSurplus: -1, servers: { up: 2, total: 2 } });
    assert.deepEqual(await b.status(), status);
    // One that is told already may still be on its way to its place.
    for (const server of [a, b]) assert.deepEqual(await server.files(), { [FIRST]: FIRST_TEXT, [SECOND]: SECOND_TEXT });
  });
  for (const server of [a, b]) {
    assert.equal(await server.read(FIRST), FIRST_TEXT);
    assert.equal((await server.located(SECOND)).surplus, -1);
  }
}

/** 2. */
export async function deleteEverywhere(stage: Stage): Promise<void> {
  const servers = await stage.start(["A", "B"]);
  await deleteFirst(stage, servers);
  const [a, b] = servers;
  // It stays known as deleted: bytes that turn up again on a disk do not bring it back (C9).
  await b.stop();
  await b.plantOnDisk(FIRST, FIRST_TEXT);
  await b.start();
  await a.put("later", "something else");
  await stage.eventually("B has the file after it, and nobody the deleted one", async () => {
    assert.deepEqual(holders(await a.located("later")), ["A", "B"]);
    for (const server of servers) assert.equal(await server.locate(FIRST), undefined);
    assert.equal(FIRST in (await a.files()), false);
  });
}

async function deleteFirst(stage: Stage, servers: readonly [Server, Server]): Promise<void> {
  const [a] = servers;
  await a.put(FIRST, FIRST_TEXT);
  await a.put(SECOND, SECOND_TEXT);
  await allHold(stage, servers, { [FIRST]: FIRST_TEXT, [SECOND]: SECOND_TEXT });
  const untouched = await Promise.all(servers.map(async (server) => (await server.disk()).get(SECOND)));
  await stage.middle();
  await a.remove(FIRST);
  await allHold(stage, servers, { [SECOND]: SECOND_TEXT });
  await stage.middle();
  for (const server of servers) {
    await server.refuses("file-not-found", `to read ${FIRST}`, () => server.read(FIRST));
    assert.equal(await server.locate(FIRST), undefined);
    assertMatches(await server.status(), { files: 1, bytes: 13, minSurplus: -1 });
  }
  const after = await Promise.all(servers.map(async (server) => (await server.disk()).get(SECOND)));
  assert.deepEqual(after, untouched, "the other file is the very same one");
}

/** 3. */
export async function putAgain(stage: Stage): Promise<void> {
  const servers = await stage.start(["A", "B"]);
  await deleteFirst(stage, servers);
  const [, b] = servers;
  await b.put(FIRST, "a new content");
  await allHold(stage, servers, { [FIRST]: "a new content", [SECOND]: SECOND_TEXT });
  await stage.middle();
  for (const server of servers) assert.equal(await server.read(FIRST), "a new content");
}

/** 4. */
export async function manyServers(stage: Stage): Promise<void> {
  const names = Array.from({ length: stage.options.servers }, (_, i) => `S${String(i + 1).padStart(3, "0")}`);
  const servers = await stage.start(names);
  const [first] = servers;
  const last = servers.at(-1);
  if (!first || !last) throw new Error("this scenario wants servers");
  await first.put(FIRST, FIRST_TEXT);
  await first.put(SECOND, SECOND_TEXT);
  await allHold(stage, servers, { [FIRST]: FIRST_TEXT, [SECOND]: SECOND_TEXT });
  for (const server of servers)
    assert.deepEqual(holders(await server.located(FIRST)), names, `asked at ${server.name}`);
  await stage.middle();
  await last.remove(FIRST);
  await allHold(stage, servers, { [SECOND]: SECOND_TEXT });
  for (const server of servers) assert.equal(await server.locate(FIRST), undefined, `asked at ${server.name}`);
  await first.put(FIRST, "other bytes");
  await allHold(stage, servers, { [FIRST]: "other bytes", [SECOND]: SECOND_TEXT });
  for (const server of servers) assert.equal(await server.read(FIRST), "other bytes", `read at ${server.name}`);
}

/** On every disk lies just that, and every server says so. */
async function allHold(stage: Stage, servers: readonly Server[], files: Record<string, string>): Promise<void> {
  const names = servers.map(({ name }) => name);
  await stage.eventually(`all hold ${Object.keys(files).join(" and ")}, and nothing else`, async () => {
    for (const server of servers) {
      assert.deepEqual(await server.files(), files, `on the disk of ${server.name}`);
      for (const path of Object.keys(files)) assert.deepEqual(holders(await server.located(path)), names);
    }
  });
}

function assertMatches(actual: object, expected: object): void {
  assert.partialDeepStrictEqual(actual, expected);
}
