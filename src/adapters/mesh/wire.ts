/**
 * How a message lies in an HTTP/2 stream, in either direction:
 *
 *     u32  length of the head; the highest bit says that a body follows
 *     …    head
 *     then, with a body: any number of (u32 length > 0, bytes), and u32 0 at its end
 *
 * The marks are there because Node ends a readable HTTP/2 stream alike when the other side has finished and when it
 * reset the stream without an error: without them a body cut short could pass for a whole one (P4).
 */
import type { Readable, Writable } from "node:stream";
import type { Bytes } from "../../core/catalog/kv.ts";
import { NetworkError } from "../../ports/network.ts";

const LENGTH_BYTES = 4;
const BODY_FOLLOWS = 0x8000_0000;
/** A longer chunk is sent in pieces. */
const PIECE_BYTES_MAX = 16 * 1024 * 1024;
/** What is queued between the stream and a slow reader; the stream stops above it. */
const QUEUE_BYTES_MAX = 256 * 1024;

function headFrame(head: Bytes, bodyFollows: boolean): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + head.length);
  frame.writeUInt32BE(((bodyFollows ? BODY_FOLLOWS : 0) | head.length) >>> 0, 0);
  frame.set(head, LENGTH_BYTES);
  return frame;
}

/** A message of a head alone: it needs no waiting. */
export function writeHead(stream: Writable, head: Bytes): void {
  stream.end(headFrame(head, false));
}

/**
 * Sends head and body; asks for a chunk only when the one before has left, so that the sender may reuse its buffer and
 * a slow reader stops it. Returns early when the stream is closed. Rejects with what the body threw.
 */
export async function writeMessage(stream: Writable, head: Bytes, body: AsyncIterable<Bytes>): Promise<void> {
  stream.write(headFrame(head, true));
  for await (const chunk of body) {
    for (let start = 0; start < chunk.length; start += PIECE_BYTES_MAX) {
      const piece = chunk.length <= PIECE_BYTES_MAX ? chunk : chunk.subarray(start, start + PIECE_BYTES_MAX);
      if (!(await writePiece(stream, piece))) return;
    }
    if (stream.destroyed || stream.writableEnded) return;
  }
  if (!stream.destroyed && !stream.writableEnded) stream.end(Buffer.alloc(LENGTH_BYTES));
}

/** Answers false when the stream has been closed meanwhile. */
function writePiece(stream: Writable, piece: Bytes): Promise<boolean> {
  if (stream.destroyed || stream.writableEnded) return Promise.resolve(false);
  return new Promise((resolve) => {
    const mark = Buffer.allocUnsafe(LENGTH_BYTES);
    mark.writeUInt32BE(piece.length, 0);
    stream.cork();
    stream.write(mark);
    stream.write(piece, (error) => resolve(error === undefined || error === null));
    stream.uncork();
  });
}

/** Reads one message from a stream, as fast as its reader asks and no faster. */
export class MessageReader {
  readonly #stream: Readable;
  readonly #headBytesMax: number;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  #failure: NetworkError | undefined;
  #whole = false;
  /** The stream has ended: what is not in the queue does not come. Every stream ends, and an error costs a stack trace. */
  #isCut = false;
  #wake: (() => void) | undefined;

  constructor(stream: Readable, headBytesMax: number) {
    this.#stream = stream;
    this.#headBytesMax = headBytesMax;
    stream.on("data", (chunk: Buffer) => this.#arrived(chunk));
    const cut = () => {
      this.#isCut = true;
      this.#wake?.();
    };
    stream.once("end", cut);
    stream.once("close", cut);
  }

  /** Everything of the message has been read. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Ends the reading with an error, unless the message is complete or its stream has ended. The first failure counts. */
  fail(error: NetworkError): void {
    if (this.#whole || this.#failure || this.#isCut) return;
    this.#failure = error;
    this.#wake?.();
  }

  /** @throws NetworkError `closed`, `too-large`, or what `fail` was given */
  async head(): Promise<Bytes> {
    const length = (await this.#take(LENGTH_BYTES)).readUInt32BE(0);
    const headBytes = length & ~BODY_FOLLOWS;
    if (headBytes > this.#headBytesMax) {
      throw new NetworkError("too-large", `a head of ${headBytes} bytes, ${this.#headBytesMax} are allowed`);
    }
    const head = await this.#take(headBytes);
    if ((length & BODY_FOLLOWS) === 0) this.#finish();
    return head;
  }

  /** The bytes behind the head, once. `left` is called when the reader leaves before the end. */
  body(left: () => void): AsyncIterableIterator<Bytes> {
    let pieceBytes = 0;
    const next = async (): Promise<IteratorResult<Bytes>> => {
      if (this.#whole) return { done: true, value: undefined };
      if (pieceBytes === 0) {
        pieceBytes = (await this.#take(LENGTH_BYTES)).readUInt32BE(0);
        if (pieceBytes === 0) {
          this.#finish();
          return { done: true, value: undefined };
        }
      }
      const value = await this.#takeSome(pieceBytes);
      pieceBytes -= value.length;
      return { done: false, value };
    };
    const leave = async (): Promise<IteratorResult<Bytes>> => {
      if (!this.#whole) left();
      return { done: true, value: undefined };
    };
    const iterator = { next, return: leave, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  #arrived(chunk: Buffer): void {
    if (this.#whole) return;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes > QUEUE_BYTES_MAX) this.#stream.pause();
    this.#wake?.();
  }

  /** Lets the rest, which is only the stream's end, pass by, so that the stream can close. */
  #finish(): void {
    this.#whole = true;
    this.#queue.length = 0;
    this.#stream.resume();
  }

  async #take(length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const first = await this.#takeSome(length);
    if (first.length === length) return first;
    const parts = [first];
    for (let missing = length - first.length; missing > 0; ) {
      const part = await this.#takeSome(missing);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts, length);
  }

  /** At least one byte, at most `length`, without copying. */
  async #takeSome(length: number): Promise<Buffer> {
    for (;;) {
      const first = this.#queue[0];
      if (first) return this.#takeFrom(first, length);
      if (this.#failure) throw this.#failure;
      if (this.#isCut) throw new NetworkError("closed", "the other side ended the exchange early");
      this.#stream.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #takeFrom(first: Buffer, length: number): Buffer {
    const taken = first.length <= length ? first : first.subarray(0, length);
    if (taken === first) this.#queue.shift();
    else this.#queue[0] = first.subarray(length);
    this.#queuedBytes -= taken.length;
    return taken;
  }
}
