/**
 * Sending: an operation's answer, or an error, on the wire. Takes care of the client that goes away, of the one that
 * reads slowly, and of the one that is still sending when its answer is there already.
 */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FsdfsError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";
import { type Exchange, hasBody } from "./body.ts";
import { errorHeaders, renderError, toFsdfsError } from "./errors.ts";
import { type EventStream, sendEvents } from "./server-sent.ts";
import { written } from "./written.ts";

export type Answer =
  | {
      readonly kind: "json";
      readonly status: number;
      readonly headers?: OutgoingHttpHeaders;
      readonly value: unknown;
    }
  /** JSON that is bytes already: a large one in pieces, which were made one after another. */
  | { readonly kind: "json-bytes"; readonly status: number; readonly pieces: readonly Bytes[] }
  | { readonly kind: "empty"; readonly status: number; readonly headers?: OutgoingHttpHeaders }
  /** Each as a line of JSON, as it comes; what fails on the way is told by the last. */
  | { readonly kind: "lines"; readonly status: number; readonly lines: AsyncIterable<unknown> }
  /** Server-sent events, without an end of their own. */
  | ({ readonly kind: "events" } & EventStream)
  | {
      readonly kind: "content";
      readonly status: number;
      readonly headers: OutgoingHttpHeaders;
      readonly sizeBytes: number;
      /** Called once, and not for a HEAD. Each chunk is done with before the next is asked for. */
      chunks(): AsyncIterable<Bytes> | undefined;
      /** Called once, whatever happens. */
      close(): Promise<void>;
    };

export const JSON_HEADERS = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" } as const;

const NEWLINE = Buffer.from("\n");

/** Statuses whose responses never have a body, nor a Content-Length. */
const BODILESS: readonly number[] = [204, 304];

/** @param onSent is told of each piece of a file's content that has gone out */
export async function sendAnswer(
  exchange: Exchange,
  answer: Answer,
  lingerMs: number,
  onSent: (bytes: number) => void,
  log: Log,
): Promise<void> {
  switch (answer.kind) {
    case "lines":
      return sendLines(exchange, answer, log);
    case "events":
      return sendEvents(exchange, answer);
    case "json":
      return sendJson(exchange, answer.status, answer.headers ?? {}, JSON.stringify(answer.value), lingerMs);
    case "json-bytes":
      return sendWhole(exchange, answer.status, JSON_HEADERS, Buffer.concat([...answer.pieces, NEWLINE]), () =>
        discardRest(exchange.request, lingerMs),
      );
    case "empty":
      return sendWhole(exchange, answer.status, answer.headers ?? {}, "", () =>
        discardRest(exchange.request, lingerMs),
      );
    case "content":
      return sendContent(exchange, answer, onSent);
  }
}

export async function sendError(exchange: Exchange, error: FsdfsError, lingerMs: number): Promise<void> {
  await sendJson(exchange, error.status, errorHeaders(error), JSON.stringify(renderError(error)), lingerMs);
}

function sendJson(
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  json: string,
  lingerMs: number,
): Promise<void> {
  const all = { ...JSON_HEADERS, ...headers };
  return sendWhole(exchange, status, all, `${json}\n`, () => discardRest(exchange.request, lingerMs));
}

/** @param rest reads on and throws away what else the client sends, for a while */
export async function sendWhole(
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  content: string | Buffer,
  rest: () => Promise<void>,
): Promise<void> {
  const { request, response } = exchange;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const unread = hasBody(request) && !request.complete;
  const body = typeof content === "string" ? Buffer.from(content) : content;
  const length = BODILESS.includes(status) ? {} : { "content-length": body.length };
  response.writeHead(status, { ...headers, ...length, ...(unread ? { connection: "close" } : {}) });
  const visible = request.method === "HEAD" ? body.subarray(0, 0) : body;
  if (!unread) {
    response.end(visible);
    return;
  }
  // The answer is complete for the client, by its Content-Length, while the connection still takes what it sends: a
  // reset by what it sends to a closed one would take the answer from it.
  if (visible.length === 0) response.flushHeaders();
  else response.write(visible);
  if (isHeldBack(exchange)) request.socket.end();
  await rest();
  response.end();
}

/** The client waits to be asked for the body, and will not be. It may have tired of waiting and begin right now. */
function isHeldBack({ request, awaitsContinue }: Exchange): boolean {
  return awaitsContinue && request.readableLength === 0;
}

/** Reads on until the body's end, the client's leaving or the time is up. */
export async function discardRest(request: IncomingMessage, timeoutMs: number): Promise<void> {
  if (request.destroyed || request.readableEnded || request.socket.readableEnded) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  for (const event of ["end", "close", "error"]) request.once(event, () => resolve());
  request.resume();
  await promise;
  clearTimeout(timer);
}

async function sendContent(
  { request, response }: Exchange,
  answer: Answer & { kind: "content" },
  onSent: (bytes: number) => void,
): Promise<void> {
  try {
    const headers = { ...answer.headers, "content-length": answer.sizeBytes };
    if (request.method === "HEAD") {
      response.writeHead(answer.status, headers).end();
      return;
    }
    let rest = answer.sizeBytes;
    for await (const chunk of answer.chunks() ?? []) {
      // Only now: what fails before the first byte still gets an answer of its own.
      if (!response.headersSent) response.writeHead(answer.status, headers);
      rest -= chunk.length;
      if (rest < 0) break;
      if (!(await written(response, chunk))) return;
      onSent(chunk.length);
    }
    if (rest !== 0) throw new Error(`a file's content differs from its size by ${-rest} bytes`);
    if (!response.headersSent) response.writeHead(answer.status, headers);
    response.end();
  } finally {
    await answer.close();
  }
}

async function sendLines({ request, response }: Exchange, answer: Answer & { kind: "lines" }, log: Log): Promise<void> {
  const unread = hasBody(request) && !request.complete;
  response.writeHead(answer.status, {
    "content-type": "application/x-ndjson; charset=utf-8",
    "cache-control": "no-store",
    ...(unread ? { connection: "close" } : {}),
  });
  const send = (value: unknown) => written(response, Buffer.from(`${JSON.stringify(value)}\n`));
  try {
    for await (const line of answer.lines) if (!(await send(line))) return;
  } catch (error) {
    await send(renderError(toFsdfsError(error, log)));
  }
  response.end();
}
