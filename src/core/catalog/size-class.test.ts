import { expect, test } from "vitest";
import { leastBytes, sizeClass } from "./size-class.ts";

test("a class has no file smaller than it says, and none that is a fifth larger, but for a few bytes", () => {
  const sizes = [1, 2, 3, 4, 5, 1000, 1023, 1024, 1025, 5e6, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 1, 2 ** 53 - 2 ** 10];
  for (const size of sizes) {
    const least = leastBytes(sizeClass(size));
    expect(least).toBeLessThanOrEqual(size);
    expect(1.2 * least + 2).toBeGreaterThan(size);
  }
});

test("what is empty, or of no known size, fits anywhere", () => {
  expect(leastBytes(sizeClass(0))).toBe(0);
  expect(leastBytes(sizeClass(undefined))).toBe(0);
});

test("of sizes next to a power of two, which floating-point numbers round, none is taken for larger than it is", () => {
  for (let power = 1; power <= 53; power++) {
    for (const size of [2 ** power - 1, 2 ** power]) {
      expect(leastBytes(sizeClass(size))).toBeLessThanOrEqual(size);
    }
  }
});
