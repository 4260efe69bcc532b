/**
 * The body of a request: as a stream that ends in an error unless it came whole, or as JSON. Reading it is what sends
 * "100 Continue", so a request that is refused before need not send its body at all.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import type { HttpLimits } from "./limits.ts";

/** One request and its response, with what the socket tells about it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the rest of the body will never come, although the client may still read an answer. */
  readonly broken: AbortController;
  /** The client waits for "100 Continue" before it sends the body. */
  awaitsContinue: boolean;
  /** The whole body, once it has been read. */
  body?: Buffer;
}

export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > 0);
}

/** What Content-Length says; undefined for a body of unknown length. @throws FsdfsError `argument-invalid` */
export function declaredSize(request: IncomingMessage): number | undefined {
  const header = request.headers["content-length"];
  if (header === undefined) return undefined;
  const sizeBytes = Number(header);
  if (Number.isSafeInteger(sizeBytes)) return sizeBytes;
  throw new FsdfsError("argument-invalid", { name: "Content-Length", reason: "no file is that large" });
}

export interface BodyTimeouts {
  /** Between two pieces. */
  readonly idleMs: number;
  /** For all of it. */
  readonly totalMs?: number;
}

/**
 * The body, piece by piece, read no faster than it is asked for. Leaving the loop early leaves the rest unread.
 *
 * @throws FsdfsError `body-incomplete`, `request-timeout`; `request-malformed` for one in another coding than chunks
 */
export async function* readBody(exchange: Exchange, timeouts: BodyTimeouts): AsyncGenerator<Bytes> {
  const { request } = exchange;
  const coding = request.headers["transfer-encoding"];
  // Node undoes the last one of several: what a "gzip, chunked" leaves is not what was sent (RFC 9112, 6.1).
  if (coding !== undefined && coding.toLowerCase() !== "chunked") throw new FsdfsError("request-malformed");
  const deadlineMs = performance.now() + (timeouts.totalMs ?? Number.POSITIVE_INFINITY);
  if (exchange.awaitsContinue) exchange.response.writeContinue();
  exchange.awaitsContinue = false;
  let received = 0;
  while (!request.readableEnded) {
    const chunk: Buffer | null = request.read();
    if (chunk !== null) {
      received += chunk.length;
      yield chunk;
    } else if (exchange.broken.signal.aborted || request.destroyed) {
      break;
    } else {
      await somethingNew(exchange, Math.min(timeouts.idleMs, deadlineMs - performance.now()));
    }
  }
  if (!request.complete) throw new FsdfsError("body-incomplete", { received });
}

/** @throws FsdfsError `body-too-large`, `argument-invalid`, `body-incomplete`, `request-timeout` */
export async function readJson(exchange: Exchange, limits: HttpLimits): Promise<unknown> {
  const tooLarge = new FsdfsError("body-too-large", { limit: limits.jsonBytesMax });
  if (Number(exchange.request.headers["content-length"] ?? 0) > limits.jsonBytesMax) throw tooLarge;
  const chunks: Bytes[] = [];
  let sizeBytes = 0;
  for await (const chunk of readBody(exchange, { idleMs: limits.jsonTimeoutMs, totalMs: limits.jsonTimeoutMs })) {
    sizeBytes += chunk.length;
    if (sizeBytes > limits.jsonBytesMax) throw tooLarge;
    chunks.push(chunk);
  }
  exchange.body = Buffer.concat(chunks);
  return parseJson(exchange.body);
}

function parseJson(bytes: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new FsdfsError("argument-invalid", { name: "The body", reason: "it is not JSON in UTF-8" });
  }
}

/** Resolves when there may be more to read, or never will be. @throws FsdfsError `request-timeout` */
async function somethingNew({ request, broken }: Exchange, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(() => reject(new FsdfsError("request-timeout")), Math.max(timeoutMs, 0));
  const events = ["readable", "end", "close", "error"];
  for (const event of events) request.on(event, wake);
  broken.signal.addEventListener("abort", wake);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    for (const event of events) request.off(event, wake);
    broken.signal.removeEventListener("abort", wake);
  }
}
