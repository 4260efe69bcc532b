/** Scenarios 7, 8 and 13: a server goes away and comes back. */
import assert from "node:assert/strict";
import { holders, type Server, type Stage } from "../stage.ts";

const PATH = "music/song.ogg";
const TEXT = "a song";

/** 7. */
export async function downAndBack(stage: Stage): Promise<void> {
  const [a, b] = await twoWithTheSong(stage);
  const before = await b.disk();
  await stage.middle();
  await b.stop();
  await stage.eventually("A offers B to no reader, and still counts its copy", async () => {
    assertCopies(await a.located(PATH), 2, -1);
    assert.deepEqual((await a.located(PATH)).servers.map(nameAndState), ["A up", "B down"]);
    assert.deepEqual((await a.status()).servers, { up: 1, total: 2 });
  });
  assert.equal(await a.read(PATH), TEXT);
  await absent(stage, a, b);
  await stage.middle();
  await absent(stage, a, b);
  await b.start();
  await stage.eventually("B's copy counts again", async () => {
    for (const server of [a, b]) {
      assertCopies(await server.located(PATH), 2, -1);
      assert.deepEqual(holders(await server.located(PATH)), ["A", "B"]);
      assert.equal((await server.status()).minSurplus, -1);
    }
  });
  assert.deepEqual(await b.disk(), before, "not a byte was copied: B has the very file that it had");
}

function absent(stage: Stage, a: Server, b: Server): Promise<void> {
  return stage.afterGrace("B is absent but in the roster, and its copy does not count", async () => {
    assert.equal((await a.infoOf(b)).state, "absent");
    assertCopies(await a.located(PATH), 1, -2);
    const { servers, minSurplus } = await a.status();
    assert.deepEqual({ servers, minSurplus }, { servers: { up: 1, total: 2 }, minSurplus: -2 });
  });
}

/** 8. */
export async function deletedWhileAway(stage: Stage): Promise<void> {
  const [a, b] = await twoWithTheSong(stage);
  await b.stop();
  await stage.whole();
  await a.remove(PATH);
  await stage.eventually("it is in A's trash", async () => assert.deepEqual(await a.files(), {}));
  await stage.middle();
  assert.deepEqual(Object.keys(await b.files()), [PATH], "B's disk still has it");
  await b.start();
  await goneEverywhere(stage, a, b);
  await stage.middle();
  await goneEverywhere(stage, a, b);
}

async function goneEverywhere(stage: Stage, a: Server, b: Server): Promise<void> {
  await stage.eventually("the file is on no disk and nobody knows it", async () => {
    for (const server of [a, b]) {
      assert.deepEqual(await server.files(), {}, `on the disk of ${server.name}`);
      assert.equal(await server.locate(PATH), undefined);
      assert.equal((await server.status()).files, 0);
    }
  });
  for (const server of [a, b]) await server.refuses("file-not-found", `to read ${PATH}`, () => server.read(PATH));
}

/** 13. */
export async function fourHundredFiles(stage: Stage): Promise<void> {
  const [a, b] = await stage.start(["A", "B"]);
  const files = new Map(Array.from({ length: 400 }, (_, i) => [`many/${i % 10}/file${i}`, `content ${i}\n`] as const));
  await a.putAll(files);
  await bothHoldAll(stage, a, b, files);
  const before = await b.disk();
  await stage.middle();
  await b.stop();
  await stage.afterGrace("B is taken for down, and each file has one copy", async () => {
    assert.equal((await a.infoOf(b)).state, "absent");
    for (const location of await a.api.locate([...files.keys()])) assert.equal(location?.copies, 1, location?.path);
  });
  await b.start();
  await bothHoldAll(stage, a, b, files);
  assert.deepEqual(await b.disk(), before, "nothing was copied again");
}

async function bothHoldAll(stage: Stage, a: Server, b: Server, files: ReadonlyMap<string, string>): Promise<void> {
  await stage.eventually("all 400 are located on both", async () => {
    for (const server of [a, b]) {
      const locations = await server.api.locate([...files.keys()]);
      for (const [i, path] of [...files.keys()].entries()) {
        assert.deepEqual(locations[i] && holders(locations[i]), ["A", "B"], `${path} at ${server.name}`);
      }
    }
  });
  // A holding is stated when the bytes are durable, a moment before they get their name.
  await stage.eventually("and lie on their disks", async () => {
    for (const server of [a, b]) {
      assert.deepEqual(new Map(Object.entries(await server.files())), new Map([...files].sort()));
    }
  });
}

async function twoWithTheSong(stage: Stage): Promise<[Server, Server]> {
  const [a, b] = await stage.start(["A", "B"]);
  await a.put(PATH, TEXT);
  await stage.eventually("both have the song", async () => {
    assertCopies(await a.located(PATH), 2, -1);
    assertCopies(await b.located(PATH), 2, -1);
    assert.deepEqual(await b.files(), { [PATH]: TEXT });
  });
  return [a, b];
}

function assertCopies(
  location: { readonly copies: number; readonly surplus: number },
  copies: number,
  surplus: number,
) {
  assert.deepEqual({ copies: location.copies, surplus: location.surplus }, { copies, surplus });
}

function nameAndState({ name, state }: { readonly name: string; readonly state: string }): string {
  return `${name} ${state}`;
}
