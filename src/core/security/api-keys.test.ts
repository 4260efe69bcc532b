import { describe, expect, it } from "vitest";
import { hashKey, KEY_RANDOM_BYTES, makeKey, matchesHash, parseKey } from "./api-keys.ts";

const random = (fill: number) => new Uint8Array(KEY_RANDOM_BYTES).fill(fill);

describe("API keys", () => {
  it("carry their id in front of a secret of 160 bits", () => {
    const key = makeKey(random(0xab));
    expect(key.id).toBe("ab".repeat(6));
    expect(key.secret).toBe(`fsdfs_${key.id}_${"ab".repeat(20)}`);
    expect(parseKey(key.secret)).toEqual({ id: key.id });
  });

  it("are not made from less chance than they take", () => {
    expect(() => makeKey(new Uint8Array(KEY_RANDOM_BYTES - 1))).toThrow(RangeError);
  });

  it.each([
    "",
    "fsdfs_",
    "secret",
    "fsdfs_abc_def",
    `fsdfs_${"a".repeat(12)}_${"g".repeat(40)}`,
    `${makeKey(random(1)).secret} `,
  ])("do not look like %j", (text) => {
    expect(parseKey(text)).toBeUndefined();
  });

  it("match their own hash and no other, and the hash does not show the secret", () => {
    const { secret } = makeKey(random(1));
    const hash = hashKey(secret);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(matchesHash(secret, hash)).toBe(true);
    expect(matchesHash(makeKey(random(2)).secret, hash)).toBe(false);
    expect(matchesHash(secret, "")).toBe(false);
  });
});
