import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import type { ServerId } from "../ids.ts";
import { type Candidate, chooseTargets } from "./placement.ts";

const candidate = (index: number, changes: Partial<Candidate> = {}): Candidate => ({
  server: serverNumbered(index),
  zone: `zone ${index}`,
  load: 0,
  weight: 1,
  roomBytes: 1000,
  mayMakeRoom: false,
  ...changes,
});
const inOrder = (server: ServerId) => Number.parseInt(server, 16) / 1000;
const names = (servers: readonly ServerId[]) => servers.map((server) => Number.parseInt(server, 16));

describe("choosing targets", () => {
  it("S1: takes only servers with room, down to the last byte", () => {
    const candidates = [candidate(1, { roomBytes: 99 }), candidate(2, { roomBytes: 100 }), candidate(3)];
    expect(names(chooseTargets(candidates, 3, 100, [], inOrder))).toEqual([2, 3]);
    expect(chooseTargets(candidates, 2, 5000, [], inOrder)).toEqual([]);
    expect(chooseTargets([], 2, 1, [], inOrder)).toEqual([]);
  });

  it("R5: of those with room, and a new zone as well, takes those first where the file should rather be, loaded or not", () => {
    const candidates = [
      candidate(1, { weight: 9, roomBytes: 50, mayMakeRoom: true }),
      candidate(2, { weight: 9, zone: "taken" }),
      candidate(3, { weight: 0 }),
      candidate(4, { load: 0.3 }),
      candidate(5, { weight: 2, load: 0.9 }),
    ];
    expect(names(chooseTargets(candidates, 5, 100, ["taken"], inOrder))).toEqual([5, 4, 3, 2, 1]);
  });

  it("S1: a zone without a copy comes before a less loaded server in a zone that has one", () => {
    const candidates = [
      candidate(1, { zone: "a" }),
      candidate(2, { zone: "a" }),
      candidate(3, { zone: "b", load: 0.9 }),
      candidate(4, { zone: "c", load: 0.5 }),
    ];
    expect(names(chooseTargets(candidates, 3, 1, [], inOrder))).toEqual([1, 4, 3]);
    expect(names(chooseTargets(candidates, 2, 1, ["a", "c"], inOrder))).toEqual([3, 1]);
  });

  it("S1: takes one that is about to leave only when there is nobody else", () => {
    const candidates = [candidate(1, { isLast: true }), candidate(2, { zone: "taken", load: 1 }), candidate(3)];
    expect(names(chooseTargets(candidates, 2, 1, ["taken"], inOrder))).toEqual([3, 2]);
    expect(names(chooseTargets(candidates, 3, 1, ["taken"], inOrder))).toEqual([3, 2, 1]);
  });

  it("S1: when all zones are taken, goes on with the rest", () => {
    const candidates = [1, 2, 3].map((index) => candidate(index, { zone: "a" }));
    expect(names(chooseTargets(candidates, 3, 1, [], inOrder))).toEqual([1, 2, 3]);
  });

  it("S1: the least loaded first, but a difference that is noise is left to the tie", () => {
    const candidates = [candidate(1, { load: 0.09 }), candidate(2, { load: 0 }), candidate(3, { load: 0.5 })];
    expect(names(chooseTargets(candidates, 3, 1, [], inOrder))).toEqual([1, 2, 3]);
    expect(names(chooseTargets(candidates, 1, 1, [], (server) => -inOrder(server)))).toEqual([2]);
  });

  it("S3: takes one that may make room when too few have it", () => {
    const candidates = [
      candidate(1, { roomBytes: 0 }),
      candidate(2, { roomBytes: 0, mayMakeRoom: true }),
      candidate(3),
    ];
    expect(names(chooseTargets(candidates, 1, 10, [], inOrder))).toEqual([3]);
    expect(names(chooseTargets(candidates, 3, 10, [], inOrder))).toEqual([3, 2]);
  });

  it("gives as many different servers as are asked for and there are, and changes nothing it is given", () => {
    const any = fc.array(
      fc.record({
        zone: fc.constantFrom("a", "b", "c"),
        load: fc.double({ min: 0, max: 1, noNaN: true }),
        roomBytes: fc.nat(20),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(any, fc.nat(5), fc.nat(20), fc.subarray(["a", "b"]), (rest, count, sizeBytes, taken) => {
        const candidates = rest.map((each, i) => candidate(i + 1, each));
        const before = structuredClone(candidates);
        const chosen = chooseTargets(candidates, count, sizeBytes, taken, inOrder);
        const able = candidates.filter(({ roomBytes }) => roomBytes >= sizeBytes);
        expect(new Set(chosen).size).toBe(Math.min(count, able.length));
        expect(chosen.every((server) => able.some((each) => each.server === server))).toBe(true);
        const zones = (of: readonly { zone: string }[]) => new Set([...taken, ...of.map(({ zone }) => zone)]).size;
        const chosenZones = zones(able.filter(({ server }) => chosen.includes(server)));
        expect(chosenZones).toBe(Math.min(zones(able), new Set(taken).size + chosen.length));
        expect(candidates).toEqual(before);
      }),
    );
  });
});
