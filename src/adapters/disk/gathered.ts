/** Small pieces of a file put together, in memory that is used again by the next file. */
import type { Bytes } from "../../core/catalog/kv.ts";

/** Eight records of TLS, in which bytes come from other servers. */
const GATHERED_BYTES = 128 * 1024;
/** Handing so much to the system by itself costs less than copying it first. */
const LARGE_BYTES = 64 * 1024;
/** 4 MB. */
const SPARE_MAX = 32;

const spare: Uint8Array[] = [];

export class Gathered {
  #memory: Uint8Array | undefined;
  #length = 0;

  /** Copies a piece. False when it does not fit in any more: what is here has to be taken first, or it is large itself. */
  add(piece: Bytes): boolean {
    if (piece.length >= LARGE_BYTES || this.#length + piece.length > GATHERED_BYTES) return false;
    if (piece.length === 0) return true;
    this.#memory ??= spare.pop() ?? new Uint8Array(GATHERED_BYTES);
    this.#memory.set(piece, this.#length);
    this.#length += piece.length;
    return true;
  }

  /** All that was added, in order; `giveBack` when it is needed no more. */
  take(): { bytes: Bytes; giveBack: () => void } {
    const memory = this.#memory;
    const bytes = memory === undefined ? new Uint8Array() : memory.subarray(0, this.#length);
    this.#memory = undefined;
    this.#length = 0;
    const giveBack = () => {
      if (memory !== undefined && spare.length < SPARE_MAX) spare.push(memory);
    };
    return { bytes, giveBack };
  }
}
