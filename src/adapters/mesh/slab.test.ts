import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gather, hold, release, Slab } from "./slab.ts";

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

  it("holds pieces put together, in order, which have memory of their own (P4)", () => {
    const slab = new Slab();
    const pieces = Array.from({ length: 40 }, (_, i) => {
      slab.next().fill(i, 0, 10_000);
      const taken = slab.take(10_000);
      hold(taken);
      return taken;
    });
    const gathered = gather(pieces);
    expect(gathered.length).toBe(260_000);
    expect(pieces.length).toBe(14);
    for (let i = 0; i < 100; i++) {
      slab.next().fill(255, 0, 16_384);
      slab.take(16_384);
    }
    for (let i = 0; i < 26; i++)
      expect(gathered.subarray(i * 10_000, (i + 1) * 10_000).every((byte) => byte === i)).toBe(true);
    release(gathered);
    expect(pieces[0]!.every((byte) => byte === 26)).toBe(true);
    for (const piece of pieces) release(piece);
  });

  it("bears that other memory is held and released", () => {
    const other = Buffer.from("other");
    hold(other);
    release(other);
    expect(other.toString()).toBe("other");
  });
});
