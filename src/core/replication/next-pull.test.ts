import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { type HybridTime, versionId } from "../ids.ts";
import { rankPulls, type Wanted } from "./next-pull.ts";

const wanted = (index: number, changes: Partial<Wanted> = {}): Wanted => ({
  version: versionId(index as HybridTime, serverNumbered(1)),
  surplus: 0,
  announced: 0,
  gainsZone: false,
  preference: 1,
  rank: 0,
  order: 0,
  sizeBytes: 10,
  freeBytes: 100,
  available: true,
  isLeft: false,
  makesRoom: false,
  ...changes,
});

const ranked = (files: readonly Wanted[], freeBytes: number) =>
  rankPulls(files.map((file) => ({ ...file, freeBytes }))).map(({ version }) =>
    files.find((file) => file.version === version),
  );
const chooseNextPull = (files: readonly Wanted[], freeBytes: number) => ranked(files, freeBytes)[0];

describe("choosing what to pull", () => {
  it("takes the lowest surplus, also far above N", () => {
    const files = [wanted(1, { surplus: 3 }), wanted(2, { surplus: -2 }), wanted(3, { surplus: -1 })];
    expect(chooseNextPull(files, 100)).toBe(files[1]);
    expect(chooseNextPull([wanted(4, { surplus: 50 })], 100)?.surplus).toBe(50);
  });

  it("counts pulls that others have announced as copies", () => {
    const files = [wanted(1, { surplus: -2, announced: 2 }), wanted(2, { surplus: -1 })];
    expect(chooseNextPull(files, 100)).toBe(files[1]);
  });

  it("leaves out what nobody up holds, what failed lately and what does not fit", () => {
    const files = [wanted(1, { surplus: -3, available: false }), wanted(2, { surplus: -2, sizeBytes: 101 }), wanted(3)];
    expect(chooseNextPull(files, 100)).toBe(files[2]);
    expect(chooseNextPull(files.slice(0, 2), 100)).toBeUndefined();
    expect(chooseNextPull([wanted(4, { sizeBytes: 100 })], 100)).toBeDefined();
    expect(chooseNextPull([], 100)).toBeUndefined();
  });

  it("R1: takes one that has no room if copies may go for it, after those of its surplus that have room", () => {
    const files = [wanted(1, { sizeBytes: 101, makesRoom: true }), wanted(2), wanted(3, { surplus: 1 })];
    expect(ranked(files, 100)).toEqual([files[1], files[0], files[2]]);
  });

  it("gives the room of a file that is left to others to none that is wanted less", () => {
    const left = wanted(1, { surplus: -1, sizeBytes: 60, isLeft: true });
    const [same, less] = [wanted(2, { surplus: -1, sizeBytes: 50 }), wanted(3, { sizeBytes: 50 })];
    expect(ranked([left, same, less], 100)).toEqual([same]);
    expect(rankPulls([left, same, less].map((file) => ({ ...file, freeBytes: 110 })))).toMatchObject([
      { keptBytes: 0 },
      { keptBytes: 60 },
    ]);
    expect(ranked([{ ...left, available: false }, same, less], 100)).toEqual([same, less]);
  });

  it("R4: of one surplus takes those first that gain a zone", () => {
    const files = [wanted(1), wanted(2, { gainsZone: true, rank: 9 }), wanted(3, { surplus: -1 })];
    expect(ranked(files, 100)).toEqual([files[2], files[1], files[0]]);
  });

  it("R5: of one surplus takes those first that should rather be here, but for zones and what needs no room made", () => {
    const files = [
      wanted(1, { preference: 0.5 }),
      wanted(2, { preference: 3, rank: 9 }),
      wanted(3, { preference: 9, makesRoom: true }),
      wanted(4, { preference: 0, gainsZone: true }),
      wanted(5, { preference: 0, surplus: -1 }),
    ];
    expect(ranked(files, 100)).toEqual([files[4], files[3], files[1], files[0], files[2]]);
  });

  it("decides ties by this server's place among those that might copy it, so that they begin at different files", () => {
    const files = [
      wanted(1, { rank: 2, order: 9 }),
      wanted(2, { rank: 1, order: 5 }),
      wanted(3, { rank: 1, order: 7 }),
    ];
    expect(ranked(files, 100)).toEqual([files[2], files[1], files[0]]);
  });

  it("ranks all that could be pulled, and none before one that is wanted more", () => {
    const any = fc.record({
      surplus: fc.integer({ min: -3, max: 3 }),
      announced: fc.nat(2),
      order: fc.nat(3),
      sizeBytes: fc.nat(20),
      available: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(any), fc.nat(20), (rest, freeBytes) => {
        const files = rest.map((each, i) => wanted(i, { ...each, freeBytes }));
        const able = files.filter((file) => file.available && file.sizeBytes <= freeBytes);
        const pulls = rankPulls(files);
        expect(new Set(pulls.map(({ version }) => version))).toEqual(new Set(able.map(({ version }) => version)));
        const surpluses = pulls.map((file) => file.surplus + file.announced);
        expect(surpluses).toEqual(surpluses.toSorted((a, b) => a - b));
      }),
    );
  });
});
