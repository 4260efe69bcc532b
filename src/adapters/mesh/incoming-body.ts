/** A body that arrives: kept until it is read, never more of it than its sender was allowed to send. */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { NetworkError } from "../../ports/network.ts";
import { gather, hold, release } from "./slab.ts";

/** So many pieces of a window are granted anew one by one, so that a sender need not stand still for a whole one. */
const GRANTS_PER_WINDOW = 8;
/** Of pieces below this some are put together: what readers do for each costs more than copying it. */
const SMALL_BYTES = 32 * 1024;

export interface IncomingBodyEvents {
  /** So many bytes have been read, and as many more may come. */
  granted(bytes: number): void;
  /** The reader has left before the end. */
  left(): void;
}

export class IncomingBody {
  readonly #windowBytes: number;
  readonly #events: IncomingBodyEvents;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** What was handed out last: the reader's until it asks for the next. */
  #handedOut: Buffer | undefined;
  /** Read, and not granted anew yet. */
  #readBytes = 0;
  #isWhole = false;
  #failure: NetworkError | undefined;
  #wake: (() => void) | undefined;
  /** The reader is woken when all is there that has come together. */
  #isWaking = false;

  constructor(windowBytes: number, events: IncomingBodyEvents) {
    this.#windowBytes = windowBytes;
    this.#events = events;
  }

  /** Whether no more of it comes. */
  get isOver(): boolean {
    return this.#isWhole || this.#failure !== undefined;
  }

  /** @throws RangeError when it is more than was granted */
  arrived(bytes: Buffer): void {
    if (this.isOver) return;
    this.#enqueue(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes + this.#readBytes > this.#windowBytes) throw new RangeError("a body beyond its window");
    if (this.#wake === undefined || this.#isWaking) return;
    this.#isWaking = true;
    setImmediate(() => {
      this.#isWaking = false;
      this.#wake?.();
    });
  }

  /** What lies behind the last piece in memory becomes a part of it: readers do the same work for less of them. */
  #enqueue(bytes: Buffer): void {
    const last = this.#queue.at(-1);
    const isBehind = last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset;
    if (!isBehind) {
      hold(bytes);
      this.#queue.push(bytes);
    } else this.#queue[this.#queue.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length);
  }

  /** All of it has arrived. */
  end(): void {
    if (!this.isOver) this.#isWhole = true;
    this.#wake?.();
  }

  /** The rest does not come. The first failure counts, and none once it is whole. */
  fail(error: NetworkError): void {
    if (!this.isOver) this.#failure = error;
    this.#wake?.();
  }

  /** Its bytes, once. Leaving them early is told. @throws NetworkError when they end early */
  bytes(): AsyncIterableIterator<Bytes> {
    const next = async (): Promise<IteratorResult<Bytes>> => {
      this.#takeBack();
      for (;;) {
        const first = this.#takeFirst();
        if (first !== undefined) {
          this.#handedOut = first;
          this.#granted(first.length);
          return { done: false, value: first };
        }
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#isWhole) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    };
    const leave = async (): Promise<IteratorResult<Bytes>> => {
      this.#takeBack();
      for (const piece of this.#queue.splice(0)) release(piece);
      if (!this.isOver) this.#events.left();
      return { done: true, value: undefined };
    };
    const iterator = { next, return: leave, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  #takeFirst(): Buffer | undefined {
    const [first] = this.#queue;
    const isOneOfMany = this.#queue.length > 1 && first!.length < SMALL_BYTES;
    return isOneOfMany ? gather(this.#queue) : this.#queue.shift();
  }

  #takeBack(): void {
    if (this.#handedOut !== undefined) release(this.#handedOut);
    this.#handedOut = undefined;
  }

  #granted(bytes: number): void {
    this.#queuedBytes -= bytes;
    this.#readBytes += bytes;
    if (this.isOver || this.#readBytes < this.#windowBytes / GRANTS_PER_WINDOW) return;
    this.#events.granted(this.#readBytes);
    this.#readBytes = 0;
  }
}
