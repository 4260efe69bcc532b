/** The soundness of C7: what was deleted never returns, whatever is forgotten, put back from a backup, or joins. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyStep, type Bug, play, type Step } from "../../../tests/catalog/collecting-swarm.ts";
import { MemoryView } from "../../../tests/catalog/memory-view.ts";
import { addCheckpoint, oldNumbers, readCheckpoints } from "./checkpoints.ts";

const put = { kind: "put", which: 0, value: 1, time: 0 } as const;
const remove = { kind: "delete", which: 0, value: 0, time: 0 } as const;
const TIMEOUT_MS = 120_000;

/** A catalog from before a deletion is put back when the deletion is forgotten. */
const relapse: readonly Step[] = [
  { do: "level all" },
  { do: "write", server: 0, write: put },
  { do: "level all" },
  { do: "back up", server: 1 },
  { do: "write", server: 0, write: remove },
  { do: "keep house", servers: [0, 1, 2, 3] },
  { do: "put back", server: 1 },
  { do: "level", from: 1, to: 2 },
];

const wrong = (steps: readonly Step[], bug?: Bug) => play(steps, bug).wrong;

describe("collecting deletions", () => {
  it("C7: what was deleted never returns, claims are true, and all say the same in the end", {
    timeout: TIMEOUT_MS,
  }, () => {
    const anySteps = fc.array(anyStep, { minLength: 20, maxLength: 90, size: "max" });
    fc.assert(
      fc.property(anySteps, (steps) => {
        expect(wrong(steps)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it("what no catalog has any more, all that had it having been put back, is not asked for", () => {
    const steps: readonly Step[] = [
      { do: "back up", server: 0 },
      { do: "back up", server: 1 },
      { do: "write", server: 1, write: put },
      { do: "level", from: 1, to: 0 },
      { do: "put back", server: 1 },
      { do: "put back", server: 0 },
    ];
    expect(wrong(steps)).toEqual([]);
  });

  it("C7: nor does it by a catalog from a backup, which gives way to the swarm's", { timeout: TIMEOUT_MS }, () => {
    const { wrong: nothing, collected, discarded } = play(relapse);
    expect(nothing).toEqual([]);
    expect(collected).toBeGreaterThan(0);
    expect(discarded).toBe(1);
    const noises = fc.array(fc.array(anyStep, { maxLength: 3 }), {
      minLength: relapse.length,
      maxLength: relapse.length,
    });
    fc.assert(
      fc.property(noises, (around) => {
        expect(wrong(relapse.flatMap((step, i) => [step, ...around[i]!]))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it("C7, C8: a write of an earlier epoch, made on a backup that was put back, stays where a later deletion is forgotten", () => {
    const epoch: Step = { do: "write", server: 0, write: { kind: "epoch", which: 0, value: 0, time: 0 } };
    const again: Step = { do: "write", server: 1, write: { ...put, value: 2 } };
    const steps = [...relapse.slice(0, 3), epoch, ...relapse.slice(3, -1), again, ...relapse.slice(-1)];
    const { wrong: nothing, discarded } = play(steps);
    expect(nothing).toEqual([]);
    expect(discarded).toBe(1);
  });

  it("C7: it would, if floors were not raised, or a catalog below one were kept", () => {
    expect(wrong(relapse, "forgets without raising the floor")).not.toEqual([]);
    expect(wrong(relapse, "keeps a catalog below a floor")).not.toEqual([]);
  });

  it("C7: nor does a variable that was removed, and nothing is kept of it", () => {
    const set = { kind: "variable", which: 0, value: 2, time: 0 } as const;
    const steps = relapse.map((step): Step => {
      if (step.do !== "write") return step;
      return { ...step, write: step.write === remove ? { ...set, value: 0 } : set };
    });
    const { wrong: nothing, collected, discarded } = play(steps);
    expect([nothing, collected, discarded]).toEqual([[], 4, 1]);
    expect(wrong(steps, "forgets without raising the floor")).not.toEqual([]);
    expect(wrong(steps, "keeps a catalog below a floor")).not.toEqual([]);
  });

  it("C7: what this server wrote after its backup was put back is kept, under its own time", () => {
    const written: Step = { do: "write", server: 1, write: { ...put, which: 2 } };
    const { wrong: nothing, discarded } = play([...relapse.slice(0, -1), written, { do: "level all" }]);
    expect(discarded).toBe(1);
    expect(nothing).toEqual([]);
  });
});

describe("checkpoints", () => {
  it("C7: are old when so much time was watched since; of the old ones the newest counts, and is kept", () => {
    const view = new MemoryView();
    for (let atMs = 0; atMs <= 200; atMs += 10) addCheckpoint(view, { atMs, numbers: new Map([[1, atMs]]) }, 100);
    const checkpoints = readCheckpoints(view);
    expect(checkpoints.map(({ atMs }) => atMs)).toEqual([100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200]);
    expect(oldNumbers(checkpoints, 209, 100).get(1)).toBe(100);
    expect(oldNumbers(checkpoints, 210, 100).get(1)).toBe(110);
    expect(oldNumbers(checkpoints.slice(5), 200, 100).size).toBe(0);
  });
});
