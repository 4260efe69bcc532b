/** That a scenario can fail: a stage that believes everything would prove nothing. */
import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { simulatedMachinery } from "./simulated.ts";
import { Stage } from "./stage.ts";

function playing(story: (stage: Stage) => Promise<void>, restarts = false): Promise<void> {
  const machinery = simulatedMachinery(1);
  const stage = new Stage(machinery, { restarts, servers: 1, tell: () => {} });
  return machinery.play(() => story(stage));
}

test("what does not come about fails the scenario, and is told with the last reason", async () => {
  const story = playing(async (stage) => {
    const [a] = await stage.start(["A"]);
    await stage.eventually("A has a file", async () => assert.equal((await a.status()).files, 1, "no file yet"));
  });
  await expect(story).rejects.toThrow("it does not come about that A has a file: no file yet");
});

test("an error of another kind than the one that is expected fails the scenario", async () => {
  const story = playing(async (stage) => {
    const [a] = await stage.start(["A"]);
    await a.refuses("no-space", "to read what is not there", () => a.read("none"));
  });
  await expect(story).rejects.toThrow("file-not-found");
});

test("what was to be refused and is done fails the scenario", async () => {
  const story = playing(async (stage) => {
    const [a] = await stage.start(["A"]);
    await a.refuses("no-space", "a small file", () => a.api.put("small", "x"));
  });
  await expect(story).rejects.toThrow("should have been refused");
});

test("a restart that loses something fails the scenario", async () => {
  const story = playing(async (stage) => {
    const [a] = await stage.start(["A"]);
    await a.put("song", "a song");
    const { stop } = a;
    a.stop = async () => {
      await stop.call(a);
      await a.loseFromDisk("song");
    };
    await stage.middle();
  }, true);
  await expect(story).rejects.toThrow("everything is as it was before the restart");
});
