/** The calling side: one connection, its handshake, and the requests over it. */
import type { OnReadOpts } from "node:net";
import tls from "node:tls";
import type { Bytes } from "../../core/catalog/kv.ts";
import {
  type Connection,
  HEAD_BYTES_MAX,
  NetworkError,
  type OutgoingRequest,
  type Response,
} from "../../ports/network.ts";
import { parseAddress } from "./address.ts";
import { connectError, remoteError } from "./failures.ts";
import { FRAME } from "./frames.ts";
import type { MeshLimits } from "./limits.ts";
import { Session } from "./session.ts";
import { Slab } from "./slab.ts";
import { clientTls } from "./tls.ts";

const METHOD = /^[a-z][a-z0-9-]{0,63}$/;

/**
 * Resolves when both sides have proved the key and the other has said that it is ready: before that it may still turn
 * the connection away.
 */
export async function openConnection(
  address: string,
  key: Buffer,
  purpose: "control" | "bulk",
  limits: MeshLimits,
  closing: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<Connection> {
  const { host, port } = parseAddress(address);
  let session: Session | undefined;
  const read = purpose === "bulk" ? { onread: intoSlab((bytes) => session?.heard(bytes)) } : {};
  const socket = tls.connect({ host, port, ...clientTls(key), ...read });
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
        const ready = () => {
          settle();
          resolve(new MeshConnection(session!));
        };
        session = new Session(socket, limits, { sent: onSent, ready });
      });
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Reads content with half of the work: no memory is taken for each record, and what comes together stays together. */
function intoSlab(heard: (bytes: Buffer) => void): OnReadOpts {
  const slab = new Slab();
  const callback = (bytes: number) => {
    heard(slab.take(bytes));
    return true;
  };
  return { buffer: () => slab.next(), callback };
}

class MeshConnection implements Connection {
  readonly closed: Promise<NetworkError>;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.closed = session.closed;
  }

  async request(request: OutgoingRequest): Promise<Response> {
    if (request.head.length > HEAD_BYTES_MAX) {
      throw new NetworkError("too-large", `a head of ${request.head.length} bytes, ${HEAD_BYTES_MAX} are allowed`);
    }
    if (!METHOD.test(request.method)) throw new TypeError(`"${request.method}" is no method's name`);
    if (request.signal?.aborted) throw givenUp();
    return await ask(this.#session, request);
  }

  close(): void {
    this.#session.close("it was closed here");
  }
}

/** One request and its response. */
function ask(session: Session, request: OutgoingRequest): Promise<Response> {
  const { method, head, body, timeoutMs, signal } = request;
  return new Promise((resolve, reject) => {
    const exchange = session.open();
    const late = () => exchange.giveUp(new NetworkError("timeout", `no answer to "${method}" within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    const abort = () => exchange.giveUp(givenUp());
    signal?.addEventListener("abort", abort, { once: true });
    exchange.onOver = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
    exchange.onGivenUp = reject; // Of no effect once there is a response: then the body ends by the same error.
    exchange.onHead = (kind, answer) => {
      clearTimeout(timer);
      if (kind === FRAME.failure) reject(remoteError(answer));
      else resolve({ head: answer, body: exchange.incoming.bytes() });
    };
    session.send(body === undefined ? FRAME.request : FRAME.requestWithBody, exchange.id, methodName(method), head);
    if (body === undefined) return exchange.sent();
    exchange.sendBody(body).catch((error: unknown) => {
      reject(error); // The caller's own error, instead of what it leads to.
      exchange.giveUp(new NetworkError("closed", "the request's body failed"));
    });
  });
}

/** Names are of one byte a letter. */
function methodName(method: string): Bytes {
  const name = Buffer.from(`.${method}`, "latin1");
  name[0] = method.length;
  return name;
}

function givenUp(): NetworkError {
  return new NetworkError("closed", "the request was given up");
}
