/**
 * The HTTP gateway: clients' requests, turned into calls of the server's face. Fastify routes; bodies, answers and
 * errors are this gateway's own, since files are streamed in both directions and paths are not to be decoded twice.
 */
import { METHODS, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from "fastify";
import { FsdfsError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Face, Principal } from "../../server/face.ts";
import { admit } from "./access.ts";
import { sendAnswer, sendError } from "./answer.ts";
import { declaredSize, type Exchange, hasBody, readBody, readJson } from "./body.ts";
import { ConnectionWatch } from "./connections.ts";
import { toFsdfsError } from "./errors.ts";
import { createFetcher, type Fetcher } from "./fetch/fetcher.ts";
import { HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import { type Call, type Operation, pathOfTarget, queryOf, routingUrl } from "./operation.ts";
import { OPERATIONS } from "./routes.ts";

/** Silence after which a client that waits for a long request is probed. */
const PROBE_AFTER_MS = 30_000;

export interface HttpGatewayOptions {
  readonly face: Face;
  readonly log: Log;
  /** Reading needs no key. */
  readonly publicRead: boolean;
  /** What clients name by a URL may be fetched from this machine and private networks as well; not by default. */
  readonly fetchPrivate?: boolean;
  /** The address to listen on; undefined: all interfaces. */
  readonly listenHost?: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  readonly limits?: Partial<HttpLimits>;
  /** So many bytes of files have gone out to clients. */
  readonly onSent?: (bytes: number) => void;
}

export interface HttpGateway {
  /** @throws FsdfsError `port-in-use` */
  listen(): Promise<{ port: number }>;
  /** Takes no more requests, lets those under way end for a moment, then cuts them. Idempotent. */
  close(): Promise<void>;
}

/** Everything that a request is handled with. */
interface Context {
  readonly face: Face;
  readonly log: Log;
  readonly publicRead: boolean;
  readonly limits: HttpLimits;
  readonly fetcher: Fetcher;
  readonly watch: ConnectionWatch;
  readonly onSent: (bytes: number) => void;
}

export function createHttpGateway(options: HttpGatewayOptions): HttpGateway {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const watch = new ConnectionWatch(limits.lingerMs);
  const { face, log, publicRead, onSent = () => {} } = options;
  const fetcher = createFetcher({ allowPrivate: options.fetchPrivate ?? false, limits });
  const context: Context = { face, log, publicRead, limits, fetcher, watch, onSent };
  const app = createApp(context);
  const server = app.server;
  watch.attach(server);
  server.maxConnections = limits.connectionsMax;
  let closed: Promise<void> | undefined;
  return {
    async listen() {
      await app.ready();
      await bind(server, options.port, options.listenHost);
      return { port: (server.address() as AddressInfo).port };
    },
    close() {
      closed ??= closeGently(app, limits.closeGraceMs);
      return closed;
    },
  };
}

function createApp(context: Context): FastifyInstance {
  const { limits, watch } = context;
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    rewriteUrl: (request) => routingUrl(targetOf(request.url ?? "/")),
    connectionTimeout: limits.connectionIdleMs,
    keepAliveTimeout: limits.keepAliveMs,
    // Uploads may take any time; what stands still is ended by the idle limits.
    requestTimeout: 0,
    http: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersTimeoutMs / 4)),
      // Node's own refusal has no body; `handle` refuses instead.
      requireHostHeader: false,
    },
    clientErrorHandler: watch.parserFailed,
    frameworkErrors: (error, request, reply) => refuse(context, request, reply, toFsdfsError(error, context.log)),
  });
  // To Fastify no method has a body, so that it never reads one.
  for (const method of METHODS) app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  app.setErrorHandler((error, request, reply) => refuse(context, request, reply, toFsdfsError(error, context.log)));
  app.setNotFoundHandler((request, reply) => refuse(context, request, reply, new FsdfsError("route-unknown")));
  for (const operation of OPERATIONS) addRoute(app, context, operation);
  for (const url of new Set(OPERATIONS.map((operation) => operation.url))) addMethodRefusal(app, context, url);
  return app;
}

function addRoute(app: FastifyInstance, context: Context, operation: Operation): void {
  app.route({
    method: operation.methods as HTTPMethods[],
    url: operation.url,
    handler: (request, reply) => {
      reply.hijack();
      return handle(context, operation, request, context.watch.begin(request.raw, reply.raw));
    },
  });
}

/** 405 instead of Fastify's 404 for the methods that an address does not have. */
function addMethodRefusal(app: FastifyInstance, context: Context, url: string): void {
  const allowed = OPERATIONS.filter((operation) => operation.url === url).flatMap((operation) => operation.methods);
  app.route({
    method: METHODS.filter((method) => !allowed.includes(method)) as HTTPMethods[],
    url,
    handler: (request, reply) =>
      refuse(
        context,
        request,
        reply,
        new FsdfsError("method-not-allowed", { method: request.method, allowed: allowed.join(", ") }),
      ),
  });
}

async function refuse(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  error: FsdfsError,
): Promise<void> {
  reply.hijack();
  await sendError(context.watch.begin(request.raw, reply.raw), error, context.limits.lingerMs);
}

async function handle(
  context: Context,
  operation: Operation,
  request: FastifyRequest,
  exchange: Exchange,
): Promise<void> {
  const { log, limits } = context;
  try {
    const call = await admittedCall(context, operation, request, exchange);
    await sendAnswer(exchange, await operation.run(call), limits.lingerMs, context.onSent);
  } catch (thrown) {
    const error = toFsdfsError(thrown, log);
    if (error.status >= 500)
      log.warn("an HTTP request failed", { method: request.method, url: operation.url, code: error.code });
    await sendError(exchange, error, limits.lingerMs);
  }
}

async function admittedCall(
  context: Context,
  operation: Operation,
  request: FastifyRequest,
  exchange: Exchange,
): Promise<Call> {
  const { headers, httpVersion } = exchange.request;
  if (headers.host === undefined && httpVersion === "1.1") throw new FsdfsError("request-malformed");
  const target = targetOf(request.originalUrl);
  const query = queryOf(target);
  const principal = await admit(operation, { method: request.method, target, query, headers }, context);
  return makeCall(context, { request, exchange, target, query, principal });
}

interface Admitted {
  readonly request: FastifyRequest;
  readonly exchange: Exchange;
  readonly target: string;
  readonly query: URLSearchParams;
  readonly principal: Principal;
}

function makeCall({ face, limits, fetcher }: Context, { request, exchange, target, query, principal }: Admitted): Call {
  return {
    face,
    principal,
    method: request.method,
    headers: exchange.request.headers,
    params: request.params as Readonly<Record<string, string>>,
    query,
    path: () => pathOfTarget(target),
    hasBody: () => hasBody(exchange.request),
    declaredSize: () => declaredSize(exchange.request),
    body: () => readBody(exchange, { idleMs: limits.uploadIdleMs }),
    json: () => readJson(exchange, limits),
    fetch: (url) => fetcher.open(url, outlasting(exchange)),
  };
}

/**
 * While a request is carried out without anything on its connection, that may stand still; the system's own probes tell
 * when the client's machine has gone. Aborted when the client leaves.
 */
function outlasting({ request, response }: Exchange): AbortSignal {
  const gone = new AbortController();
  const { socket } = request;
  socket.setTimeout(0);
  socket.setKeepAlive(true, PROBE_AFTER_MS);
  response.once("close", () => gone.abort());
  if (response.destroyed || socket.destroyed) gone.abort();
  return gone.signal;
}

/** The target as origin servers usually get it. The absolute form must be taken as well (RFC 9112, 3.2.2). */
function targetOf(url: string): string {
  const target = url.replace(/^https?:\/\/[^/?]*/i, "");
  return target.startsWith("/") ? target : `/${target}`;
}

async function bind(server: Server, port: number, host: string | undefined): Promise<void> {
  if (host !== undefined) return listenOn(server, port, host);
  try {
    await listenOn(server, port, "::");
  } catch (error) {
    if (errorCode(error) !== "EAFNOSUPPORT") throw error;
    await listenOn(server, port, "0.0.0.0");
  }
}

function listenOn(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) =>
      reject(errorCode(error) === "EADDRINUSE" ? new FsdfsError("port-in-use", { port }, { cause: error }) : error);
    server.once("error", failed);
    server.listen({ port, host, exclusive: true }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

async function closeGently(app: FastifyInstance, graceMs: number): Promise<void> {
  const { server } = app;
  const stopped = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : undefined;
  // Connections whose request has ended meanwhile are of no more use.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await app.close();
  await stopped;
  clearInterval(sweep);
  clearTimeout(cut);
}
