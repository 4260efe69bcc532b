/**
 * What lies between an HTTP/2 session and its TLS socket: it takes every write at once and sends it when it can.
 *
 * Without it two busy sides block each other for ever. Node's http2 reads nothing while a write of its own is not done
 * (node_http2.cc, `is_write_in_progress`; nodejs/node pull request 29399); with windows of 16 MB a write is larger than
 * the kernel's buffers, so that each side waits for the other to read. With both directions busy on one connection that
 * happened within 10 ms. The price is a copy, and half of the throughput of one connection.
 *
 * What is queued here is bounded by the other side's flow control: it gets no more than its session's window.
 */
import { Duplex } from "node:stream";
import { CLOSE_GRACE_MS } from "./limits.ts";

/** Read ahead of the session, which takes what comes at once unless it is busy for a moment. */
const READ_AHEAD_BYTES = 1024 * 1024;

export class DecoupledSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #queuedBytesMax: number;
  readonly #onSent: (bytes: number) => void;

  /** A side that announces windows larger than `queuedBytesMax` and reads nothing is not waited for. */
  constructor(socket: Duplex, queuedBytesMax: number, onSent: (bytes: number) => void = () => {}) {
    super({ readableHighWaterMark: READ_AHEAD_BYTES });
    this.#socket = socket;
    this.#queuedBytesMax = queuedBytesMax;
    this.#onSent = onSent;
    socket.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.once("close", () => this.destroy());
    // What follows from an error is "close".
    socket.on("error", () => {});
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send(Buffer.from(chunk), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  /** The session is over. A side that is gone never takes the rest, nor says that it ends: it is cut off. */
  override _final(done: () => void): void {
    const cut = setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS);
    this.#socket.once("close", () => clearTimeout(cut));
    this.#socket.end();
    done();
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.#socket.destroy();
    done();
  }

  /** `copy` belongs to this socket: once `done` is called, the session's streams may reuse their buffers. */
  #send(copy: Buffer, done: () => void): void {
    this.#socket.write(copy);
    this.#onSent(copy.length);
    if (this.#socket.writableLength > this.#queuedBytesMax) this.destroy();
    done();
  }
}
