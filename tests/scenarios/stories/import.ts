/** Scenarios 14 and 15: what comes into a swarm from elsewhere. */
import assert from "node:assert/strict";
import { failureOf, holders, type Stage } from "../stage.ts";

/** 14. */
export async function importByUrl(stage: Stage): Promise<void> {
  const [a, b] = await stage.start(["A", "B"]);
  const url = await stage.publish("elsewhere/live%20song.ogg", "a song from elsewhere");
  await a.putFrom("music/live.ogg", url);
  await stage.eventually("the file is on both servers, with the bytes that lay there", async () => {
    for (const server of [a, b]) {
      assert.deepEqual(await server.files(), { "music/live.ogg": "a song from elsewhere" });
      assert.deepEqual(holders(await server.located("music/live.ogg")), ["A", "B"]);
    }
  });
  await stage.middle();
  const again = await stage.publish("elsewhere/live%20song.ogg", "the same song, mixed anew");
  await b.putFrom("music/live.ogg", again);
  await stage.eventually("what lies there later takes its place when it is put again", async () => {
    for (const server of [a, b])
      assert.deepEqual(await server.files(), { "music/live.ogg": "the same song, mixed anew" });
  });
  const failure = await failureOf(() => a.putFrom("music/none.ogg", url.replace("live", "none")));
  assert.match(failure instanceof Error ? failure.message : String(failure), /status 404/);
  assert.equal(await a.locate("music/none.ogg"), undefined);
  stage.say("a URL where nothing lies is refused with its status, and nothing is stored");
}

const LIBRARY_FILES = 40;

/** 15. */
export async function importOfDirectory(stage: Stage): Promise<void> {
  const [a, b, c] = await stage.start(["A", "B", "C"]);
  const library = new Map(
    Array.from({ length: LIBRARY_FILES }, (_, i) => [`library/album ${i % 5}/${i}.ogg`, `song ${i}`]),
  );
  await a.plantAllOnDisk(library);
  const before = await a.disk();
  assert.deepEqual(await a.adopt("library"), { adopted: LIBRARY_FILES, present: 0, skipped: 0 });
  const paths = [...library.keys()];
  await stage.eventually(
    "the library is on all three, as it lies on A, and no file of it was copied there",
    async () => {
      for (const server of [a, b, c]) assert.deepEqual(await server.files(), Object.fromEntries([...library].sort()));
      assert.deepEqual(await a.disk(), before);
      for (const server of [a, b, c]) assert.equal((await server.status()).minSurplus, 0);
      for (const location of await c.api.locate(paths)) assert.deepEqual(holders(location!), ["A", "B", "C"]);
    },
  );
  await stage.middle();
  assert.deepEqual(await a.adopt("library"), { adopted: 0, present: LIBRARY_FILES, skipped: 0 });
  await b.plantBeside("records/1.ogg", "a record");
  await b.plantBeside("records/deep/2.ogg", "another");
  assert.deepEqual(await b.adopt("records", "records"), { adopted: 2, present: 0, skipped: 0 });
  await stage.eventually("what lay beside the data directory of B is on all three", async () => {
    for (const server of [a, b, c]) assert.equal((await server.files())["records/deep/2.ogg"], "another");
  });
  await b.plantBeside("records/1.ogg", "a record, played again");
  assert.deepEqual(await b.adopt("records", "records"), { adopted: 0, present: 1, skipped: 1 });
  stage.say("another content for a path that is taken is left as it is");
}
