/** Bodies on their way: a sender that waits for the receiver to take what was sent, and the receiver's end of it. */
import type { Bytes } from "../../core/catalog/kv.ts";
import { NetworkError } from "../../ports/network.ts";
import type { Pipe } from "./fabric.ts";

/** So much may be sent and not yet taken. Small, so that a test notices who buffers. */
export const WINDOW_BYTES = 256 * 1024;
/** What a message weighs besides its bytes. */
export const FRAME_BYTES = 40;

/** Where the pipe delivers a body. */
export interface BodySink {
  push(chunk: Bytes): void;
  end(): void;
  fail(error: NetworkError): void;
}

export class BodySender {
  readonly #iterator: AsyncIterator<Bytes>;
  readonly #pipe: Pipe;
  readonly #sink: BodySink;
  #windowBytes = WINDOW_BYTES;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(body: AsyncIterable<Bytes>, pipe: Pipe, sink: BodySink) {
    this.#iterator = body[Symbol.asyncIterator]();
    this.#pipe = pipe;
    this.#sink = sink;
  }

  /** Resolves when all is sent or the receiver wants no more; rejects with what the body threw. */
  async run(): Promise<void> {
    try {
      while (!this.#stopped) {
        const next = await this.#iterator.next();
        if (this.#stopped) return;
        if (next.done === true) {
          this.#pipe.send(FRAME_BYTES, () => this.#sink.end());
          this.#stopped = true;
          return;
        }
        await this.#send(next.value);
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#stopped = true;
      this.#pipe.send(FRAME_BYTES, () => this.#sink.fail(broken("the sender failed")));
      throw error;
    }
  }

  grant(bytes: number): void {
    this.#windowBytes += bytes;
    if (this.#windowBytes > 0) this.#resume();
  }

  /** The receiver wants no more, or the connection is gone. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#resume();
    const left = this.#iterator.return?.();
    left?.then(undefined, () => undefined);
  }

  async #send(chunk: Bytes): Promise<void> {
    // The owner may reuse its buffer as soon as it is asked for the next chunk. What comes out of a socket is a Buffer, whose
    // own `slice` copies nothing.
    const copy = Buffer.from(chunk);
    this.#windowBytes -= copy.length;
    this.#pipe.send(FRAME_BYTES + copy.length, () => this.#sink.push(copy));
    if (this.#windowBytes > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #resume(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

const USED_AGAIN = 0xdb;

export class BodyReceiver implements AsyncIterable<Bytes>, AsyncIterator<Bytes> {
  /** Tells the sender that so many bytes were taken. */
  readonly #grant: (bytes: number) => void;
  /** Tells the sender that nobody listens any more. */
  readonly #leave: () => void;
  readonly #chunks: Bytes[] = [];
  #takenBytes = 0;
  /** What was handed out last: who looks at it after asking for the next sees that he may not. */
  #handedOut: Bytes | undefined;
  #state: "open" | "ended" | "left" | NetworkError = "open";
  #waiting: PromiseWithResolvers<IteratorResult<Bytes>> | undefined;

  constructor(grant: (bytes: number) => void, leave: () => void) {
    this.#grant = grant;
    this.#leave = leave;
  }

  get complete(): boolean {
    return this.#state !== "open";
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    return this;
  }

  next(): Promise<IteratorResult<Bytes>> {
    this.#handedOut?.fill(USED_AGAIN);
    this.#handedOut = undefined;
    const chunk = this.#state === "left" ? undefined : this.#chunks.shift();
    if (chunk !== undefined) {
      return Promise.resolve({ done: false, value: this.#handOut(chunk) });
    }
    if (this.#state instanceof NetworkError) return Promise.reject(this.#state);
    if (this.#state !== "open") return Promise.resolve({ done: true, value: undefined });
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<Bytes>> {
    this.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Takes no more of it. */
  leave(): void {
    const wasOpen = this.#state === "open";
    this.#chunks.length = 0;
    if (this.#state !== "ended") this.#state = "left";
    this.#settle((waiting) => waiting.resolve({ done: true, value: undefined }));
    if (wasOpen) this.#leave();
  }

  push(chunk: Bytes): void {
    if (this.#state !== "open") return;
    if (this.#waiting === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    this.#settle((waiting) => waiting.resolve({ done: false, value: this.#handOut(chunk) }));
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#settle((waiting) => waiting.resolve({ done: true, value: undefined }));
  }

  fail(error: NetworkError): void {
    if (this.#state !== "open") return;
    this.#state = error;
    // What has arrived is dropped: the caller must not take a part for the whole.
    this.#chunks.length = 0;
    this.#settle((waiting) => waiting.reject(error));
  }

  #handOut(chunk: Bytes): Bytes {
    this.#handedOut = chunk;
    this.#taken(chunk.length);
    return chunk;
  }

  #taken(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < WINDOW_BYTES / 2) return;
    this.#grant(this.#takenBytes);
    this.#takenBytes = 0;
  }

  #settle(settle: (waiting: PromiseWithResolvers<IteratorResult<Bytes>>) => void): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    settle(waiting);
  }
}

export function broken(reason: string): NetworkError {
  return new NetworkError("closed", `the connection broke: ${reason}`);
}
