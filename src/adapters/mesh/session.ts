/**
 * A connection whose two sides have proved the password: exchanges over it, signs of life, its end.
 *
 * Reading never waits for writing, nor for who reads a body: what arrives is bounded by each body's window. So two sides
 * that are busy with each other cannot block each other.
 */
import type { TLSSocket } from "node:tls";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import { NetworkError } from "../../ports/network.ts";
import { Exchange, type Wire } from "./exchange.ts";
import { encodeFailure } from "./failures.ts";
import { encodeFrame, FRAME, type FrameKind, FrameReader, type FrameSink, frameHeader } from "./frames.ts";
import { CLOSE_GRACE_MS, type MeshLimits } from "./limits.ts";

/** Windows that may lie unsent in memory before a side that does not read is given up: its own, and some for the rest. */
const QUEUED_WINDOWS_MAX = 4;

export interface SessionEvents {
  /** So many bytes go out. */
  sent(bytes: number): void;
  /** The other side takes requests. */
  ready?(): void;
  /** A request has come; of the answering side. */
  request?(exchange: Exchange, payload: Buffer): void;
}

export class Session implements Wire, FrameSink {
  readonly windowBytes: number;
  /** Resolves with the reason when it has ended. */
  readonly closed: Promise<NetworkError>;
  readonly #socket: TLSSocket;
  readonly #limits: MeshLimits;
  readonly #events: SessionEvents;
  readonly #exchanges = new Map<number, Exchange>();
  /** Who has a piece of a body to send and waits until what is queued has gone. */
  readonly #awaitingDrain: (() => void)[] = [];
  #lastId = 0;
  #reason: NetworkError | undefined;
  #heardChunks = 0;
  readonly #reader = new FrameReader(this);

  constructor(socket: TLSSocket, limits: MeshLimits, events: SessionEvents) {
    this.#socket = socket;
    this.#limits = limits;
    this.#events = events;
    this.windowBytes = limits.windowBytes;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.heard(chunk));
    socket.on("drain", () => this.#wakeSenders());
    socket.on("error", (error) => this.#end(error.message));
    socket.once("end", () => this.destroy("the other side is going away"));
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve(this.#end("closed")));
    });
    this.#keepAlive();
  }

  /** Bytes have come. */
  heard(chunk: Buffer): void {
    this.#heardChunks += 1;
    try {
      if (!this.hasEnded) this.#reader.take(chunk);
    } catch (error) {
      this.destroy(`it broke the protocol: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  get hasEnded(): boolean {
    return this.#reason !== undefined;
  }

  /** Why it has ended. */
  get reason(): NetworkError {
    return this.#reason ?? new NetworkError("closed", "the connection has ended");
  }

  /** A new exchange of the calling side. @throws NetworkError `closed` when it has had as many as it may */
  open(): Exchange {
    if (this.#lastId >= this.#limits.exchangesInAll) this.destroy("it has had as many requests as there are numbers");
    if (this.hasEnded) throw this.reason;
    this.#lastId += 1;
    return this.#add(new Exchange(this.#lastId, this));
  }

  send(kind: FrameKind, exchange: number, ...payload: readonly Bytes[]): void {
    if (this.hasEnded) return;
    const frame = encodeFrame(kind, exchange, ...payload);
    this.#socket.write(frame);
    this.#wrote(frame.length);
  }

  async sendData(exchange: number, bytes: Bytes): Promise<boolean> {
    // Of many bodies at once each waits for its turn, so that what is queued does not grow with their number.
    while (this.#socket.writableLength > this.windowBytes && !this.hasEnded) await this.#drained();
    if (this.hasEnded) return false;
    return await new Promise((resolve) => {
      const header = frameHeader(FRAME.data, exchange, bytes.length);
      this.#socket.cork();
      this.#socket.write(header);
      this.#socket.write(bytes, (error) => resolve(error === undefined || error === null));
      this.#socket.uncork();
      this.#wrote(header.length + bytes.length);
    });
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => this.#awaitingDrain.push(resolve));
  }

  #wakeSenders(): void {
    for (const resolve of this.#awaitingDrain.splice(0)) resolve();
  }

  forget(exchange: Exchange): void {
    this.#exchanges.delete(exchange.id);
  }

  /** What is to be sent still goes, unless the other side takes too long. */
  close(why: string): void {
    this.#end(why);
    const cut = setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS);
    this.#socket.once("close", () => clearTimeout(cut));
    this.#socket.destroySoon();
  }

  destroy(why: string): void {
    this.#end(why);
    this.#socket.destroy();
  }

  frame(kind: FrameKind, id: number, payload: Buffer): void {
    if (kind === FRAME.ping) this.send(FRAME.pong, 0);
    else if (kind === FRAME.ready) this.#events.ready?.();
    else if (kind === FRAME.request || kind === FRAME.requestWithBody) this.#requested(kind, id, payload);
    // What is not known was given up here, and the other side has yet to hear of it.
    else this.#exchanges.get(id)?.frame(kind, payload);
  }

  data(id: number, bytes: Buffer): void {
    this.#exchanges.get(id)?.incoming.arrived(bytes);
  }

  #requested(kind: FrameKind, id: number, payload: Buffer): void {
    if (this.#events.request === undefined || id <= this.#lastId) throw new RangeError("a request out of turn");
    this.#lastId = id;
    if (this.#exchanges.size >= this.#limits.exchangesPerConnection) {
      this.send(FRAME.failure, id, encodeFailure(new FsdfsError("overloaded")));
      return;
    }
    const exchange = this.#add(new Exchange(id, this));
    if (kind === FRAME.request) exchange.received();
    this.#events.request(exchange, payload);
  }

  #add(exchange: Exchange): Exchange {
    this.#exchanges.set(exchange.id, exchange);
    return exchange;
  }

  #wrote(bytes: number): void {
    this.#events.sent(bytes);
    if (this.#socket.writableLength > QUEUED_WINDOWS_MAX * this.windowBytes)
      this.destroy("the other side reads nothing");
  }

  /** The first reason counts. */
  #end(why: string): NetworkError {
    if (this.#reason !== undefined) return this.#reason;
    this.#reason = new NetworkError("closed", `the connection has ended: ${why}`);
    for (const exchange of [...this.#exchanges.values()]) exchange.fail(this.#reason);
    this.#wakeSenders();
    return this.#reason;
  }

  /**
   * Gives up a connection from which nothing came for some intervals, pings included. Intervals are counted, not time:
   * after this process itself stood still, the other side gets its chance to answer.
   */
  #keepAlive(): void {
    const { keepaliveIntervalMs, keepaliveIntervals } = this.#limits;
    let seenChunks = this.#heardChunks;
    let silentIntervals = 0;
    const timer = setInterval(() => {
      silentIntervals = this.#heardChunks === seenChunks ? silentIntervals + 1 : 0;
      seenChunks = this.#heardChunks;
      if (silentIntervals > keepaliveIntervals) this.destroy("the other side is silent");
      else if (silentIntervals === 1) this.send(FRAME.ping, 0);
    }, keepaliveIntervalMs);
    timer.unref();
    this.#socket.once("close", () => clearInterval(timer));
  }
}
