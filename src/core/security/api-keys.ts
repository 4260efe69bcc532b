/**
 * API keys (section 10): what people and programs show to be let in. A key reads `fsdfs_<id>_<secret>`; the id names it
 * in lists and logs, and the catalog keeps a hash of the whole. One plain SHA-256 is enough, since the secret has 160
 * random bits: there is nothing to guess that stretching would slow down.
 */
import { createHash } from "node:crypto";
import { hex } from "../bytes.ts";
import type { Bytes } from "../catalog/kv.ts";
import { equalText } from "./tokens.ts";

const ID_BYTES = 6;
const SECRET_BYTES = 20;
/** How much chance `makeKey` takes. */
export const KEY_RANDOM_BYTES = ID_BYTES + SECRET_BYTES;

const KEY = /^fsdfs_([0-9a-f]{12})_[0-9a-f]{40}$/;

export interface MadeKey {
  /** Names the key without being it: 12 lower-case hexadecimal digits. */
  readonly id: string;
  /** The whole key, as its user sends it. */
  readonly secret: string;
}

export function makeKey(random: Bytes): MadeKey {
  if (random.length !== KEY_RANDOM_BYTES) throw new RangeError(`a key takes ${KEY_RANDOM_BYTES} random bytes`);
  const id = hex(random.subarray(0, ID_BYTES));
  return { id, secret: `fsdfs_${id}_${hex(random.subarray(ID_BYTES))}` };
}

/** The id of what looks like a key; undefined for anything else. */
export function parseKey(secret: string): { readonly id: string } | undefined {
  const id = KEY.exec(secret)?.[1];
  return id === undefined ? undefined : { id };
}

/** What is kept of a key: 64 lower-case hexadecimal digits. */
export function hashKey(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether `secret` is the key whose hash was kept, compared in constant time. */
export function matchesHash(secret: string, hash: string): boolean {
  return equalText(hashKey(secret), hash);
}
