/**
 * Hands requests on to the control process, over a local socket and as HTTP, and its answers back: both ways as a
 * stream, at the pace of the slower side, and each side hears when the other has gone.
 */
import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { FsdfsError } from "../../errors.ts";
import { discardRest, sendError, sendWhole } from "./answer.ts";
import { type Exchange, hasBody, readBody } from "./body.ts";
import { outlasting } from "./handling.ts";
import type { HttpLimits } from "./limits.ts";
import { written } from "./written.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { Agent, request: makeRequest } = process.getBuiltinModule("node:http");

/** Of one connection each (RFC 9110, 7.6.1), and what this side says anew. */
const PER_CONNECTION: readonly string[] = [
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"],
  ...["transfer-encoding", "content-length"],
];
const PER_CONNECTION_BACK: readonly string[] = ["connection", "keep-alive", "transfer-encoding"];
/** An idle connection is ended by this side first, so that no request meets one that is being closed. */
const IDLE_MS = 10_000;
/** An answer that comes before the end of the request's body is an error, and short. */
const EARLY_BYTES_MAX = 1024 * 1024;

/** May be carried out twice without anybody noticing. */
const READS: readonly (string | undefined)[] = ["GET", "HEAD"];

export class Relay {
  readonly #socketPath: string;
  readonly #limits: HttpLimits;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_MS, maxFreeSockets: 256 });

  constructor(socketPath: string, limits: HttpLimits) {
    this.#socketPath = socketPath;
    this.#limits = limits;
  }

  close(): void {
    this.#agent.destroy();
  }

  async send(exchange: Exchange): Promise<void> {
    const { response } = exchange;
    const upstream = this.#open(exchange);
    upstream.on("error", () => {}); // What matters of it is told by what waits.
    const gone = () => upstream.destroy();
    // Who stands still for too long is found out by the control process.
    outlasting(exchange).addEventListener("abort", gone);
    try {
      await this.#exchange(exchange, upstream);
    } catch (error) {
      upstream.destroy();
      if (response.headersSent || response.destroyed) response.destroy();
      else if (canRepeat(exchange, upstream)) await this.send(exchange);
      else await this.#answerFailure(exchange, told(error, exchange));
    }
  }

  #open(exchange: Exchange): ClientRequest {
    const { method = "GET", url = "/" } = exchange.request;
    try {
      const agent = this.#agent;
      return makeRequest({ socketPath: this.#socketPath, agent, method, path: url, headers: headersOf(exchange) });
    } catch (error) {
      throw new FsdfsError("request-malformed", {}, { cause: error });
    }
  }

  async #exchange(exchange: Exchange, upstream: ClientRequest): Promise<void> {
    const answered = once(upstream, "response") as Promise<[IncomingMessage]>;
    const sending = new Sending(exchange, upstream, this.#limits.uploadIdleMs);
    const sent = sending.run();
    sent.catch(() => undefined);
    // The body may fail first, and the answer may come first.
    const [answer] = await Promise.race([answered, sent.then(() => answered)]);
    const { statusCode = 500 } = answer;
    if (statusCode >= 400 && !sending.isDone) return await this.#answerEarly(exchange, answer, sending, sent);
    exchange.response.sendDate = false;
    exchange.response.writeHead(statusCode, headersBack(answer));
    for await (const chunk of answer) if (!(await this.#handBack(exchange, chunk))) return;
    this.#boundReader(exchange);
    exchange.response.end();
  }

  /** While nothing is written, it is the control process that takes its time, and knows for how long it may. */
  async #handBack(exchange: Exchange, chunk: Buffer): Promise<boolean> {
    this.#boundReader(exchange);
    const isThere = await written(exchange.response, chunk);
    exchange.request.socket.setTimeout(0);
    return isThere;
  }

  /** From now on a reader that takes nothing is cut after a while, as one of an answer of this process is. */
  #boundReader({ request }: Exchange): void {
    request.socket.setTimeout(this.#limits.connectionIdleMs);
  }

  async #answerFailure(exchange: Exchange, error: FsdfsError): Promise<void> {
    this.#boundReader(exchange);
    await sendError(exchange, error, this.#limits.lingerMs);
  }

  /** The client is still sending: it is to see the answer, and not a connection that breaks. */
  async #answerEarly(
    exchange: Exchange,
    answer: IncomingMessage,
    sending: Sending,
    sent: Promise<void>,
  ): Promise<void> {
    sending.discards = true;
    const headers = Object.fromEntries(pairs(headersBack(answer)));
    delete headers["Content-Length"];
    delete headers["content-length"];
    const text = await textOf(answer);
    this.#boundReader(exchange);
    const { lingerMs } = this.#limits;
    const discarded = async () => {
      await sent.catch(() => undefined);
      await discardRest(exchange.request, lingerMs); // What came without having been asked for.
    };
    const rest = () => Promise.race([discarded(), later(lingerMs)]);
    await sendWhole(exchange, answer.statusCode ?? 500, headers, text, rest);
  }
}

/** The request's body on its way. */
class Sending {
  isDone = false;
  /** The answer is there: what else comes is thrown away. */
  discards = false;
  readonly #exchange: Exchange;
  readonly #upstream: ClientRequest;
  readonly #idleMs: number;

  constructor(exchange: Exchange, upstream: ClientRequest, idleMs: number) {
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#idleMs = idleMs;
  }

  /** @throws FsdfsError `body-incomplete`, `request-timeout` */
  async run(): Promise<void> {
    const { request, body } = this.#exchange;
    if (body !== undefined || !hasBody(request)) this.#upstream.end(body);
    else await this.#stream();
    this.isDone = true;
  }

  async #stream(): Promise<void> {
    const exchange = this.#exchange;
    const upstream = this.#upstream;
    if (exchange.awaitsContinue) {
      upstream.flushHeaders();
      await anyOf(upstream, "continue", "close");
      if (upstream.destroyed) return;
    }
    for await (const chunk of readBody(exchange, { idleMs: this.#idleMs })) {
      if (this.discards || upstream.destroyed || upstream.write(chunk)) continue;
      await anyOf(upstream, "drain", "close");
    }
    if (!upstream.destroyed) upstream.end();
  }
}

/** Resolves with the first of the events. */
function anyOf(emitter: ClientRequest, ...events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) emitter.off(event, done);
      resolve();
    };
    for (const event of events) emitter.on(event, done);
  });
}

function headersOf({ request, body, awaitsContinue }: Exchange): string[] {
  const headers: string[] = [];
  for (const [name, value] of pairs(request.rawHeaders)) {
    if (!PER_CONNECTION.includes(name.toLowerCase())) headers.push(name, value);
  }
  if (request.headers.host === undefined && request.httpVersion === "1.0") headers.push("host", "localhost");
  if (awaitsContinue) headers.push("expect", "100-continue");
  if (body !== undefined) headers.push("content-length", String(body.length));
  else if (request.headers["transfer-encoding"] !== undefined) headers.push("transfer-encoding", "chunked");
  else if (request.headers["content-length"] !== undefined)
    headers.push("content-length", request.headers["content-length"]);
  else if (!READS.includes(request.method)) headers.push("content-length", "0");
  return headers;
}

function headersBack({ rawHeaders, headers }: IncomingMessage): string[] {
  const kept = pairs(rawHeaders).filter(([name]) => !PER_CONNECTION_BACK.includes(name.toLowerCase()));
  return [...kept.flat(), ...(headers.connection === "close" ? ["connection", "close"] : [])];
}

function pairs(raw: readonly string[]): [name: string, value: string][] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ""] as [string, string]] : []));
}

/** A connection that was kept may have been closed at this moment. Whether what was asked over it was read, none can tell. */
function canRepeat({ request }: Exchange, upstream: ClientRequest): boolean {
  return upstream.reusedSocket && READS.includes(request.method) && !hasBody(request);
}

function told(error: unknown, { request }: Exchange): FsdfsError {
  if (error instanceof FsdfsError) return error;
  const isUndone = READS.includes(request.method) || isConnecting(error);
  return new FsdfsError(isUndone ? "stopping" : "interrupted", {}, { cause: error });
}

/** Nothing of the request has reached anybody. */
function isConnecting(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "connect";
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > EARLY_BYTES_MAX) throw new Error("an early answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
