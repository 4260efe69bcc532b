/** Writing and reading compact binary rows and messages. Numbers are big-endian; counts are LEB128 varints. */
import type { Bytes } from "./catalog/kv.ts";

/** A byte order mark is part of a name: without `ignoreBOM` it would be taken away. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Small arrays are cut from slabs of this size: memory of its own for each costs several times as much. */
const SLAB_BYTES = 64 * 1024;
/** What is longer has memory of its own, so that keeping it keeps no more. */
const CUT_BYTES_MAX = 2048;

/** So few are copied faster one by one than by a call that copies many. */
const LOOP_BYTES_MAX = 32;

/** Asking an array for its buffer is slow, so that it is kept beside it. */
interface Memory {
  readonly bytes: Buffer;
  readonly buffer: ArrayBuffer;
}

/**
 * Node's own ways from bytes to text, which read any Uint8Array where it lies. `toString` is for Buffers only: one would
 * be made for each call, which costs more than the text.
 */
const toText = Buffer.prototype as unknown as Record<
  "utf8Slice" | "latin1Slice" | "hexSlice",
  (this: Bytes, start: number, end: number) => string
>;

let slab = newMemory(SLAB_BYTES);
/** Bytes of the slab that are given away; no byte is given twice. */
let slabUsed = 0;

/** Bytes of zeros, to be filled by who asked for them. */
function allocate(length: number): Bytes {
  if (length > CUT_BYTES_MAX) return new Uint8Array(length);
  const start = takeFromSlab(length);
  return new Uint8Array(slab.buffer, start, length);
}

function newMemory(length: number): Memory {
  const buffer = new ArrayBuffer(length);
  return { bytes: Buffer.from(buffer), buffer };
}

export function copyOf(bytes: Bytes): Bytes {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}

function takeFromSlab(length: number): number {
  if (slabUsed + length > SLAB_BYTES) {
    slab = newMemory(SLAB_BYTES);
    slabUsed = 0;
  }
  const start = slabUsed;
  slabUsed += length;
  return start;
}

export function utf8(text: string): Bytes {
  return encode(text, Buffer.byteLength(text), "utf8");
}

/** One byte for each character, which must be below 256. */
export function latin1(text: string): Bytes {
  return encode(text, text.length, "latin1");
}

export function fromLatin1(bytes: Bytes): string {
  return toText.latin1Slice.call(bytes, 0, bytes.length);
}

function encode(text: string, length: number, encoding: "utf8" | "latin1"): Bytes {
  if (length > CUT_BYTES_MAX) return new Uint8Array(Buffer.from(text, encoding));
  const start = takeFromSlab(length);
  slab.bytes.write(text, start, length, encoding);
  return new Uint8Array(slab.buffer, start, length);
}

/** @throws TypeError when the bytes are no UTF-8 */
export function fromUtf8(bytes: Bytes): string {
  const text = toText.utf8Slice.call(bytes, 0, bytes.length);
  // U+FFFD stands for what is no UTF-8, unless it was written.
  return text.includes("\uFFFD") ? decoder.decode(bytes) : text;
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

export function hex(bytes: Bytes, start = 0, end = bytes.length): string {
  return toText.hexSlice.call(bytes, start, end);
}

export function fromHex(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** What `read` answers; undefined when the bytes that it reads are damaged. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** Whether it tells of bytes that are not what they should be: as rows are read (RangeError), UTF-8 (TypeError), JSON. */
export function isDamage(error: unknown): boolean {
  return error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError;
}

/** Grows as it is written. */
export class ByteWriter {
  #memory: Memory;
  #bytes: Buffer;
  #start: number;
  #end: number;
  #position: number;

  constructor(expectedBytes = 128) {
    const isCut = expectedBytes <= CUT_BYTES_MAX;
    this.#start = isCut ? takeFromSlab(expectedBytes) : 0;
    this.#memory = isCut ? slab : newMemory(expectedBytes);
    this.#bytes = this.#memory.bytes;
    this.#end = this.#start + expectedBytes;
    this.#position = this.#start;
  }

  get length(): number {
    return this.#position - this.#start;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#position++] = value;
    return this;
  }

  /** An unsigned integer of `width` bytes, at most 7. */
  uint(value: number, width: number): this {
    this.#reserve(width);
    let rest = value;
    for (let i = this.#position + width - 1; i >= this.#position; i--) {
      this.#bytes[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.#position += width;
    return this;
  }

  /** @throws RangeError when the value is negative, no integer or above 2^53 - 1: it would be read as another */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`no count: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#position++] = rest;
    return this;
  }

  /** As they are, without a length. */
  raw(bytes: Bytes): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#position);
    this.#position += bytes.length;
    return this;
  }

  /** Behind their length. */
  bytes(bytes: Bytes): this {
    return this.varint(bytes.length).raw(bytes);
  }

  text(text: string): this {
    if (this.#shortAscii(text)) return this;
    const length = Buffer.byteLength(text);
    this.varint(length).#reserve(length);
    this.#bytes.write(text, this.#position, "utf8");
    this.#position += length;
    return this;
  }

  /** Hexadecimal digits, two for each byte. */
  hex(text: string, from = 0, to = text.length): this {
    this.#reserve((to - from) / 2);
    for (let i = from; i < to; i += 2) {
      this.#bytes[this.#position++] = (digitOf(text.charCodeAt(i)) << 4) | digitOf(text.charCodeAt(i + 1));
    }
    return this;
  }

  /** What was written. Nothing more is written then. */
  finish(): Bytes {
    // What was taken and is not needed goes back, if nothing was taken behind it.
    if (this.#memory === slab && this.#end === slabUsed) slabUsed = this.#position;
    this.#end = this.#position;
    return new Uint8Array(this.#memory.buffer, this.#start, this.length);
  }

  /** Most names: characters are bytes, and their count is one. */
  #shortAscii(text: string): boolean {
    if (text.length >= 128) return false;
    this.#reserve(1 + text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 128) return false;
      this.#bytes[this.#position + 1 + i] = code;
    }
    this.#bytes[this.#position] = text.length;
    this.#position += 1 + text.length;
    return true;
  }

  #reserve(count: number): void {
    if (this.#position + count <= this.#end) return;
    const larger = new ByteWriter(Math.max(this.length + count, (this.#end - this.#start) * 2));
    this.#bytes.copy(larger.#bytes, larger.#start, this.#start, this.#position);
    this.#position = larger.#start + this.length;
    this.#memory = larger.#memory;
    this.#bytes = larger.#bytes;
    this.#start = larger.#start;
    this.#end = larger.#end;
  }
}

function digitOf(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57;
}

/** @throws RangeError when the bytes end before what is read, so that a cut message never passes for a short one */
export class ByteReader {
  readonly #bytes: Bytes;
  #position: number;

  constructor(bytes: Bytes, from = 0) {
    this.#bytes = bytes;
    this.#position = from;
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
    if (count > LOOP_BYTES_MAX) return copyOf(this.#bytes.subarray(start, start + count));
    const copy = allocate(count);
    for (let i = 0; i < count; i++) copy[i] = this.#bytes[start + i]!;
    return copy;
  }

  bytes(): Bytes {
    return this.raw(this.varint());
  }

  text(): string {
    const text = this.textOrUndefined();
    if (text === undefined) throw new RangeError("a text is not UTF-8");
    return text;
  }

  /** Undefined when the bytes of the text are there, but no UTF-8. */
  textOrUndefined(): string | undefined {
    const length = this.varint();
    const start = this.#take(length);
    const text = toText.utf8Slice.call(this.#bytes, start, start + length);
    // U+FFFD stands for what is no UTF-8, unless it was written: a damaged name must not pass for another.
    if (
      text.includes("\uFFFD") &&
      Buffer.compare(Buffer.from(text), this.#bytes.subarray(start, start + length)) !== 0
    ) {
      return undefined;
    }
    return text;
  }

  hex(count: number): string {
    const start = this.#take(count);
    return toText.hexSlice.call(this.#bytes, start, start + count);
  }

  passOver(count: number): void {
    this.#take(count);
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
