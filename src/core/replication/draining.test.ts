import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drainPromises, drainVerdict } from "./draining.ts";

describe("giving up a copy on a server that is drained", () => {
  it("P3, D1: takes N promises, of fewer servers that stay as many as these, and never fewer than min(W, N)", () => {
    expect(drainPromises({ target: 3, safe: 2, staying: 5 })).toBe(3);
    expect(drainPromises({ target: 3, safe: 2, staying: 2 })).toBe(2);
    expect(drainPromises({ target: 3, safe: 2, staying: 1 })).toBe(2);
    expect(drainPromises({ target: 1, safe: 1, staying: 0 })).toBe(1);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.nat(9), (target, w, staying) => {
        const safe = Math.min(w, target);
        const promises = drainPromises({ target, safe, staying });
        expect(promises).toBeGreaterThanOrEqual(safe);
        expect(promises).toBeLessThanOrEqual(target);
      }),
    );
  });

  it("says what it waits for: more servers, room on those that stay, or the copies that they make", () => {
    const copy = { target: 3, safe: 2, holders: 1, staying: 4, hasRoom: true };
    expect(drainVerdict({ ...copy, holders: 3 })).toBe("ready");
    expect(drainVerdict(copy)).toBe("copies");
    expect(drainVerdict({ ...copy, hasRoom: false })).toBe("room");
    expect(drainVerdict({ ...copy, staying: 1 })).toBe("servers");
  });
});
