/** P5, C12: a directory is made at a path on one side of a cut, and a file put there on the other: the later one stays. */
import { describe, expect, it } from "vitest";
import { sha256Of } from "./content.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const CUT_MS = 5_000;
const HEALED_MS = 15_000;
const ASK_TIMEOUT_MS = 20_000;

/** Answers the entries that the first server lists. */
async function onTwoSides(swarm: Swarm, first: "file" | "directory", below?: string): Promise<[string, string][]> {
  const [one, other] = swarm.machines as [Machine, Machine];
  swarm.cut([one], [other], true);
  await swarm.world.sleep(CUT_MS);
  const put = () => putText(swarm, one, "a", "text");
  const make = () => other.ask((face) => face.makeDirectory("a"), ASK_TIMEOUT_MS);
  for (const write of first === "file" ? [put, make] : [make, put]) {
    await write();
    await swarm.world.sleep(100);
  }
  if (below !== undefined) await putText(swarm, other, below, "text below");
  swarm.heal([one], [other], "reset");
  await swarm.world.sleep(HEALED_MS);
  const { entries } = await one.ask((face) => face.list("", { recursive: true }), ASK_TIMEOUT_MS);
  return entries.map(({ name, type }) => [name, type]);
}

const trashOf = ({ files }: Machine): string[] =>
  files.tree().flatMap(({ name, content }) => (name.startsWith(".fsdfs/trash/") && content ? [sha256Of(content)] : []));

describe("a directory and a file of one name, from two sides of a cut", () => {
  it("P5: when the directory was made later, it stays, and the file lies in the trash under no other name", () =>
    play({ servers: 2, copies: 2 }, async (swarm) => {
      expect(await onTwoSides(swarm, "file")).toEqual([["a", "directory"]]);
      expect(trashOf(swarm.machines[0]!)).toEqual([sha256Of(new TextEncoder().encode("text"))]);
    }));

  it("P5, C12: the same when something lies in the directory", () =>
    play({ servers: 2, copies: 2 }, async (swarm) => {
      const entries = [
        ["a", "directory"],
        ["a/b", "file"],
      ];
      expect(await onTwoSides(swarm, "file", "a/b")).toEqual(entries);
      expect(trashOf(swarm.machines[0]!)).toEqual([sha256Of(new TextEncoder().encode("text"))]);
    }));

  it("P5: when the file was put later, it stays, and the empty directory is gone", () =>
    play({ servers: 2, copies: 2 }, async (swarm) => {
      expect(await onTwoSides(swarm, "directory")).toEqual([["a", "file"]]);
    }));
});
