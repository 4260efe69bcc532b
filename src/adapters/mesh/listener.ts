/** The answering side: the swarm's port, who is let in, and the requests that come. */
import type { Socket } from "node:net";
import tls, { type Server, type TLSSocket } from "node:tls";
import { NetworkError, type RequestHandler } from "../../ports/network.ts";
import { plainAddress } from "./address.ts";
import { codeOf } from "./failures.ts";
import { FRAME } from "./frames.ts";
import { serve } from "./incoming.ts";
import { type MeshLimits, REFUSED_ADDRESSES_MAX } from "./limits.ts";
import { Session } from "./session.ts";
import { PROTOCOL, serverTls } from "./tls.ts";

/** The alert that a key other than ours leads to: the caller speaks our protocol and has another password. */
const WRONG_KEY = "ERR_SSL_BINDER_DOES_NOT_VERIFY";

/** Who was not let in, since the start. */
export interface MeshCounters {
  readonly wrongPasswords: number;
  /** No TLS, no key, another protocol, or too slow. */
  readonly strangers: number;
  /** Turned away because too many were there. */
  readonly dropped: number;
}

/** What a listener tells. */
export interface ListenerReports {
  /** A caller with another password was refused. */
  readonly refused: (remoteAddress: string) => void;
  /** So many bytes have gone out. */
  readonly sent: (bytes: number) => void;
}

export class MeshListener {
  readonly counters = { wrongPasswords: 0, strangers: 0, dropped: 0 };
  readonly #server: Server;
  readonly #handler: RequestHandler;
  readonly #limits: MeshLimits;
  readonly #reports: ListenerReports;
  /** Every open connection, whatever its state. */
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Session>();
  /** Connections in their handshake, oldest first, by the caller's address and port. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #refusedAt = new Map<string, number>();

  constructor(key: Buffer, handler: RequestHandler, limits: MeshLimits, reports: ListenerReports) {
    this.#limits = limits;
    this.#reports = reports;
    this.#handler = handler;
    this.#server = tls.createServer({ ...serverTls(key), handshakeTimeout: limits.handshakeTimeoutMs });
    this.#server.maxConnections = limits.inboundConnections;
    this.#watchConnections();
  }

  /** @throws NetworkError `port-in-use` */
  async listen(host: string | undefined, port: number): Promise<number> {
    if (host !== undefined) return this.#bind(host, port);
    try {
      return await this.#bind("::", port);
    } catch (error) {
      if (codeOf(error) !== "EAFNOSUPPORT" && codeOf(error) !== "EADDRNOTAVAIL") throw error;
      return this.#bind("0.0.0.0", port);
    }
  }

  /** Stops listening, tells the callers, and cuts off who has not gone after `graceMs`. */
  close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, graceMs);
      this.#server.close(() => {
        clearTimeout(cut);
        resolve();
      });
      for (const socket of this.#handshakes.values()) socket.destroy();
      for (const session of this.#sessions) session.close("this server stops listening");
    });
  }

  #bind(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) => {
        const taken = codeOf(cause) === "EADDRINUSE";
        reject(taken ? new NetworkError("port-in-use", `port ${port} is taken by another program`, { cause }) : cause);
      };
      this.#server.once("error", failed);
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#server.off("error", failed);
        this.#server.on("error", () => {});
        const bound = this.#server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : port);
      });
    });
  }

  #watchConnections(): void {
    this.#server.on("connection", (socket: Socket) => this.#connected(socket));
    this.#server.on("drop", () => {
      this.counters.dropped += 1;
    });
    this.#server.on("secureConnection", (socket) => this.#admitted(socket));
    this.#server.on("tlsClientError", (error, socket) => {
      if (codeOf(error) === WRONG_KEY) this.#refused(plainAddress(socket.remoteAddress));
      else this.counters.strangers += 1;
      socket.destroy();
    });
  }

  #connected(socket: Socket): void {
    const caller = callerOf(socket);
    this.#sockets.add(socket);
    this.#handshakes.set(caller, socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#handshakes.get(caller) === socket) this.#handshakes.delete(caller);
    });
    if (this.#handshakes.size <= this.#limits.inboundHandshakes) return;
    const [oldest] = this.#handshakes.values();
    this.counters.dropped += 1;
    oldest?.destroy();
  }

  /** The caller has proved the password. */
  #admitted(socket: TLSSocket): void {
    this.#handshakes.delete(callerOf(socket));
    if (socket.alpnProtocol !== PROTOCOL) {
      this.counters.strangers += 1;
      socket.destroy();
      return;
    }
    const remoteAddress = plainAddress(socket.remoteAddress);
    const session: Session = new Session(socket, this.#limits, {
      sent: this.#reports.sent,
      request: (exchange, payload) => void serve(session, exchange, payload, remoteAddress, this.#handler),
    });
    this.#sessions.add(session);
    void session.closed.then(() => this.#sessions.delete(session));
    session.send(FRAME.ready, 0);
  }

  /** Reports each address now and then, so that a server that tries for ever does not fill the log. */
  #refused(remoteAddress: string): void {
    this.counters.wrongPasswords += 1;
    const now = performance.now();
    const last = this.#refusedAt.get(remoteAddress);
    if (last !== undefined && now - last < this.#limits.refusedReportIntervalMs) return;
    if (this.#refusedAt.size >= REFUSED_ADDRESSES_MAX) this.#refusedAt.clear();
    this.#refusedAt.set(remoteAddress, now);
    this.#reports.refused(remoteAddress);
  }
}

/** Tells one connection from all others that are open. */
function callerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
