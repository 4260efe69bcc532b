/** How a gateway's server is made, how it begins to listen, and how it ends. */
import type { Server, ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { BoundSocket, ListenOptions, Socket } from "node:net";
import { FsdfsError } from "../../errors.ts";
import type { Certificate } from "../../ports/certificate.ts";
import type { HttpLimits } from "./limits.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { createServer } = process.getBuiltinModule("node:http");

/** Of HTTPS when there is a certificate, which is the newest for each connection. */
export function makeServer(limits: HttpLimits, certificate: Certificate | undefined): Server {
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersTimeoutMs / 4)),
    keepAliveTimeout: limits.keepAliveMs,
    // Uploads may take any time; what stands still is ended by the idle limits.
    requestTimeout: 0,
    // Node's own refusal has no body; `handle` refuses instead.
    requireHostHeader: false,
  };
  const server = certificate === undefined ? createServer(options) : secureServer(options, limits, certificate);
  server.setTimeout(limits.connectionIdleMs);
  server.maxConnections = limits.connectionsMax;
  return server;
}

/** Connections whose handshake is not over: HTTP knows nothing of them, and they would outlast its end. */
const shakingHands = new WeakMap<Server, Set<Socket>>();

function secureServer(options: ServerOptions, limits: HttpLimits, certificate: Certificate): Server {
  const handshakeTimeout = limits.headersTimeoutMs;
  const server = createSecureServer({ ...options, ...certificate.pair, handshakeTimeout });
  certificate.onChange((pair) => server.setSecureContext(pair));
  const sockets = new Set<Socket>();
  shakingHands.set(server, sockets);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return server;
}

/** What a gateway listens on: a port (0: any free one), one that is taken for it already, or the path of a local socket. */
export type Door = number | BoundSocket | string;

/** @param host the address of a port; undefined: all interfaces. @throws FsdfsError `port-in-use` */
export async function openDoor(server: Server, door: Door, host: string | undefined): Promise<void> {
  if (typeof door === "string") return listenOn(server, { path: door });
  return typeof door === "number" ? bind(server, door, host) : listenOn(server, { handle: door });
}

/** On one address, or on all interfaces. @throws FsdfsError `port-in-use` */
async function bind(server: Server, port: number, host: string | undefined): Promise<void> {
  if (host !== undefined) return listenOn(server, { port, host });
  try {
    await listenOn(server, { port, host: "::" });
  } catch (error) {
    if (errorCode(error) !== "EAFNOSUPPORT") throw error;
    await listenOn(server, { port, host: "0.0.0.0" });
  }
}

/** @throws FsdfsError `port-in-use` */
export function listenOn(server: Server, where: ListenOptions & { readonly fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const isTaken = errorCode(error) === "EADDRINUSE" && where.port !== undefined;
      reject(isTaken ? new FsdfsError("port-in-use", { port: where.port ?? 0 }, { cause: error }) : error);
    };
    server.once("error", failed);
    server.listen({ ...where, exclusive: true }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Requests under way may go on for `graceMs`. */
export async function closeGently(server: Server, graceMs: number, alsoClose?: () => Promise<void>): Promise<void> {
  const stopped = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : undefined;
  // Connections whose request has ended meanwhile are of no more use.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => {
    server.closeAllConnections();
    for (const socket of shakingHands.get(server) ?? []) socket.destroy();
  }, graceMs);
  await alsoClose?.();
  await stopped;
  clearInterval(sweep);
  clearTimeout(cut);
}
