/** Scenarios 11 and 12: what callers from outside meet. */
import assert from "node:assert/strict";
import { failureOf, holders, type Server, type Stage } from "../stage.ts";

const PATH = "music/song.ogg";
const TEXT = "twenty bytes of a song";
const LONG_TEXT = "too long for B";

/** 11. */
export async function errors(stage: Stage): Promise<void> {
  const [a] = await stage.start(["A"], { quotaBytes: 100 });
  await a.put(PATH, TEXT);
  await refusals(stage, a);
  await stage.middle();
  const [b] = await stage.start(["B"], { quotaBytes: 10 });
  for (const server of [a, b]) await refusals(stage, server);

  await a.breakDisk();
  await a.refuses("disk-failed", "to store on a broken disk", () => a.api.put("other", LONG_TEXT));
  await a.mendDisk();
  // B, which A would hand an upload on to for a while, has no room for it: A's own disk is tried, and works.
  await a.put("other", LONG_TEXT);
  assert.equal(await a.read("other"), LONG_TEXT);
  assert.equal(await a.read(PATH), TEXT);

  // What fails in A is told to who asks B, and both go on.
  assert.equal(await b.read(PATH), TEXT);
  await a.loseFromDisk(PATH);
  for (const server of [b, a]) {
    await server.refuses("no-copy-reachable", "to read a file whose only copy is lost", () => server.read(PATH));
  }
  await a.put(PATH, "a new song");
  for (const server of [a, b]) assert.equal(await server.read(PATH), "a new song");
  await stage.whole();
}

/** Each call is answered with its reason and changes nothing, and the next one is served. */
async function refusals(stage: Stage, server: Server): Promise<void> {
  const before = await Promise.all(stage.servers.map((each) => each.disk()));
  const { api } = server;
  await server.refuses("file-not-found", "to read what is not there", () => api.read("music/none.ogg"));
  await server.refuses("file-not-found", "to delete what is not there", () => api.remove("music/none.ogg"));
  await server.refuses("path-invalid", "a path with ..", () => api.put("music/../../secret", "x"));
  await server.refuses("not-a-directory", "a file inside of a file", () => api.put(`${PATH}/inside`, "x"));
  await server.refuses("is-a-directory", "a file in the place of a directory", () => api.put("music", "x"));
  await server.refuses("no-space", "what nobody has room for", () => api.put("large", "x".repeat(1_000)));
  assert.equal(await server.read(PATH), TEXT, "the server goes on");
  assert.equal((await server.status()).files, 1);
  assert.deepEqual(await Promise.all(stage.servers.map((each) => each.disk())), before, "no disk has changed");
}

/** 12. */
export async function administration(stage: Stage): Promise<void> {
  const [a, b] = await stage.start(["A", "B"]);
  await a.put(PATH, TEXT);
  await a.put("another", "another");
  await stage.eventually("both files are on both", async () => {
    for (const path of [PATH, "another"]) assert.deepEqual(holders(await b.located(path)), ["A", "B"]);
  });
  const { secret } = await a.api.createKey("administrator", "admin");
  await stage.middle();
  const byPassword = a.outsider({ password: stage.password });
  const byKey = b.outsider({ key: secret });
  for (const outsider of [byPassword, byKey]) {
    const { files, bytes, minSurplus, servers } = await outsider.status();
    const expected = { files: 2, bytes: TEXT.length + 7, minSurplus: -1, servers: { up: 2, total: 2 } };
    assert.deepEqual({ files, bytes, minSurplus, servers }, expected);
    assert.deepEqual(holders((await outsider.locate(PATH)) ?? { servers: [] }), ["A", "B"]);
    assert.equal(await outsider.locate("music/none.ogg"), undefined);
  }
  stage.say("who knows the password, or a key, gets the status and the holders of a path");
  await byPassword.remove(PATH);
  await byKey.remove("another");
  stage.say("and deletes a file");
  await stage.eventually("both files are gone from both", async () => {
    for (const server of [a, b]) assert.deepEqual(await server.files(), {});
    assert.equal((await byKey.status()).files, 0);
  });
  for (const [wrong, reason] of [
    [a.outsider({ password: "not the swarm's password" }), /signature does not fit/],
    [a.outsider({ key: secret.replace(/.$/, (last) => (last === "0" ? "1" : "0")) }), /key is not valid/],
  ] as const) {
    const failure = await failureOf(() => wrong.status());
    assert.match(failure instanceof Error ? failure.message : String(failure), reason);
  }
  stage.say("who knows neither is told that");
}
