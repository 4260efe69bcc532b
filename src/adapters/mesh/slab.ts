/**
 * Memory that a connection reads into, piece behind piece: so pieces of a body that come one by one lie side by side. It is
 * used again when nobody holds a piece of it any more: memory that is new to a process costs more than what is written there.
 */

const SLAB_BYTES = 256 * 1024;
/** A record of TLS. With less left the next is begun, so that records are not cut. */
const PIECE_BYTES = 16 * 1024;
/** 4 MB. */
const SPARE_MAX = 16;

interface Use {
  holds: number;
  /** Nothing more is read into it. */
  isFull: boolean;
}

const uses = new WeakMap<ArrayBufferLike, Use>();
const spare: Buffer[] = [];

export class Slab {
  #memory: Buffer;
  #use: Use;
  #used = 0;

  constructor() {
    [this.#memory, this.#use] = begin();
  }

  /** Where the next bytes go. */
  next(): Buffer {
    if (SLAB_BYTES - this.#used < PIECE_BYTES) {
      this.#use.isFull = true;
      if (this.#use.holds === 0) giveBack(this.#memory);
      [this.#memory, this.#use] = begin();
      this.#used = 0;
    }
    return this.#memory.subarray(this.#used);
  }

  /** So many bytes have come there. Nobody writes there as long as they are held, or the next have not been asked for. */
  take(bytes: number): Buffer {
    const start = this.#used;
    this.#used += bytes;
    return this.#memory.subarray(start, this.#used);
  }
}

/** These bytes are needed until they are released. Nothing when they do not lie in a slab. */
export function hold(bytes: Buffer): void {
  const use = uses.get(bytes.buffer);
  if (use !== undefined) use.holds += 1;
}

export function release(bytes: Buffer): void {
  const use = uses.get(bytes.buffer);
  if (use === undefined) return;
  use.holds -= 1;
  if (use.holds === 0 && use.isFull) giveBack(Buffer.from(bytes.buffer));
}

/** The first of these pieces put together, as many as a slab holds, and taken out of the list: they are held as one then. */
export function gather(pieces: Buffer[]): Buffer {
  const [memory, use] = begin();
  let bytes = 0;
  let count = 0;
  for (const piece of pieces) {
    if (bytes + piece.length > SLAB_BYTES) break;
    memory.set(piece, bytes);
    bytes += piece.length;
    count += 1;
  }
  use.isFull = true;
  use.holds = 1;
  for (const piece of pieces.splice(0, count)) release(piece);
  return memory.subarray(0, bytes);
}

function begin(): [Buffer, Use] {
  const memory = spare.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  const use = { holds: 0, isFull: false };
  uses.set(memory.buffer, use);
  return [memory, use];
}

function giveBack(memory: Buffer): void {
  uses.delete(memory.buffer);
  if (spare.length < SPARE_MAX) spare.push(memory);
}
