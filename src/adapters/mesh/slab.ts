/** Memory that a connection reads into, piece behind piece: so pieces of a body that come one by one lie side by side. */

const SLAB_BYTES = 256 * 1024;
/** A record of TLS. With less left the next is begun, so that records are not cut. */
const PIECE_BYTES = 16 * 1024;

export class Slab {
  #memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  /** Where the next bytes go. */
  next(): Buffer {
    if (SLAB_BYTES - this.#used < PIECE_BYTES) {
      this.#memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    return this.#memory.subarray(this.#used);
  }

  /** So many bytes have come there. Answers them; nobody writes there again. */
  take(bytes: number): Buffer {
    const start = this.#used;
    this.#used += bytes;
    return this.#memory.subarray(start, this.#used);
  }
}
