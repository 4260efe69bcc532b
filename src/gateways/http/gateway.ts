/**
 * The HTTP gateway: clients' requests, turned into calls of the server's face. Fastify routes; bodies, answers and
 * errors are this gateway's own, since files are streamed in both directions and paths are not to be decoded twice.
 */
import { setMaxListeners } from "node:events";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from "fastify";
import { FsdfsError } from "../../errors.ts";
import type { Certificate } from "../../ports/certificate.ts";
import type { Log } from "../../ports/log.ts";
import type { Face } from "../../server/face.ts";
import { sendError } from "./answer.ts";
import { ConnectionWatch } from "./connections.ts";
import { withCors } from "./cors.ts";
import { toFsdfsError } from "./errors.ts";
import { createFetcher } from "./fetch/fetcher.ts";
import { type Context, handle, targetOf } from "./handling.ts";
import { HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import { closeGently, type Door, makeServer, openDoor } from "./listening.ts";
import { type Operation, routingUrl } from "./operation.ts";
import { OPERATIONS } from "./routes.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { METHODS } = process.getBuiltinModule("node:http");

export interface HttpGatewayOptions {
  readonly face: Face;
  readonly log: Log;
  /** Reading needs no key. */
  readonly publicRead: boolean;
  /** What clients name by a URL may be fetched from this machine and private networks as well; not by default. */
  readonly fetchPrivate?: boolean;
  /** Who knows it is the server's user on its machine; undefined: nobody. */
  readonly localSecret?: string;
  /** The address to listen on; undefined: all interfaces. */
  readonly listenHost?: string | undefined;
  readonly port: Door;
  /** Answers by HTTPS with this; undefined: by HTTP. */
  readonly certificate?: Certificate | undefined;
  /** Origins of web pages that may use it; "*" is any, and none by default. */
  readonly cors?: readonly string[] | undefined;
  readonly limits?: Partial<HttpLimits>;
  /** So many bytes of files have gone out to clients. */
  readonly onSent?: (bytes: number) => void;
  /** So many bytes of a body have come in from a client. */
  readonly onReceived?: (bytes: number) => void;
}

export interface HttpGateway {
  /** @throws FsdfsError `port-in-use` */
  listen(): Promise<{ port: number }>;
  /** Ends the answers that have no end of their own; more of them end at once. Idempotent. */
  endStreams(): void;
  /** Takes no more requests, lets those under way end for a moment, then cuts them. Idempotent. */
  close(): Promise<void>;
}

export function createHttpGateway(options: HttpGatewayOptions): HttpGateway {
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const watch = new ConnectionWatch(limits.lingerMs);
  const { face, log, publicRead, onSent = () => {}, onReceived = () => {} } = options;
  const fetcher = createFetcher({ allowPrivate: options.fetchPrivate ?? false, limits });
  const { localSecret } = options;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const context: Context = {
    ...{ face, log, publicRead, limits, fetcher, localSecret, watch, onSent, onReceived },
    closing: closing.signal,
  };
  const app = createApp(context, options);
  const server = app.server;
  watch.attach(server);
  let closed: Promise<void> | undefined;
  return {
    async listen() {
      await app.ready();
      await openDoor(server, options.port, options.listenHost);
      const address = server.address();
      return { port: typeof address === "object" ? (address?.port ?? 0) : 0 };
    },
    endStreams: () => closing.abort(),
    close() {
      closing.abort();
      closed ??= closeGently(server, limits.closeGraceMs, () => app.close());
      return closed;
    },
  };
}

/** Operations check and write their own JSON: without this Fastify loads two compilers of schemas at each start. */
function noSchemas(): never {
  throw new Error("an operation has a schema for Fastify");
}

function createApp(context: Context, { certificate, cors }: HttpGatewayOptions): FastifyInstance {
  const { limits, watch } = context;
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    rewriteUrl: (request) => routingUrl(targetOf(request.url)),
    serverFactory: (handler) => makeServer(limits, certificate).on("request", withCors(cors, handler)),
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
      const params = request.params as Readonly<Record<string, string>>;
      const routed = { operation, target: targetOf(request.originalUrl), params };
      return handle(context, routed, context.watch.begin(request.raw, reply.raw));
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
