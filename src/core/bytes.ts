/** Writing and reading compact binary rows and messages. Numbers are big-endian; counts are LEB128 varints. */
import type { Bytes } from "./catalog/kv.ts";

const encoder = new TextEncoder();
/** A byte order mark is part of a name: without `ignoreBOM` it would be taken away. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

export function fromUtf8(bytes: Bytes): string {
  return decoder.decode(bytes);
}

/** Unsigned byte order, a shorter prefix first: negative, zero or positive. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function hex(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

export function fromHex(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** Grows as it is written. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(expectedBytes = 128) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** An unsigned integer of `width` bytes, at most 7. */
  uint(value: number, width: number): this {
    this.#reserve(width);
    let rest = value;
    for (let i = this.#length + width - 1; i >= this.#length; i--) {
      this.#bytes[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#length += width;
    return this;
  }

  /** @throws RangeError when the value is negative, no integer or above 2^53 - 1: it would be read as another */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`no count: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** As they are, without a length. */
  raw(bytes: Bytes): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Behind their length. */
  bytes(bytes: Bytes): this {
    return this.varint(bytes.length).raw(bytes);
  }

  text(text: string): this {
    const length = Buffer.byteLength(text);
    this.varint(length).#reserve(length);
    this.#bytes.write(text, this.#length, "utf8");
    this.#length += length;
    return this;
  }

  hex(text: string): this {
    this.#reserve(text.length / 2);
    this.#bytes.write(text, this.#length, "hex");
    this.#length += text.length / 2;
    return this;
  }

  /** A copy of what was written. */
  finish(): Bytes {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** @throws RangeError when the bytes end before what is read, so that a cut message never passes for a short one */
export class ByteReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Bytes) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get done(): boolean {
    return this.#position >= this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint(width: number): number {
    const start = this.#take(width);
    let value = 0;
    for (let i = start; i < start + width; i++) value = value * 256 + this.#bytes[i]!;
    return value;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.u8();
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte >= 128) continue;
      if (value <= Number.MAX_SAFE_INTEGER) return value;
      break;
    }
    throw new RangeError("a varint is too long");
  }

  raw(count: number): Bytes {
    const start = this.#take(count);
    return new Uint8Array(this.#bytes.subarray(start, start + count));
  }

  bytes(): Bytes {
    return this.raw(this.varint());
  }

  text(): string {
    const length = this.varint();
    const start = this.#take(length);
    const text = this.#bytes.toString("utf8", start, start + length);
    // U+FFFD stands for what is no UTF-8, unless it was written: a damaged name must not pass for another.
    if (
      text.includes("\uFFFD") &&
      Buffer.compare(Buffer.from(text), this.#bytes.subarray(start, start + length)) !== 0
    ) {
      throw new RangeError("a text is not UTF-8");
    }
    return text;
  }

  hex(count: number): string {
    const start = this.#take(count);
    return this.#bytes.toString("hex", start, start + count);
  }

  rest(): Bytes {
    return this.raw(this.#bytes.length - this.#position);
  }

  #take(count: number): number {
    const start = this.#position;
    if (start + count > this.#bytes.length) throw new RangeError("the bytes end too early");
    this.#position += count;
    return start;
  }
}
