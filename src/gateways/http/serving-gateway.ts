/**
 * The HTTP gateway of a serving process: a few operations are answered here, from what the process shares with its
 * server's control process; every other request is handed on to that one as it came (relay.ts), and so is one of these
 * when this process cannot be sure.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { NotHere, type ReadyFace } from "../../server/face.ts";
import { sendAnswer, sendError } from "./answer.ts";
import type { Exchange } from "./body.ts";
import { ConnectionWatch } from "./connections.ts";
import { withCors } from "./cors.ts";
import { toFsdfsError } from "./errors.ts";
import type { HttpGateway, HttpGatewayOptions } from "./gateway.ts";
import { type Context, handle, targetOf } from "./handling.ts";
import { HTTP_LIMITS } from "./limits.ts";
import { closeGently, listenOn, makeServer } from "./listening.ts";
import { type Operation, routingUrl } from "./operation.ts";
import { listDirectory } from "./operations/directories.ts";
import { getFile } from "./operations/get-file.ts";
import { locate, locateMany } from "./operations/locate.ts";
import { answerAtOnce } from "./ready.ts";
import { Relay } from "./relay.ts";

export interface ServingGatewayOptions
  extends Pick<HttpGatewayOptions, "log" | "publicRead" | "limits" | "onSent" | "certificate" | "cors"> {
  readonly face: ReadyFace;
  /** A socket that the control process has bound, by its descriptor; or an address. */
  readonly where: { readonly fd: number } | { readonly port: number; readonly host: string };
  /** Where the control process answers. */
  readonly controlSocket: string;
}

const LOCAL: ReadonlyMap<string, Operation> = new Map(
  [getFile, listDirectory, locate, locateMany].flatMap((operation) =>
    operation.methods.map((method) => [`${method} ${operation.url}`, operation] as const),
  ),
);

export function createServingGateway(options: ServingGatewayOptions): HttpGateway {
  const { face, log, publicRead, onSent = () => {}, where, controlSocket } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const watch = new ConnectionWatch(limits.lingerMs);
  const relay = new Relay(controlSocket, limits);
  const context: Context = {
    ...{ face, log, publicRead, limits, watch, onSent, closing: new AbortController().signal },
    onReceived: () => {}, // Bodies of files are the control process's.
    relay: (exchange) => relay.send(exchange),
  };
  const server = makeServer(limits, options.certificate);
  watch.attach(server);
  server.on("clientError", watch.parserFailed);
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const ready = answerAtOnce(face, request, response);
    if (ready?.kind === "sent") {
      onSent(ready.bytes);
      return;
    }
    const exchange = watch.begin(request, response);
    const target = targetOf(request.url);
    const operation = LOCAL.get(`${request.method} ${addressOf(target)}`);
    const routed = operation && { operation, target, params: {} };
    if (ready !== undefined) {
      sendAnswer(exchange, ready.answer, limits.lingerMs, onSent, log)
        .catch((error: unknown) => elsewhere(exchange, error))
        .catch((error: unknown) => failed(exchange, error));
      return;
    }
    const done = routed === undefined ? relay.send(exchange) : handle(context, routed, exchange);
    done.catch((error: unknown) => failed(exchange, error));
  };
  server.on("request", withCors(options.cors, answer));
  const elsewhere = async (exchange: Exchange, error: unknown) => {
    if (!(error instanceof NotHere)) throw error;
    await relay.send(exchange);
  };
  const failed = (exchange: Exchange, error: unknown) => sendError(exchange, toFsdfsError(error, log), limits.lingerMs);
  let closed: Promise<void> | undefined;
  return {
    async listen() {
      await listenOn(server, where);
      const address = server.address();
      return { port: typeof address === "object" ? (address?.port ?? 0) : 0 };
    },
    endStreams: () => undefined, // They are the control process's.
    close() {
      closed ??= closeGently(server, limits.closeGraceMs).then(() => relay.close());
      return closed;
    },
  };
}

function addressOf(target: string): string {
  return routingUrl(target).split("?", 1)[0] ?? "";
}
