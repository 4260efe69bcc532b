/** Chance from the operating system's secure source. */
import { getRandomValues, randomBytes } from "node:crypto";
import type { Random } from "../../ports/random.ts";

export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction() {
    const [high = 0, low = 0] = getRandomValues(new Uint32Array(2));
    // 53 bits, what a double can hold.
    return ((high >>> 6) * 2 ** 27 + (low >>> 5)) / 2 ** 53;
  },
};
