/**
 * One HTTP exchange after another over kept-alive connections: bodies stream both ways, an answer that comes while the
 * body is still being sent ends the sending. Knows nothing of what is asked, nor of repeating it.
 */
import { once } from "node:events";
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Bytes>;
  readonly signal?: AbortSignal;
  /** The server may be silent for as long as it works; else it is taken for gone. */
  readonly patient?: boolean;
}

export interface Transport {
  /** Resolves with the answer's head. @throws FsdfsError `server-unreachable`, `connection-lost` */
  send(outgoing: Outgoing): Promise<IncomingMessage>;
  close(): void;
}

/** Nothing came or went for so long: the other side is taken for gone. An acknowledgement may wait for slow disks. */
const IDLE_TIMEOUT_MS = 60_000;
/** A server that may be silent is probed after this long, so that one whose machine has gone is noticed. */
const PROBE_AFTER_MS = 30_000;
/** A server that knows no `Expect` is sent the body after this long. */
const CONTINUE_TIMEOUT_MS = 2_000;
const CONNECTIONS_MAX = 64;

/** Errors that come before the server has seen anything of the request. */
const UNREACHABLE = [
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
];

export function createTransport(): Transport {
  const agents = {
    "http:": new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS_MAX }),
    "https:": new HttpsAgent({ keepAlive: true, maxSockets: CONNECTIONS_MAX }),
  };
  return {
    send: (outgoing) => {
      const secure = outgoing.url.protocol === "https:";
      const request = (secure ? httpsRequest : httpRequest)(outgoing.url, {
        method: outgoing.method,
        headers: outgoing.headers,
        agent: secure ? agents["https:"] : agents["http:"],
        ...(outgoing.patient ? {} : { timeout: IDLE_TIMEOUT_MS }),
        ...(outgoing.signal ? { signal: outgoing.signal } : {}),
      });
      if (outgoing.patient) request.setSocketKeepAlive(true, PROBE_AFTER_MS);
      return exchange(request, outgoing);
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

async function exchange(request: ClientRequest, { url, body }: Outgoing): Promise<IncomingMessage> {
  const answered = answerOf(request).catch((error: unknown) => Promise.reject(connectionError(url, error)));
  try {
    // Sending fails on its own only when the body's source does; a broken connection is told by `answered`.
    const sent = body === undefined ? request.end() : sendBody(request, body, answered);
    return await Promise.race([answered, failureOf(sent, answered)]);
  } catch (error) {
    request.destroy();
    throw error;
  }
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // Stays: a connection that breaks after the answer's head ends the answer's body, and is told there.
    request.on("error", reject);
    request.on("timeout", () => request.destroy(new Error(`nothing came for ${IDLE_TIMEOUT_MS / 1000} s`)));
  });
}

/** Rejects when reading the body's source fails, and otherwise answers what `answered` does. */
async function failureOf(sent: unknown, answered: Promise<IncomingMessage>): Promise<IncomingMessage> {
  await sent;
  return await answered;
}

async function sendBody(
  request: ClientRequest,
  body: AsyncIterable<Bytes>,
  answered: Promise<IncomingMessage>,
): Promise<void> {
  let over = false;
  const end = () => {
    over = true;
  };
  answered.then(end, end);
  if (request.hasHeader("expect")) await goAhead(request, answered);
  for await (const chunk of body) {
    if (over) break;
    if (!request.write(chunk)) await Promise.race([once(request, "drain"), settled(answered)]).catch(end);
  }
  if (!over) request.end();
}

/** Until the server wants the body, has answered without it, or seems to know no `Expect`. */
async function goAhead(request: ClientRequest, answered: Promise<IncomingMessage>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, CONTINUE_TIMEOUT_MS);
  request.once("continue", resolve);
  request.flushHeaders();
  await Promise.race([promise, settled(answered)]);
  clearTimeout(timer);
}

function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  );
}

/** The parts of a URL that a message may show: never a signature. */
export function shownUrl(url: URL): string {
  return url.origin;
}

export function connectionError(url: URL, cause: unknown): FsdfsError {
  const code = errnoOf(cause);
  const reason = REASONS[code] ?? (cause instanceof Error && cause.message !== "" ? cause.message : code);
  const kind = UNREACHABLE.includes(code) || code.startsWith("HPE_") ? "server-unreachable" : "connection-lost";
  return new FsdfsError(kind, { url: shownUrl(url), reason }, { cause });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "it was reset",
  EPIPE: "it was closed",
  EHOSTUNREACH: "no way leads to that machine",
  ENETUNREACH: "no way leads to that network",
  ENOTFOUND: "that name is not known",
  EAI_AGAIN: "names cannot be looked up now",
  ETIMEDOUT: "it does not answer",
};

/** A name with several addresses fails with one error that holds those of each. */
function errnoOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errnoOf(error.errors[0]);
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
