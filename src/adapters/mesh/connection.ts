/** The calling side: one connection, its handshake, and the requests over it. */
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import tls, { type TLSSocket } from "node:tls";
import {
  type Connection,
  HEAD_BYTES_MAX,
  NetworkError,
  type OutgoingRequest,
  type Response,
} from "../../ports/network.ts";
import { parseAddress } from "./address.ts";
import { connectError, remoteError } from "./failures.ts";
import type { MeshLimits } from "./limits.ts";
import { sessionOptions, sessionSocket, tend } from "./sessions.ts";
import { clientTls } from "./tls.ts";
import { MessageReader, writeHead, writeMessage } from "./wire.ts";

const { NGHTTP2_CANCEL } = http2.constants;
/** HTTP/2 wants a name; the servers' own names are not the transport's business. */
const AUTHORITY = "https://fsdfs";
const METHOD = /^[a-z][a-z0-9-]{0,63}$/;

/**
 * Resolves when both sides have proved the key and the other has sent its settings: before these it may still turn the
 * connection away.
 */
export async function openConnection(
  address: string,
  key: Buffer,
  limits: MeshLimits,
  closing: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<Connection> {
  const { host, port } = parseAddress(address);
  const socket = tls.connect({ host, port, ...clientTls(key) });
  let session: ClientHttp2Session | undefined;
  try {
    return await new Promise<Connection>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new NetworkError("timeout", `${address}: no answer within ${limits.handshakeTimeoutMs} ms`)),
        limits.handshakeTimeoutMs,
      );
      const ended = () => reject(new NetworkError("closed", "this network is closed"));
      closing.addEventListener("abort", ended, { once: true });
      const settle = () => {
        clearTimeout(timer);
        closing.removeEventListener("abort", ended);
      };
      socket.on("error", (error) => reject(connectError(address, error)));
      socket.once("close", () => {
        settle();
        reject(new NetworkError("unreachable", `${address}: the other side turned the connection away`));
      });
      socket.once("secureConnect", () => {
        const createConnection = () => sessionSocket(socket, limits, onSent);
        const opened = http2.connect(AUTHORITY, { ...sessionOptions(limits), createConnection });
        session = opened;
        const connection = new MeshConnection(opened, socket, address);
        opened.once("remoteSettings", () => {
          settle();
          tend(opened, socket, limits);
          resolve(connection);
        });
      });
    });
  } catch (error) {
    session?.destroy();
    socket.destroy();
    throw error;
  }
}

class MeshConnection implements Connection {
  readonly closed: Promise<NetworkError>;
  readonly #session: ClientHttp2Session;
  #reason: NetworkError | undefined;

  constructor(session: ClientHttp2Session, socket: TLSSocket, address: string) {
    this.#session = session;
    const ended = (why: string) => {
      this.#reason ??= new NetworkError("closed", `the connection to ${address} has ended: ${why}`);
      return this.#reason;
    };
    session.on("error", (error: Error) => ended(error.message));
    session.on("goaway", () => {
      ended("the other side is going away");
      this.close();
    });
    this.closed = new Promise((resolve) => {
      session.once("close", () => {
        socket.destroy();
        resolve(ended("closed"));
      });
    });
  }

  async request(request: OutgoingRequest): Promise<Response> {
    if (request.head.length > HEAD_BYTES_MAX) {
      throw new NetworkError("too-large", `a head of ${request.head.length} bytes, ${HEAD_BYTES_MAX} are allowed`);
    }
    if (!METHOD.test(request.method)) throw new TypeError(`"${request.method}" is no method's name`);
    if (request.signal?.aborted) throw givenUp();
    if (this.#session.closed || this.#session.destroyed) {
      throw this.#reason ?? new NetworkError("closed", "the connection has ended");
    }
    const stream = this.#session.request({ ":method": "POST", ":path": `/${request.method}` });
    return exchange(stream, request);
  }

  close(): void {
    this.#reason ??= new NetworkError("closed", "the connection was closed");
    this.#session.destroy(undefined, NGHTTP2_CANCEL);
  }
}

/** One request and its response over one stream. */
async function exchange(stream: ClientHttp2Stream, request: OutgoingRequest): Promise<Response> {
  const reader = new MessageReader(stream, HEAD_BYTES_MAX);
  /** What the body of the request threw: the caller's own error, told instead of what it led to. */
  let sourceFailure: { error: unknown } | undefined;
  const cancel = (why: NetworkError) => {
    reader.fail(why);
    stream.close(NGHTTP2_CANCEL);
  };
  // The reader hears of failures by "close".
  stream.on("error", () => {});
  let status: number | undefined;
  stream.once("response", (headers) => {
    status = headers[":status"];
  });
  const forgetSignal = onAbort(request.signal, () => cancel(givenUp()));
  stream.once("close", forgetSignal);
  const timer = setTimeout(
    () => cancel(new NetworkError("timeout", `no answer to "${request.method}" within ${request.timeoutMs} ms`)),
    request.timeoutMs,
  );
  send(stream, request).catch((error: unknown) => {
    sourceFailure = { error };
    cancel(new NetworkError("closed", "the request's body failed"));
  });
  try {
    const head = await reader.head();
    if (status !== 200) throw remoteError(head);
    return { head, body: reader.body(() => cancel(givenUp())) };
  } catch (error) {
    if (!reader.whole) stream.close(NGHTTP2_CANCEL);
    throw sourceFailure ? sourceFailure.error : error;
  } finally {
    clearTimeout(timer);
  }
}

async function send(stream: ClientHttp2Stream, request: OutgoingRequest): Promise<void> {
  if (request.body) await writeMessage(stream, request.head, request.body);
  else writeHead(stream, request.head);
}

function givenUp(): NetworkError {
  return new NetworkError("closed", "the request was given up");
}

/** Calls `abort` once when the signal fires; answers the function that stops listening. */
function onAbort(signal: AbortSignal | undefined, abort: () => void): () => void {
  if (!signal) return () => {};
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
