import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRange } from "./ranges.ts";

const part = (start: number, end: number) => ({ kind: "part", start, end });
const whole = { kind: "whole" };
const unsatisfiable = { kind: "unsatisfiable" };

describe("readRange", () => {
  it.each([
    [undefined, whole],
    ["bytes=0-0", part(0, 1)],
    ["bytes=0-9", part(0, 10)],
    ["bytes=3-", part(3, 10)],
    ["BYTES=3-4", part(3, 5)],
    ["bytes= 3-4 ,", part(3, 5)],
    ["bytes=3-99999999999999999999999", part(3, 10)],
    ["bytes=-3", part(7, 10)],
    ["bytes=-30", part(0, 10)],
    ["bytes=10-", unsatisfiable],
    ["bytes=10-20", unsatisfiable],
    ["bytes=99999999999999999999999-", unsatisfiable],
    ["bytes=-0", unsatisfiable],
    ["bytes=0-1,3-4", whole],
    ["bytes=4-3", whole],
    ["bytes=-", whole],
    ["bytes=a-b", whole],
    ["bytes=1.5-2", whole],
    ["bytes=--1", whole],
    ["items=0-1", whole],
    ["", whole],
  ])("reads %j of ten bytes", (header, answer) => {
    expect(readRange(header, 10)).toEqual(answer);
  });

  it("finds nothing to satisfy in an empty file, whose last bytes are all of it", () => {
    expect(readRange("bytes=0-", 0)).toEqual(unsatisfiable);
    expect(readRange("bytes=-5", 0)).toEqual(whole);
  });

  it("answers at least one byte, within the file, whatever is asked", () => {
    const number = fc.oneof(fc.constant(""), fc.nat(40).map(String));
    fc.assert(
      fc.property(number, number, fc.nat(20), (first, last, size) => {
        const range = readRange(`bytes=${first}-${last}`, size);
        if (range.kind !== "part") return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThan(range.start);
        expect(range.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});
