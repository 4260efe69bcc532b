/**
 * Exchanges over Node's own HTTP, for the command line: bodies stream both ways, an answer that comes while the body is
 * still being sent ends the sending, and a large body waits until the server wants it.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Bytes } from "../core/catalog/kv.ts";
import { type Answer, connectionError, type Outgoing, type Platform, type Transport } from "./transport.ts";
import { type Trust, trustOptions } from "./trust.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule("node:http");

/** Nothing came or went for so long: the other side is taken for gone. An acknowledgement may wait for slow disks. */
const IDLE_TIMEOUT_MS = 60_000;
/** A server that may be silent is probed after this long, so that one whose machine has gone is noticed. */
const PROBE_AFTER_MS = 30_000;
/** A machine that is there answers within a round trip; a firewall that swallows never does. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A server that knows no `Expect` is sent the body after this long. */
const CONTINUE_TIMEOUT_MS = 2_000;
/** From this size on a body waits until the server wants it: a refusal then costs nothing. */
const EXPECT_BYTES_MIN = 1024 * 1024;
const CONNECTIONS_MAX = 64;

export function nodePlatform(trust: Trust = {}): Platform {
  return {
    transport: createNodeTransport(trust),
    sha256: () => {
      const hash = createHash("sha256");
      return { update: (bytes) => hash.update(bytes), hex: () => hash.digest("hex") };
    },
  };
}

export function createNodeTransport(trust: Trust = {}): Transport {
  const agents = {
    "http:": new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS_MAX }),
    "https:": new HttpsAgent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, ...trustOptions(trust) }),
  };
  return {
    send: async (outgoing) => {
      outgoing.signal?.throwIfAborted();
      const secure = outgoing.url.protocol === "https:";
      const request = (secure ? httpsRequest : httpRequest)(outgoing.url, {
        method: outgoing.method,
        headers: { ...outgoing.headers, ...expectation(outgoing) },
        agent: secure ? agents["https:"] : agents["http:"],
        ...(outgoing.patient ? {} : { timeout: IDLE_TIMEOUT_MS }),
        ...(outgoing.signal ? { signal: outgoing.signal } : {}),
      });
      if (outgoing.patient) request.setSocketKeepAlive(true, PROBE_AFTER_MS);
      boundConnecting(request);
      return answerFrom(await exchange(request, outgoing), outgoing);
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function expectation({ body, headers }: Outgoing): Readonly<Record<string, string>> {
  if (body === undefined) return {};
  const sizeBytes = Number(headers["content-length"] ?? Number.POSITIVE_INFINITY);
  return sizeBytes >= EXPECT_BYTES_MIN ? { expect: "100-continue" } : {};
}

function boundConnecting(request: ClientRequest): void {
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    const late = () => request.destroy(Object.assign(new Error("no connection in time"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(late, CONNECT_TIMEOUT_MS);
    socket.once("connect", () => clearTimeout(timer));
    socket.once("close", () => clearTimeout(timer));
  });
}

function answerFrom(message: IncomingMessage, { url, signal }: Outgoing): Answer {
  return {
    status: message.statusCode ?? 0,
    header: (name) => message.headers[name]?.toString() || undefined,
    body: bodyOf(message, url, signal),
    discard: () => message.resume(),
  };
}

async function* bodyOf(message: IncomingMessage, url: URL, signal?: AbortSignal): AsyncGenerator<Bytes> {
  try {
    yield* message as AsyncIterable<Buffer>;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionError(url, error);
  } finally {
    if (!message.complete) message.destroy();
  }
  if (!message.complete) throw connectionError(url, new Error("it ended too early"));
}

async function exchange(request: ClientRequest, { url, body, signal }: Outgoing): Promise<IncomingMessage> {
  const answered = answerOf(request).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw connectionError(url, error);
  });
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
