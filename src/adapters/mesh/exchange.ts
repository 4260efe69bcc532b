/** One request and its answer, as either side sees it: a body that comes, a body that goes, and how it ends. */
import type { Bytes } from "../../core/catalog/kv.ts";
import { NetworkError } from "../../ports/network.ts";
import { DATA_BYTES_MAX, FRAME, type FrameKind } from "./frames.ts";
import { IncomingBody } from "./incoming-body.ts";

/** What an exchange needs of its connection. */
export interface Wire {
  readonly windowBytes: number;
  send(kind: FrameKind, exchange: number, ...payload: readonly Bytes[]): void;
  /** Resolves when the bytes have left, with false when they cannot any more. */
  sendData(exchange: number, bytes: Bytes): Promise<boolean>;
  forget(exchange: Exchange): void;
}

export class Exchange {
  readonly id: number;
  /** What the other side sends behind its head. */
  readonly incoming: IncomingBody;
  /** Of the caller: a response's head is there. */
  onHead: ((kind: FrameKind, head: Buffer) => void) | undefined;
  /** It was given up before its time, by the other side, by this one, or because the connection has ended. */
  onGivenUp: ((why: NetworkError) => void) | undefined;
  /** Nothing more comes or goes. */
  onOver: (() => void) | undefined;
  readonly #wire: Wire;
  /** What the other side has sent and this side has sent: all that there will be. */
  #hasReceived = false;
  #hasSent = false;
  #isOver = false;
  #windowBytes: number;
  #wake: (() => void) | undefined;

  constructor(id: number, wire: Wire) {
    this.id = id;
    this.#wire = wire;
    this.#windowBytes = wire.windowBytes;
    this.incoming = new IncomingBody(wire.windowBytes, {
      granted: (bytes) => this.#grant(bytes),
      left: () => this.leave(),
    });
  }

  /** What is done when the reader of the other side's body leaves early: the caller gives all up. */
  leave: () => void = () => this.giveUp(new NetworkError("closed", "the request was given up"));

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Something of this exchange, but a piece of a body, has come. */
  frame(kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME.response || kind === FRAME.responseWithBody || kind === FRAME.failure) {
      this.onHead?.(kind, payload);
      if (kind !== FRAME.responseWithBody) this.received();
    } else if (kind === FRAME.end) this.received();
    else if (kind === FRAME.reset) this.fail(new NetworkError("closed", "the other side ended the exchange early"));
    else if (kind === FRAME.stop) this.sent();
    else if (kind === FRAME.window) this.#granted(payload.readUInt32BE(0));
  }

  /** The other side sends nothing more of this. */
  received(): void {
    this.#hasReceived = true;
    this.incoming.end();
    this.#forgetIfDone();
  }

  /** The rest of the body that comes is not wanted, and the other side has been told. */
  stopReceiving(): void {
    this.incoming.fail(new NetworkError("closed", "the rest was not wanted"));
    this.received();
  }

  /** This side sends nothing more of this. */
  sent(): void {
    this.#hasSent = true;
    this.#wake?.();
    this.#forgetIfDone();
  }

  /** Sends a body as the other side takes it; ends early when nobody wants it. Rejects with what the body threw. */
  async sendBody(body: AsyncIterable<Bytes>): Promise<void> {
    for await (const chunk of body) {
      for (let start = 0; start < chunk.length; ) {
        if (this.#hasSent || this.#isOver) return;
        const bytes = Math.min(this.#windowBytes, DATA_BYTES_MAX, chunk.length - start);
        if (bytes === 0) {
          await this.#moreWindow();
          continue;
        }
        this.#windowBytes -= bytes;
        const isWhole = bytes === chunk.length;
        const piece = isWhole ? chunk : chunk.subarray(start, start + bytes);
        if (!(await this.#wire.sendData(this.id, piece))) return;
        start += bytes;
      }
      if (this.#hasSent || this.#isOver) return;
    }
    if (this.#hasSent || this.#isOver) return;
    this.#wire.send(FRAME.end, this.id);
    this.sent();
  }

  /** Ends it here and there. Nothing when it is over. */
  giveUp(why: NetworkError): void {
    if (this.#isOver) return;
    this.#wire.send(FRAME.reset, this.id);
    this.fail(why);
  }

  /** Ends it here: the other side has given it up, or is gone. */
  fail(why: NetworkError): void {
    if (this.#isOver) return;
    this.#over();
    this.incoming.fail(why);
    this.onGivenUp?.(why);
  }

  /** So many bytes more may be sent. */
  #granted(bytes: number): void {
    this.#windowBytes += bytes;
    this.#wake?.();
  }

  #grant(bytes: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(bytes);
    if (!this.#isOver) this.#wire.send(FRAME.window, this.id, payload);
  }

  #forgetIfDone(): void {
    if (this.#hasReceived && this.#hasSent && !this.#isOver) this.#over();
  }

  #over(): void {
    this.#isOver = true;
    this.#wake?.();
    this.#wire.forget(this);
    this.onOver?.();
  }

  async #moreWindow(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
