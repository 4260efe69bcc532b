/**
 * All connections of this server: it dials, greets, keeps one link to each other server, and hands requests that come
 * in to those who handle them. Whether two servers may talk is decided in greeting.ts.
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { ServerId, SwarmId } from "../../core/ids.ts";
import type { Liveness, ProcessId } from "../../core/swarm/liveness.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import {
  type Connection,
  type IncomingRequest,
  type Network,
  NetworkError,
  type OutgoingResponse,
  RemoteError,
} from "../../ports/network.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Identity } from "../identity.ts";
import type { Settings } from "../settings.ts";
import { sleep } from "../timers.ts";
import { addressOf } from "./address.ts";
import { BUNDLE_METHOD, bundleHandler } from "./bundles.ts";
import { Dialer, type DialResult, type Why } from "./dialer.ts";
import type { Greeting } from "./greeting.ts";
import { Link } from "./link.ts";
import {
  decodeEnvelope,
  decodeJson,
  type Envelope,
  encodeEnvelope,
  encodeJson,
  type Goodbye,
  type Heartbeat,
  type HeartbeatAnswer,
  type Hello,
  NO_SWARM,
  type ServerReport,
} from "./messages.ts";
import type { Removal } from "./removal.ts";
import { CLOCK_SKEW_MAX_MS } from "./skews.ts";

const HELLO_TIMEOUT_MS = 5000;
/** A server that stops spends no more time on telling the others. */
const FAREWELL_MS = 500;
const FAREWELL_POLL_MS = 10;

/** A request of another server of this swarm. */
export interface ServerRequest {
  readonly from: ServerId;
  readonly message: Bytes;
  readonly body: AsyncIterable<Bytes>;
  readonly signal: AbortSignal;
}

/** A request of a server of another swarm. */
export interface ForeignRequest {
  readonly swarm: SwarmId;
  readonly message: Bytes;
}

export type ServerHandler = (request: ServerRequest) => Promise<OutgoingResponse>;

export interface MeshParts {
  readonly clock: Clock;
  readonly network: Network;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly identity: Identity;
  readonly process: ProcessId;
  readonly liveness: Liveness;
  readonly greeting: Greeting;
  readonly log: Log;
  readonly removal: Removal;
  /** Tells what this server is like now. */
  report(): ServerReport;
}

export class Mesh {
  readonly #parts: MeshParts;
  readonly #dialer: Dialer;
  readonly #ending: AbortSignal;
  readonly #handlers = new Map<string, ServerHandler>();
  readonly #foreign = new Map<string, (request: ForeignRequest) => Promise<OutgoingResponse>>();
  readonly #links = new Map<ServerId, Link>();
  readonly #problems = new Map<string, string>();
  readonly #listeners: (() => void)[] = [];
  readonly #answeredListeners: ((link: Link) => void)[] = [];

  constructor(parts: MeshParts, ending: AbortSignal) {
    this.#parts = parts;
    this.#ending = ending;
    this.#dialer = new Dialer(parts.clock, ending, (address) => this.#dial(address));
    this.#handlers.set("heartbeat", (request) => this.#answerHeartbeat(request));
    this.#handlers.set(BUNDLE_METHOD, bundleHandler(this.#handlers));
    this.#handlers.set("goodbye", (request) => this.#receiveGoodbye(request));
  }

  handle(method: string, handler: ServerHandler): void {
    this.#handlers.set(method, handler);
  }

  /** Answers servers with the same password, whatever their swarm (C11). */
  handleForeign(method: string, handler: (request: ForeignRequest) => Promise<OutgoingResponse>): void {
    this.#foreign.set(method, handler);
  }

  /** A call of a server of another swarm. @throws NetworkError, RemoteError */
  async callForeign(address: string, method: string, message: Bytes, timeoutMs: number): Promise<Bytes> {
    const connection = await this.#parts.network.connect(address, "control");
    try {
      return (await connection.request({ method, head: this.#seal(message), timeoutMs })).head;
    } finally {
      connection.close();
    }
  }

  /** Called whenever something that decides freshness or acknowledgement may have changed. */
  onProgress(listener: () => void): void {
    this.#listeners.push(listener);
  }

  onAnswered(listener: (link: Link) => void): void {
    this.#answeredListeners.push(listener);
  }

  /** Begins to answer. Resolves with the swarm port. */
  async listen(): Promise<number> {
    const port = await this.#parts.network.listen((request) => this.#receive(request));
    this.#parts.greeting.swarmPort = port;
    return port;
  }

  /** The swarm port; 0 before `listen`. */
  get port(): number {
    return this.#parts.greeting.swarmPort;
  }

  connectTo(addresses: Iterable<string>, why: Why = "told"): void {
    for (const address of addresses) this.#dialer.add(address, why);
  }

  get triedAll(): boolean {
    return this.#dialer.triedAll;
  }

  links(): Link[] {
    return [...this.#links.values()];
  }

  link(server: ServerId): Link | undefined {
    return this.#links.get(server);
  }

  isUp(server: ServerId): boolean {
    return this.#links.has(server) && this.#parts.liveness.isUp(server, this.#parts.clock.monotonic());
  }

  /** Which run of this server it is. */
  get process(): ProcessId {
    return this.#parts.process;
  }

  /** Links to the servers that are up. */
  upLinks(): Link[] {
    return this.links().filter((link) => this.isUp(link.server));
  }

  /** Why an address could not be talked to, when it could not. */
  problemAt(address: string): string | undefined {
    return this.#problems.get(address);
  }

  progress(): void {
    for (const listener of this.#listeners) listener();
  }

  wakePushes(): void {
    for (const link of this.#links.values()) link.wakePush();
  }

  /**
   * Tells the others that this server stops, once they have what it wrote (F4). From before the call on it must answer
   * no reader and acknowledge no write. Takes `FAREWELL_MS` at most.
   */
  async sayGoodbye(): Promise<void> {
    const { clock, catalog, process } = this.#parts;
    const { origin } = catalog;
    if (origin === undefined) return;
    const name = originName(origin);
    const number = catalog.knownNumber(name);
    const message = encodeJson({ process, incarnation: origin.incarnation, number } satisfies Goodbye);
    const over = new AbortController();
    const told = this.upLinks().map(async (link) => {
      while (link.knownNumber(name) < number && !over.signal.aborted) {
        await sleep(clock, FAREWELL_POLL_MS, over.signal, link.closed);
        if (link.closed.aborted) return;
      }
      await link.call("goodbye", message, FAREWELL_MS).catch(() => undefined);
    });
    await Promise.race([Promise.allSettled(told), sleep(clock, FAREWELL_MS, over.signal)]);
    over.abort();
  }

  closeAll(): void {
    for (const link of this.#links.values()) link.close();
  }

  // --- Dialing ---

  async #dial(address: string): Promise<DialResult> {
    const { greeting } = this.#parts;
    if (greeting.isSelf(address)) return { kind: "known", again: () => false };
    let connection: Connection;
    try {
      connection = await this.#parts.network.connect(address, "control");
    } catch (error) {
      this.#noteProblem(address, error);
      if (error instanceof NetworkError && error.code === "refused") this.#refusedAt(address);
      return { kind: "failed" };
    }
    try {
      const link = await this.#greet(address, connection);
      if (link === undefined) {
        connection.close();
        return { kind: "unfit" };
      }
      if (link.address !== address || link.closed.aborted) {
        connection.close();
        return { kind: "known", again: () => link.closed.aborted };
      }
      this.#problems.delete(address);
      const ended = Promise.withResolvers<void>();
      link.closed.addEventListener("abort", () => ended.resolve());
      return { kind: "connected", ended: ended.promise };
    } catch (error) {
      connection.close();
      this.#noteProblem(address, error);
      greeting.failed(address, error);
      return { kind: "unfit" };
    }
  }

  /** Exchanges greetings; answers the link to that server, which may be an older one. */
  async #greet(address: string, connection: Connection): Promise<Link | undefined> {
    const { greeting, clock, identity, network, catalog, process, liveness, removal } = this.#parts;
    const { generation } = catalog;
    const sentAt = clock.monotonic();
    const sentWall = clock.wall();
    const head = this.#seal(encodeJson(greeting.hello()));
    const response = await connection.request({ method: "hello", head, timeoutMs: HELLO_TIMEOUT_MS });
    const { from, swarm, message } = decodeEnvelope(response.head);
    const hello = decodeJson<Hello>(message);
    const skewMs = hello.wallMs - (sentWall + clock.wall()) / 2;
    if (!(await greeting.accept(address, from, swarm, hello, skewMs))) return undefined;
    if (swarm !== identity.swarm) return undefined;
    await greeting.met(from, hello);
    if (generation !== catalog.generation) return undefined; // They told each other of the catalog before.
    const present = this.#links.get(from);
    if (present !== undefined && !present.closed.aborted) return present;
    const link = new Link(from, address, connection, hello, skewMs, {
      clock,
      network,
      catalog,
      process,
      seal: (bytes) => this.#seal(bytes, hello.generation),
      events: {
        answered: (from, answer, at) => this.#answered(from, answer, at),
        acknowledged: () => this.progress(),
        known: () => greeting.known(),
        knownDigest: () => greeting.knownDigest(),
        told: ({ server }, known) => greeting.claims.learn(server, known),
        mayTell: ({ server }) => !greeting.claims.isAbove(server),
        refused: (error) => removal.told(error),
      },
    });
    if (link.closed.aborted) return undefined;
    this.#links.set(from, link);
    link.closed.addEventListener("abort", () => this.#unlinked(link));
    liveness.answered(from, hello.state.process, sentAt, clock.monotonic(), announced(from, hello.state));
    greeting.linked(from, hello);
    link.start();
    this.progress();
    return link;
  }

  #unlinked(link: Link): void {
    if (this.#links.get(link.server) === link) this.#links.delete(link.server);
    this.#parts.greeting.unlinked(link.server);
    this.progress();
  }

  #refusedAt(address: string): void {
    const { settings, liveness } = this.#parts;
    for (const { id, addresses } of settings.roster.values())
      if (addresses.includes(address) && !this.#links.has(id)) liveness.refused(id);
    this.progress();
  }

  #noteProblem(address: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (this.#problems.get(address) === problem) return;
    this.#problems.set(address, problem);
    if (error instanceof RemoteError) this.#parts.removal.told(error);
    const wrongPassword = error instanceof NetworkError && error.code === "wrong-password";
    if (wrongPassword) this.#parts.log.error("a server has another password", { address });
    else if (error instanceof RemoteError) this.#parts.log.warn("a server refused this one", { address, problem });
  }

  // --- Heartbeats ---

  #answered(link: Link, answer: HeartbeatAnswer, sentAt: number): void {
    const { clock, liveness, log } = this.#parts;
    const now = clock.monotonic();
    if (Math.abs(link.clockSkewMs) > CLOCK_SKEW_MAX_MS) {
      log.warn("a server's clock is too far away", { server: link.server, skewMs: Math.round(link.clockSkewMs) });
      link.close();
      return;
    }
    liveness.answered(link.server, answer.report.process, sentAt, now, announced(link.server, answer.report));
    for (const [server, agoMs] of answer.heard) liveness.heard(server, now - agoMs);
    for (const listener of this.#answeredListeners) listener(link);
    this.progress();
  }

  async #answerHeartbeat({ from, message }: ServerRequest): Promise<OutgoingResponse> {
    const { clock, liveness, settings, greeting } = this.#parts;
    const now = clock.monotonic();
    const { process, knownDigest, wantsKnown } = decodeJson<Heartbeat>(message);
    const report = this.#parts.report();
    const heard = [...settings.roster.keys()].flatMap((server) => {
      const at = liveness.lastHeardAt(server);
      return at === undefined ? [] : [[server, now - at] as const];
    });
    const differs = wantsKnown && knownDigest !== greeting.knownDigest();
    liveness.gaveAnswer(from, process, report.number, now);
    const answer: HeartbeatAnswer = { report, heard, ...(differs ? { known: greeting.known() } : {}) };
    return { head: encodeJson(answer) };
  }

  async #receiveGoodbye({ from, message }: ServerRequest): Promise<OutgoingResponse> {
    const { catalog, liveness } = this.#parts;
    const { process, incarnation, number } = decodeJson<Goodbye>(message);
    liveness.left(from, process, catalog.knownNumber(originName({ server: from, incarnation })) >= number);
    this.progress();
    return { head: encodeJson({}) };
  }

  // --- Requests that come in ---

  async #receive(request: IncomingRequest): Promise<OutgoingResponse> {
    if (this.#ending.aborted) throw new FsdfsError("stopping");
    const { identity, liveness, clock, greeting, catalog, removal } = this.#parts;
    const envelope = decodeEnvelope(request.head);
    if (request.method === "hello") return await this.#receiveHello(envelope, request.remoteAddress);
    const { from, swarm, message } = envelope;
    const foreign = this.#foreign.get(request.method);
    if (foreign !== undefined) return await foreign({ swarm, message });
    const handler = this.#handlers.get(request.method);
    if (handler === undefined) throw new FsdfsError("method-not-allowed", { method: request.method });
    if (identity.swarm === undefined || swarm !== identity.swarm) {
      throw new FsdfsError("swarm-foreign", { address: request.remoteAddress });
    }
    removal.check(from);
    // What the sender believes of this catalog may have been said of the one before, though both have met since.
    const isOfNow = envelope.generation === catalog.generation;
    if (!isOfNow || (catalog.generation > 0 && !greeting.claims.hasMet(from))) throw new FsdfsError("server-unmet");
    liveness.heard(from, clock.monotonic());
    return await handler({ from, message, body: request.body, signal: request.signal });
  }

  async #receiveHello({ from, swarm, message }: Envelope, remoteAddress: string): Promise<OutgoingResponse> {
    const { greeting, identity, liveness, clock } = this.#parts;
    const hello = decodeJson<Hello>(message);
    const address = addressOf(remoteAddress, hello.swarmPort);
    greeting.checkCaller(address, from, hello);
    if (swarm === identity.swarm) await greeting.met(from, hello);
    const answer = { ...greeting.hello(), seenAs: remoteAddress };
    // Who may link now is called soon, lest strangers call each other without end, and told a number as by heartbeats (F3).
    const mayLink = swarm === identity.swarm || swarm === NO_SWARM || hello.empty;
    if (from !== identity.server && !this.#links.has(from))
      this.#dialer.add(address, mayLink || answer.empty ? "soon" : "told");
    if (from !== identity.server && mayLink) {
      if (!greeting.claims.hasMet(from)) greeting.claims.greeted(from, []); // It has yet to join.
      liveness.gaveAnswer(from, hello.state.process, answer.state.number, clock.monotonic());
    }
    return { head: this.#seal(encodeJson(answer)) };
  }

  #seal(message: Bytes, generation = 0): Bytes {
    const { server, swarm } = this.#parts.identity;
    return encodeEnvelope({ from: server, swarm: swarm ?? NO_SWARM, generation, message });
  }
}

function announced(server: ServerId, { incarnation, number }: ServerReport): { origin: string; number: number } {
  return { origin: originName({ server, incarnation }), number };
}
