/**
 * A small FLAC encoder (RFC 9639): one channel of 16 bits, fixed predictors, Rice codes. It makes files half the size of
 * their samples that every player plays, and knows nothing of what they sound like.
 */
import { createHash } from "node:crypto";
import { BitWriter, crc8, crc16 } from "./bit-writer.ts";

const BLOCK_SAMPLES = 4096;
const ORDER_MAX = 4;
/** 16 partitions of a whole block, each with a parameter of its own. */
const PARTITION_ORDER = 4;
const RICE_PARAMETER_MAX = 14;
const BITS_PER_SAMPLE = 16;
/** How a frame names 22,050 Hz. */
const RATE_CODE = 0b0110;
export const SAMPLE_RATE_HZ = 22_050;

/** @param tags as in a Vorbis comment: TITLE, ARTIST, … */
export function encodeFlac(samples: Int16Array, tags: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < samples.length; at += BLOCK_SAMPLES) {
    frames.push(frame(samples.subarray(at, at + BLOCK_SAMPLES), frames.length));
  }
  const sizes = frames.map((each) => each.length);
  const parts = [
    Buffer.from("fLaC"),
    block(0, streamInfo(samples, Math.min(...sizes), Math.max(...sizes)), false),
    block(4, comments(tags), true),
    ...frames,
  ];
  return new Uint8Array(Buffer.concat(parts));
}

function block(type: number, body: Uint8Array, last: boolean): Uint8Array {
  const out = new BitWriter();
  out.write(last ? 1 : 0, 1);
  out.write(type, 7);
  out.write(body.length, 24);
  return Buffer.concat([out.bytes(), body]);
}

function streamInfo(samples: Int16Array, leastBytes: number, mostBytes: number): Uint8Array {
  const out = new BitWriter();
  out.write(BLOCK_SAMPLES, 16);
  out.write(BLOCK_SAMPLES, 16);
  out.write(leastBytes, 24);
  out.write(mostBytes, 24);
  out.write(SAMPLE_RATE_HZ, 20);
  out.write(0, 3);
  out.write(BITS_PER_SAMPLE - 1, 5);
  out.write(0, 4);
  out.write(samples.length, 32);
  return Buffer.concat([out.bytes(), createHash("md5").update(littleEndian(samples, 2)).digest()]);
}

function comments(tags: Readonly<Record<string, string>>): Uint8Array {
  const texts = ["fsdfs demo", ...Object.entries(tags).map(([name, value]) => `${name}=${value}`)];
  const sized = texts.map((text) => {
    const bytes = Buffer.from(text);
    return Buffer.concat([littleEndian([bytes.length], 4), bytes]);
  });
  const [vendor = Buffer.alloc(0), ...rest] = sized;
  return Buffer.concat([vendor, littleEndian([rest.length], 4), ...rest]);
}

function littleEndian(numbers: ArrayLike<number>, bytesEach: number): Uint8Array {
  const bytes = new Uint8Array(numbers.length * bytesEach);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (numbers[Math.floor(at / bytesEach)] ?? 0) >> (8 * (at % bytesEach));
  }
  return bytes;
}

function frame(samples: Int16Array, number: number): Uint8Array {
  const out = new BitWriter();
  const whole = samples.length === BLOCK_SAMPLES;
  out.write(0xfff8, 16);
  out.write(whole ? 0b1100 : 0b0111, 4);
  out.write(RATE_CODE, 4);
  out.write(0, 4);
  out.write(0b100, 3);
  out.write(0, 1);
  for (const byte of Buffer.from(String.fromCodePoint(number))) out.write(byte, 8);
  if (!whole) out.write(samples.length - 1, 16);
  out.write(crc8(out.bytes()), 8);
  subframe(out, samples, whole ? PARTITION_ORDER : 0);
  out.align();
  out.write(crc16(out.bytes()), 16);
  return out.bytes();
}

function subframe(out: BitWriter, samples: Int16Array, partitionOrder: number): void {
  const { order, residual } = predict(samples);
  out.write(0b001000 | order, 7);
  out.write(0, 1);
  for (let at = 0; at < order; at++) out.write(samples[at] ?? 0, BITS_PER_SAMPLE);
  out.write(0, 2);
  out.write(partitionOrder, 4);
  const each = samples.length >> partitionOrder;
  for (let from = 0; from < samples.length; from += each) {
    writeRice(out, residual.subarray(Math.max(from, order), from + each));
  }
}

/** What is left when each sample is guessed from those before it, in the way that leaves least. */
function predict(samples: Int16Array): { order: number; residual: Int32Array } {
  let residual = new Int32Array(samples);
  let best = { order: 0, residual, sum: Number.POSITIVE_INFINITY };
  for (let order = 0; order <= Math.min(ORDER_MAX, samples.length - 1); order++) {
    if (order > 0) residual = differences(residual, order);
    let sum = 0;
    for (let at = ORDER_MAX; at < residual.length; at++) sum += Math.abs(residual[at] ?? 0);
    if (sum < best.sum) best = { order, residual, sum };
  }
  return best;
}

function differences(from: Int32Array, order: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length);
  for (let at = order; at < from.length; at++) to[at] = (from[at] ?? 0) - (from[at - 1] ?? 0);
  return to;
}

function writeRice(out: BitWriter, residual: Int32Array): void {
  let sum = 0;
  for (const value of residual) sum += folded(value);
  const mean = residual.length === 0 ? 0 : sum / residual.length;
  const parameter = Math.min(RICE_PARAMETER_MAX, Math.max(0, Math.round(Math.log2(mean * 0.7 + 0.5))));
  out.write(parameter, 4);
  for (const value of residual) {
    const number = folded(value);
    out.writeUnary(number >>> parameter);
    out.write(number & ((1 << parameter) - 1), parameter);
  }
}

/** 0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …. */
function folded(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
