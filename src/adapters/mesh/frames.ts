/**
 * What lies on a connection: frames, each of a kind, of an exchange (one request and its answer), with a payload.
 *
 *     u8 kind, u32 exchange, u32 length of the payload, payload
 *
 * A body is any number of data frames with an end frame behind them: one that is cut short never passes for a whole one
 * (P4). TLS sees to it that what arrives is what was sent.
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import { HEAD_BYTES_MAX } from "../../ports/network.ts";

export const FRAME = {
  /** From who answers, once, before all others: it takes requests now. */
  ready: 1,
  /** The method's length in a byte, the method, the head; the second: a body follows. */
  request: 2,
  requestWithBody: 3,
  /** The head; the second: a body follows. */
  response: 4,
  responseWithBody: 5,
  /** A response that tells what went wrong. */
  failure: 6,
  /** A piece of a body. */
  data: 7,
  /** A body is whole. */
  end: 8,
  /** The exchange is given up; nobody sends anything of it any more. */
  reset: 9,
  /** The rest of the request's body is not wanted; the response is. */
  stop: 10,
  /** A u32: so many bytes more of the body may be sent. */
  window: 11,
  /** Asks for a sign of life, and is one. */
  ping: 12,
  pong: 13,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export const FRAME_HEADER_BYTES = 9;
/** A longer piece of a body is sent in several frames, so that others get their turn. */
export const DATA_BYTES_MAX = 256 * 1024;
/** A head with the method before it. */
const PAYLOAD_BYTES_MAX = HEAD_BYTES_MAX + 256;
const KIND_MAX = FRAME.pong;

export function frameHeader(kind: FrameKind, exchange: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header[0] = kind;
  header.writeUInt32BE(exchange, 1);
  header.writeUInt32BE(length, 5);
  return header;
}

/** A whole frame, for payloads that are cheaply copied. */
export function encodeFrame(kind: FrameKind, exchange: number, ...payload: readonly Bytes[]): Buffer {
  const length = payload.reduce((bytes, part) => bytes + part.length, 0);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  frame[0] = kind;
  frame.writeUInt32BE(exchange, 1);
  frame.writeUInt32BE(length, 5);
  let at = FRAME_HEADER_BYTES;
  for (const part of payload) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

/** Who is told of what arrives. */
export interface FrameSink {
  /** A frame is there, of any kind but data. The payload has memory of its own. */
  frame(kind: FrameKind, exchange: number, payload: Buffer): void;
  /** Some bytes of a body are there, as many as came together, in the memory of the chunk. */
  data(exchange: number, bytes: Buffer): void;
}

/** Takes bytes as they arrive, cut anywhere. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #kind: FrameKind = FRAME.ping;
  #exchange = 0;
  /** Of the payload, what has not come yet. */
  #missing = 0;
  /** What has come of a payload that has to be whole. */
  #parts: Buffer[] = [];

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws RangeError when it is no frame of this protocol */
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#headerBytes < FRAME_HEADER_BYTES) {
        at += this.#takeHeader(chunk, at);
        continue;
      }
      const end = Math.min(chunk.length, at + this.#missing);
      this.#takePayload(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
      at = end;
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const count = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, chunk.length - at);
    chunk.copy(this.#header, this.#headerBytes, at, at + count);
    this.#headerBytes += count;
    if (this.#headerBytes < FRAME_HEADER_BYTES) return count;
    const kind = this.#header[0]!;
    const length = this.#header.readUInt32BE(5);
    if (kind === 0 || kind > KIND_MAX) throw new RangeError(`no frame is of kind ${kind}`);
    if (length > (kind === FRAME.data ? DATA_BYTES_MAX : PAYLOAD_BYTES_MAX)) {
      throw new RangeError(`a frame of ${length} bytes`);
    }
    this.#kind = kind as FrameKind;
    this.#exchange = this.#header.readUInt32BE(1);
    this.#missing = length;
    if (length === 0) this.#takePayload(chunk.subarray(0, 0));
    return count;
  }

  #takePayload(bytes: Buffer): void {
    this.#missing -= bytes.length;
    const isWhole = this.#missing === 0;
    if (isWhole) this.#headerBytes = 0;
    if (this.#kind === FRAME.data) {
      if (bytes.length > 0) this.#sink.data(this.#exchange, bytes);
      return;
    }
    if (!isWhole) {
      this.#parts.push(Buffer.from(bytes));
      return;
    }
    const parts = [...this.#parts, bytes];
    this.#parts = [];
    this.#sink.frame(this.#kind, this.#exchange, Buffer.concat(parts)); // The memory of a chunk may be used again.
  }
}
