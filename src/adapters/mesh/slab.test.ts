import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hold, release, Slab } from "./slab.ts";

describe("a slab", () => {
  it("never writes over what is held, however long and in whatever order it is released (P4)", () => {
    const reads = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 16_384 }), releases: fc.nat({ max: 3 }) }), {
      minLength: 100,
      maxLength: 200,
    });
    fc.assert(
      fc.property(reads, fc.integer({ min: 1, max: 60 }), (reads, heldMost) => {
        const slab = new Slab();
        const held: { bytes: Buffer; value: number }[] = [];
        for (const [i, { bytes, releases }] of reads.entries()) {
          const place = slab.next();
          expect(place.length).toBeGreaterThanOrEqual(bytes);
          place.fill(i & 255, 0, bytes);
          const taken = slab.take(bytes);
          hold(taken);
          held.push({ bytes: taken, value: i & 255 });
          for (let n = 0; (n < releases || held.length > heldMost) && held.length > 0; n++) {
            const [gone] = held.splice((i * 7) % held.length, 1);
            expect(gone!.bytes.every((byte) => byte === gone!.value)).toBe(true);
            release(gone!.bytes);
          }
        }
        for (const { bytes, value } of held) expect(bytes.every((byte) => byte === value)).toBe(true);
        for (const { bytes } of held) release(bytes);
      }),
      { numRuns: 30 },
    );
  });

  it("is used again when nothing of it is held any more", () => {
    const memories = new Set<ArrayBufferLike>();
    const slab = new Slab();
    for (let i = 0; i < 1000; i++) {
      slab.next();
      const taken = slab.take(16_384);
      hold(taken);
      memories.add(taken.buffer);
      release(taken);
    }
    expect(memories.size).toBeLessThan(4);
  });

  it("bears that other memory is held and released", () => {
    const other = Buffer.from("other");
    hold(other);
    release(other);
    expect(other.toString()).toBe("other");
  });
});
