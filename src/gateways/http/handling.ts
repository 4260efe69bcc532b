/** From a request to its answer: lets the caller in, runs the operation, and sends what comes of it. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";
import { type Face, NotHere, type Principal } from "../../server/face.ts";
import { admit } from "./access.ts";
import { sendAnswer, sendError } from "./answer.ts";
import { declaredSize, type Exchange, hasBody, readBody, readJson } from "./body.ts";
import type { ConnectionWatch } from "./connections.ts";
import { toFsdfsError } from "./errors.ts";
import type { Fetcher } from "./fetch/fetcher.ts";
import type { HttpLimits } from "./limits.ts";
import { type Call, type Operation, pathOfTarget, queryOf } from "./operation.ts";

/** Silence after which a client that waits for a long request is probed. */
const PROBE_AFTER_MS = 30_000;

/** Everything that a request is handled with. */
export interface Context {
  readonly face: Face;
  readonly log: Log;
  readonly publicRead: boolean;
  readonly limits: HttpLimits;
  /** Missing where nothing is fetched. */
  readonly fetcher?: Fetcher;
  /** Who knows it is the server's user on its machine; undefined: nobody. */
  readonly localSecret?: string | undefined;
  readonly watch: ConnectionWatch;
  readonly onSent: (bytes: number) => void;
  readonly onReceived: (bytes: number) => void;
  /** Aborted when answers without an end are to end. */
  readonly closing: AbortSignal;
  /** Has the control process answer. Only in serving processes, whose faces say so (`NotHere`). */
  readonly relay?: (exchange: Exchange) => Promise<void>;
}

/** Where a request was routed to. */
export interface Routed {
  readonly operation: Operation;
  /** The URL as it came (`targetOf`). */
  readonly target: string;
  readonly params: Readonly<Record<string, string>>;
}

export async function handle(context: Context, routed: Routed, exchange: Exchange): Promise<void> {
  const { operation } = routed;
  const { log, limits, relay } = context;
  try {
    const call = await admittedCall(context, routed, exchange);
    await sendAnswer(exchange, await operation.run(call), limits.lingerMs, context.onSent, log);
  } catch (thrown) {
    if (thrown instanceof NotHere && relay !== undefined) return await relay(exchange);
    const error = toFsdfsError(thrown, log);
    if (error.status >= 500) {
      const { method = "" } = exchange.request;
      log.warn("an HTTP request failed", { method, url: operation.url, code: error.code });
    }
    await sendError(exchange, error, limits.lingerMs);
  }
}

async function admittedCall(
  context: Context,
  { operation, target, params }: Routed,
  exchange: Exchange,
): Promise<Call> {
  const { headers, httpVersion, method = "" } = exchange.request;
  if (headers.host === undefined && httpVersion === "1.1") throw new FsdfsError("request-malformed");
  const query = queryOf(target);
  const principal = await admit(operation, { method, target, query, headers }, context);
  return makeCall(context, { exchange, method, params, target, query, principal });
}

interface Admitted {
  readonly exchange: Exchange;
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly target: string;
  readonly query: URLSearchParams;
  readonly principal: Principal;
}

function makeCall(
  { face, limits, fetcher, localSecret, closing, onReceived }: Context,
  { exchange, method, params, target, query, principal }: Admitted,
): Call {
  return {
    face,
    principal,
    method,
    headers: exchange.request.headers,
    params,
    query,
    path: () => pathOfTarget(target),
    hasBody: () => hasBody(exchange.request),
    declaredSize: () => declaredSize(exchange.request),
    body: () => counted(readBody(exchange, { idleMs: limits.uploadIdleMs }), onReceived),
    json: () => readJson(exchange, limits),
    isLocal: isSecret(exchange.request.headers["fsdfs-local"], localSecret),
    outlasting: () => outlasting(exchange),
    endless: () => endless(exchange, closing),
    limits,
    fetch(url) {
      if (fetcher === undefined) throw new NotHere();
      return fetcher.open(url, outlasting(exchange));
    },
  };
}

async function* counted(body: AsyncIterable<Bytes>, onReceived: (bytes: number) => void): AsyncGenerator<Bytes> {
  for await (const chunk of body) {
    onReceived(chunk.length);
    yield chunk;
  }
}

/**
 * While a request is carried out without anything on its connection, that may stand still; the system's own probes tell
 * when the client's machine has gone. Aborted when the client leaves.
 */
export function outlasting({ request, response }: Exchange): AbortSignal {
  const gone = new AbortController();
  const { socket } = request;
  socket.setTimeout(0);
  socket.setKeepAlive(true, PROBE_AFTER_MS);
  response.once("close", () => gone.abort("gone")); // Without a reason an exception is made for it, stack trace and all.
  if (response.destroyed || socket.destroyed) gone.abort("gone");
  return gone.signal;
}

function endless(exchange: Exchange, closing: AbortSignal): AbortSignal {
  const ended = new AbortController();
  const end = () => ended.abort();
  outlasting(exchange).addEventListener("abort", end);
  closing.addEventListener("abort", end);
  exchange.response.once("close", () => closing.removeEventListener("abort", end));
  if (closing.aborted) end();
  return ended.signal;
}

function isSecret(given: string | string[] | undefined, secret: string | undefined): boolean {
  if (typeof given !== "string" || secret === undefined) return false;
  const [a, b] = [given, secret].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(a!, b!);
}

/** The target as origin servers usually get it. The absolute form must be taken as well (RFC 9112, 3.2.2). */
export function targetOf(url = "/"): string {
  if (url.startsWith("/")) return url;
  const target = url.replace(/^https?:\/\/[^/?]*/i, "");
  return target.startsWith("/") ? target : `/${target}`;
}
