/** The contents that clients put: each different from every other, so that a read names the put it comes from. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import type { SeededRandom } from "./random.ts";

export interface Content {
  readonly bytes: Bytes;
  readonly sha256: string;
}

const FILL_BYTES_MAX = 12_000;
/** No content is larger. */
export const SIZE_BYTES_MAX = FILL_BYTES_MAX + 100;

export function makeContent(label: string, random: SeededRandom): Content {
  const name = new TextEncoder().encode(`${label}\n`);
  // Mostly small: what is to be tested is not the moving of bytes.
  const fillBytes = random.chance(0.7) ? random.between(0, 200) : random.between(0, FILL_BYTES_MAX);
  const bytes = new Uint8Array(name.length + fillBytes);
  bytes.set(name);
  bytes.fill(random.between(1, 255), name.length);
  return { bytes, sha256: sha256Of(bytes) };
}

export function sha256Of(bytes: Bytes): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** In pieces, as an upload arrives; now and then with pauses. */
export async function* inPieces(
  bytes: Bytes,
  random: SeededRandom,
  pause: (ms: number) => Promise<void>,
): AsyncGenerator<Bytes> {
  const slow = random.chance(0.1);
  const pieceBytesMax = Math.max(4_096, Math.ceil(bytes.length / 64));
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + random.between(1, pieceBytesMax));
    yield bytes.slice(at, end);
    if (slow) await pause(random.between(1, 300));
    at = end;
  }
}
