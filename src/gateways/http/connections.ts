/**
 * Watches a server's connections for what Node does not tell request handlers: a body that will never be whole although
 * the client still listens, and bytes that are no request at all.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { FsdfsError } from "../../errors.ts";
import type { Exchange } from "./body.ts";
import { answerOnSocket, fromParserError } from "./errors.ts";

export class ConnectionWatch {
  /** The latest exchange on each connection, the one whose bytes are being parsed. */
  readonly #latest = new WeakMap<Socket, Exchange>();
  readonly #awaitsContinue = new WeakSet<IncomingMessage>();
  /** Connections whose parser has failed; it does so again with every further piece. */
  readonly #failed = new WeakSet<Socket>();
  readonly #lingerMs: number;

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /**
   * Leaves it to whoever reads the body to say "100 Continue"; other expectations may be passed over (RFC 9110, 10.1.1).
   * Refuses to be a proxy, where Node would only hang up.
   */
  attach(server: Server): void {
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      this.#awaitsContinue.add(request);
      server.emit("request", request, response);
    });
    server.on("checkExpectation", (request, response) => server.emit("request", request, response));
    server.on("connect", (_request, socket: Socket) => {
      answerOnSocket(socket, new FsdfsError("method-not-allowed", { method: "CONNECT" }), this.#lingerMs);
    });
  }

  begin(request: IncomingMessage, response: ServerResponse): Exchange {
    const awaitsContinue = this.#awaitsContinue.has(request);
    const exchange: Exchange = { request, response, broken: new AbortController(), awaitsContinue };
    this.#latest.set(request.socket, exchange);
    return exchange;
  }

  /** For Node's "clientError": the parser met what is not HTTP, or the other side closed in the middle. */
  readonly parserFailed = (error: Error & { code?: string }, socket: Socket): void => {
    if (this.#failed.has(socket)) return;
    this.#failed.add(socket);
    const answer = () => answerOnSocket(socket, fromParserError(error.code ?? ""), this.#lingerMs);
    const exchange = this.#latest.get(socket);
    // What is no TLS where TLS is spoken cannot be answered.
    if (error.code === "ECONNRESET" || /^ERR_(SSL|TLS)_/.test(error.code ?? "")) socket.destroy();
    else if (exchange === undefined || isOver(exchange)) answer();
    else if (exchange.request.complete) exchange.response.once("finish", answer);
    else {
      exchange.response.once("finish", () => socket.destroySoon());
      exchange.broken.abort();
    }
  };
}

function isOver({ response }: Exchange): boolean {
  return response.writableFinished || response.destroyed;
}
