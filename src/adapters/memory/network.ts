/**
 * The network in memory, complete, for the simulator and for tests: connections, requests with heads and streaming
 * bodies, over a fabric whose links take time and can be cut. Everything that reaches a server goes through its
 * scheduler, so a stopped server hears nothing until it goes on, and a killed one nothing more.
 */
import { copyOf } from "../../core/bytes.ts";
import {
  type Connection,
  type Network,
  NetworkError,
  type OutgoingRequest,
  type RequestHandler,
  type Response,
} from "../../ports/network.ts";
import {
  CONNECT_TIMEOUT_MS,
  type FabricConnection,
  KEEPALIVE_MS,
  type MemoryFabric,
  Pipe,
  type Scheduler,
} from "./fabric.ts";
import { broken, FRAME_BYTES } from "./network-body.ts";
import { ClientCall, refuseTooLarge, ServerCall } from "./network-call.ts";

export interface MemoryNetworkOptions {
  readonly fabric: MemoryFabric;
  /** The machine's name on the fabric; also what others see as its IP address. */
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly scheduler: Scheduler;
  /** A handler rejected with something that is no answer to the caller. */
  readonly onHandlerBug?: (error: unknown) => void;
  /** A caller with another password was refused. */
  readonly onRefused?: (remoteAddress: string) => void;
}

export class MemoryNetwork implements Network {
  readonly host: string;
  readonly password: string;
  readonly scheduler: Scheduler;
  readonly onHandlerBug: (error: unknown) => void;
  readonly onRefused: (remoteAddress: string) => void;
  readonly #fabric: MemoryFabric;
  readonly #address: string;
  readonly #port: number;
  readonly #connections = new Set<MemoryConnection>();
  #handler: RequestHandler | undefined;
  #state: "open" | "closed" | "killed" = "open";

  constructor(options: MemoryNetworkOptions) {
    this.#fabric = options.fabric;
    this.host = options.host;
    this.#port = options.port;
    this.#address = `${options.host}:${options.port}`;
    this.password = options.password;
    this.scheduler = options.scheduler;
    this.onHandlerBug = options.onHandlerBug ?? (() => {});
    this.onRefused = options.onRefused ?? (() => {});
  }

  get alive(): boolean {
    return this.#state === "open";
  }

  get killed(): boolean {
    return this.#state === "killed";
  }

  get handler(): RequestHandler | undefined {
    return this.#handler;
  }

  async listen(handler: RequestHandler): Promise<number> {
    if (this.#handler || !this.alive) throw new NetworkError("closed", "this network listens, or is closed");
    if (!this.#fabric.bind(this.#address, this)) {
      throw new NetworkError("port-in-use", `port ${this.#port} is taken by another program`);
    }
    this.#handler = handler;
    return this.#port;
  }

  connect(address: string, _purpose: "control" | "bulk"): Promise<Connection> {
    if (!this.alive) return Promise.reject(new NetworkError("closed", "this network is closed"));
    return new Promise((resolve, reject) => {
      let over = false;
      const cancelTimer = this.scheduler.after(CONNECT_TIMEOUT_MS, () => {
        over = true;
        reject(new NetworkError("timeout", `${address}: no answer within ${CONNECT_TIMEOUT_MS} ms`));
      });
      this.#handshake(address, (make) => {
        if (over) return;
        cancelTimer();
        const outcome = this.alive ? make() : new NetworkError("closed", "this network is closed");
        if (outcome instanceof NetworkError) reject(outcome);
        else resolve(outcome);
      });
    });
  }

  async close(): Promise<void> {
    if (!this.alive) return;
    this.#state = "closed";
    this.#fabric.unbind(this.#address, this);
    for (const connection of [...this.#connections]) connection.endFrom(this, "the server stopped");
  }

  /** The process ended without a word. Its kernel resets the connections, unless the machine itself has no power. */
  kill(): void {
    if (this.#state === "killed") return;
    this.#state = "killed";
    this.#fabric.unbind(this.#address, this);
    for (const connection of [...this.#connections]) connection.killed(this);
  }

  track(connection: MemoryConnection): void {
    this.#connections.add(connection);
  }

  untrack(connection: MemoryConnection): void {
    this.#connections.delete(connection);
  }

  /** There and back: the first message may be lost, and so may the answer. `settle` gets what makes the outcome. */
  #handshake(address: string, settle: (make: () => MemoryConnection | NetworkError) => void): void {
    const host = address.slice(0, Math.max(0, address.lastIndexOf(":")));
    if (host === "") {
      settle(() => new NetworkError("unreachable", `"${address}" is no address of the form host:port`));
      return;
    }
    const there = this.#fabric.link(this.host, host);
    const back = this.#fabric.link(host, this.host);
    if (there.cut || this.#fabric.isDown(host)) return;
    const listener = this.#fabric.listener(address);
    const arrives = listener?.scheduler ?? this.scheduler;
    arrives.after(there.latencyMs, () => {
      if (back.cut) return;
      this.scheduler.after(back.latencyMs, () => settle(() => this.#meet(listener, address)));
    });
  }

  #meet(listener: MemoryNetwork | undefined, address: string): MemoryConnection | NetworkError {
    if (listener === undefined || !listener.alive)
      return new NetworkError("refused", `${address}: nothing listens there`);
    if (listener.password !== this.password) {
      listener.scheduler.after(0, () => listener.onRefused(this.host));
      return new NetworkError("wrong-password", `${address}: the other side has another password`);
    }
    return new MemoryConnection(this.#fabric, this, listener);
  }
}

/** Both ends of one connection. What one end tells the other goes through a pipe, never directly. */
class MemoryConnection implements Connection, FabricConnection {
  readonly hosts: readonly [string, string];
  readonly closed: Promise<NetworkError>;
  readonly #fabric: MemoryFabric;
  readonly #caller: MemoryNetwork;
  readonly #listener: MemoryNetwork;
  readonly #toListener: Pipe;
  readonly #toCaller: Pipe;
  readonly #clientCalls = new Set<ClientCall>();
  readonly #serverCalls = new Set<ServerCall>();
  #tellClosed: (reason: NetworkError) => void = () => {};
  #callerEnd: "open" | NetworkError = "open";
  #listenerEnd: "open" | NetworkError = "open";

  constructor(fabric: MemoryFabric, caller: MemoryNetwork, listener: MemoryNetwork) {
    this.#fabric = fabric;
    this.#caller = caller;
    this.#listener = listener;
    this.hosts = [caller.host, listener.host];
    this.#toListener = new Pipe(fabric, caller.host, listener.host, listener.scheduler);
    this.#toCaller = new Pipe(fabric, listener.host, caller.host, caller.scheduler);
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    fabric.add(this);
    caller.track(this);
    listener.track(this);
  }

  async request(request: OutgoingRequest): Promise<Response> {
    refuseTooLarge(request.head.length);
    if (request.signal?.aborted) throw new NetworkError("closed", "the request was given up");
    if (this.#callerEnd !== "open") throw this.#callerEnd;
    const call = new ClientCall(request, this.#caller.scheduler, this.#toListener, (ended) => {
      this.#clientCalls.delete(ended);
    });
    this.#clientCalls.add(call);
    const head = copyOf(request.head);
    this.#toListener.send(FRAME_BYTES + head.length, () => this.#accept(call, request.method, head));
    this.#noticeDeadListener();
    call.sendBody();
    return call.response;
  }

  close(): void {
    this.endFrom(this.#caller, "it was closed");
  }

  /** One end closes in good order and tells the other. */
  endFrom(side: MemoryNetwork, reason: string): void {
    const error = new NetworkError("closed", `the connection has ended: ${reason}`);
    if (side === this.#caller && this.#callerEnd === "open") {
      this.#toListener.send(FRAME_BYTES, () => this.#endListener(error));
      this.#toListener.seal();
      this.#endCaller(error);
    }
    if (side === this.#listener && this.#listenerEnd === "open") {
      this.#toCaller.send(FRAME_BYTES, () => this.#endCaller(error));
      this.#toCaller.seal();
      this.#endListener(error);
    }
  }

  killed(side: MemoryNetwork): void {
    const error = broken("reset by the other side");
    const silent = this.#fabric.isDown(side.host);
    if (side === this.#caller) {
      if (!silent) this.#toListener.send(FRAME_BYTES, () => this.#endListener(error));
      this.#toListener.seal();
      this.#callerEnd = error;
    } else {
      if (!silent) this.#toCaller.send(FRAME_BYTES, () => this.#endCaller(error));
      this.#toCaller.seal();
      this.#listenerEnd = error;
    }
    side.untrack(this);
    this.#forgetWhenOver();
  }

  reset(): void {
    const error = broken("reset");
    this.#caller.scheduler.after(0, () => this.#endCaller(error));
    this.#listener.scheduler.after(0, () => this.#endListener(error));
  }

  release(from: string, to: string): void {
    if (this.#toListener.from === from && this.#toListener.to === to) this.#toListener.release();
    if (this.#toCaller.from === from && this.#toCaller.to === to) this.#toCaller.release();
    this.#noticeDeadListener();
  }

  watch(silent: () => boolean): void {
    const error = new NetworkError("closed", "the connection has ended: no sign of life from the other side");
    this.#caller.scheduler.after(KEEPALIVE_MS, () => {
      if (silent()) this.#giveUpCaller(error);
    });
    this.#listener.scheduler.after(KEEPALIVE_MS, () => {
      if (silent()) this.#giveUpListener(error);
    });
  }

  /** A rebooted machine knows nothing of the connection and says so to the first message. */
  #noticeDeadListener(): void {
    if (!this.#listener.killed || this.#fabric.isDown(this.#listener.host)) return;
    const latencyMs = this.#fabric.link(this.#listener.host, this.#caller.host).latencyMs;
    this.#caller.scheduler.after(latencyMs, () => this.#endCaller(broken("reset by the other side")));
  }

  #accept(client: ClientCall, method: string, head: Uint8Array): void {
    const handler = this.#listener.handler;
    if (this.#listenerEnd !== "open" || handler === undefined) return;
    const call = new ServerCall(client, this.#toCaller, this.#caller.host, (ended) => this.#serverCalls.delete(ended));
    this.#serverCalls.add(call);
    client.server = call;
    void call.handle(handler, method, head, this.#listener.onHandlerBug);
  }

  #endCaller(error: NetworkError): void {
    if (this.#callerEnd !== "open") return;
    this.#callerEnd = error;
    this.#toListener.seal();
    this.#caller.untrack(this);
    for (const call of [...this.#clientCalls]) call.broke(error);
    this.#tellClosed(error);
    this.#forgetWhenOver();
  }

  #endListener(error: NetworkError): void {
    if (this.#listenerEnd !== "open") return;
    this.#listenerEnd = error;
    this.#toCaller.seal();
    this.#listener.untrack(this);
    for (const call of [...this.#serverCalls]) call.broke(error);
    this.#forgetWhenOver();
  }

  /** As a kernel does after a keepalive: what waited for the link is gone. */
  #giveUpCaller(error: NetworkError): void {
    if (this.#callerEnd === "open") this.#toListener.break();
    this.#endCaller(error);
  }

  #giveUpListener(error: NetworkError): void {
    if (this.#listenerEnd === "open") this.#toCaller.break();
    this.#endListener(error);
  }

  #forgetWhenOver(): void {
    if (this.#callerEnd !== "open" && this.#listenerEnd !== "open") this.#fabric.delete(this);
  }
}
