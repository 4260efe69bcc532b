/** Bits in a row, most significant first, and the two checksums of a FLAC frame. */

const START_BYTES = 16 * 1024;

export class BitWriter {
  #bytes = new Uint8Array(START_BYTES);
  #bits = 0;

  /** The lowest `count` bits of `value`; at most 32. */
  write(value: number, count: number): void {
    this.#reserve(count);
    for (let left = count; left > 0; ) {
      const free = 8 - (this.#bits & 7);
      const taken = Math.min(free, left);
      const piece = (value >>> (left - taken)) & ((1 << taken) - 1);
      const at = this.#bits >> 3;
      this.#bytes[at] = (this.#bytes[at] ?? 0) | (piece << (free - taken));
      this.#bits += taken;
      left -= taken;
    }
  }

  /** That many zeros, and a one. */
  writeUnary(zeros: number): void {
    this.#reserve(zeros + 1);
    this.#bits += zeros;
    this.write(1, 1);
  }

  /** Up to the next whole byte, with zeros. */
  align(): void {
    this.#bits = (this.#bits + 7) & ~7;
  }

  /** What was written, in whole bytes. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, (this.#bits + 7) >> 3);
  }

  #reserve(bits: number): void {
    const needed = ((this.#bits + bits) >> 3) + 2;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

export function crc8(bytes: Uint8Array): number {
  return crc(bytes, 8, CRC8);
}

export function crc16(bytes: Uint8Array): number {
  return crc(bytes, 16, CRC16);
}

const CRC8 = crcTable(8, 0x07);
const CRC16 = crcTable(16, 0x8005);

function crc(bytes: Uint8Array, width: 8 | 16, table: Uint16Array): number {
  const mask = (1 << width) - 1;
  let sum = 0;
  for (const byte of bytes) sum = ((sum << 8) & mask) ^ (table[(sum >> (width - 8)) ^ byte] ?? 0);
  return sum;
}

function crcTable(width: 8 | 16, polynomial: number): Uint16Array {
  const top = 1 << (width - 1);
  const mask = (1 << width) - 1;
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let sum = byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) sum = (sum & top ? (sum << 1) ^ polynomial : sum << 1) & mask;
    return sum;
  });
}
