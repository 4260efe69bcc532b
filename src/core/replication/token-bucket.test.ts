import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

describe("a token bucket", () => {
  it("lets what was kept pass at once, and the rest at its rate", () => {
    const bucket = new TokenBucket(1000, 100, 0);
    expect(bucket.take(100, 0)).toBe(0);
    expect(bucket.take(50, 0)).toBe(50);
    expect(bucket.take(50, 0)).toBe(100);
    expect(bucket.take(10, 100)).toBe(10);
  });

  it("keeps no more than it may, however long nobody takes", () => {
    const bucket = new TokenBucket(1000, 100, 0);
    expect(bucket.take(150, 1_000_000)).toBe(50);
  });

  it("passes an amount larger than all it keeps", () => {
    expect(new TokenBucket(1000, 100, 0).take(10_100, 0)).toBe(10_000);
  });

  it("never lets more pass in any time than the rate and what was kept, whatever is taken when", () => {
    const takes = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 5000 }), afterMs: fc.nat(3000) }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.nat(2000), takes, (ratePerS, keptMs, list) => {
        const bucket = new TokenBucket(ratePerS, keptMs, 0);
        let now = 0;
        let taken = 0;
        for (const { amount, afterMs } of list) {
          now += afterMs;
          taken += amount;
          const passesAt = now + bucket.take(amount, now);
          expect(taken).toBeLessThanOrEqual(((passesAt + keptMs) * ratePerS) / 1000 + 1e-6 * taken + 1e-6);
        }
      }),
    );
  });
});
