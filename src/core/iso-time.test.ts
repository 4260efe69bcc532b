import fc from "fast-check";
import { expect, it } from "vitest";
import { isoTime } from "./iso-time.ts";

it("is what Date says, for any time, one after the other", () => {
  const ms = fc.oneof(
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
    fc.integer({ min: 0, max: 4e12 }),
    fc.double({ min: -1e12, max: 4e12, noNaN: true }),
  );
  fc.assert(
    fc.property(ms, (time) => {
      expect(isoTime(time)).toBe(new Date(time).toISOString());
    }),
    { numRuns: 2000 },
  );
});
