/** S2: what was deleted forever is in no trash, whatever came to be at its path before its holder heard of the deletion. */
import { describe, expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const ASK_TIMEOUT_MS = 20_000;
const SETTLED_MS = 20_000;

/** What a server that is down meanwhile has in its trash, after a file was deleted forever and something took its place. */
async function trashedAfter(swarm: Swarm, replace: (machine: Machine) => Promise<unknown>): Promise<string[]> {
  const [first, , last] = swarm.machines as [Machine, Machine, Machine];
  await putText(swarm, first, "secret", "what nobody is to read");
  await putText(swarm, first, "other", "what anybody may read");
  await swarm.world.sleep(SETTLED_MS);
  last.crash();
  await swarm.world.sleep(SETTLED_MS);
  await first.ask((face) => face.remove("secret", { forever: true }), ASK_TIMEOUT_MS);
  await replace(first);
  last.start();
  await swarm.world.sleep(SETTLED_MS);
  const { files } = await first.ask((face) => face.listTrash(), ASK_TIMEOUT_MS);
  return files.map(({ path }) => path);
}

describe("a file that was deleted forever while a holder was down", () => {
  it("S2: lies in no trash after another was moved to its path", () =>
    play({}, async (swarm) => {
      const move = (machine: Machine) => machine.ask((face) => face.move("other", "secret"), ASK_TIMEOUT_MS);
      expect(await trashedAfter(swarm, move)).toEqual([]);
    }));

  it("S2: lies in no trash after a directory was made at its path", () =>
    play({}, async (swarm) => {
      const make = (machine: Machine) => machine.ask((face) => face.makeDirectory("secret"), ASK_TIMEOUT_MS);
      expect(await trashedAfter(swarm, make)).toEqual([]);
    }));

  it("S2: lies in no trash after a directory was moved to its path", () =>
    play({}, async (swarm) => {
      const move = (machine: Machine) =>
        machine.ask(async (face) => {
          await face.makeDirectory("directory");
          await face.move("directory", "secret");
        }, ASK_TIMEOUT_MS);
      expect(await trashedAfter(swarm, move)).toEqual([]);
    }));
});
