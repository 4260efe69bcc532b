/** Scenario 14: what comes into a swarm from elsewhere. */
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
