/**
 * This server's own connection to one other server: heartbeats, the push of its own records, and requests. The other
 * direction is the other server's link.
 */
import type { Batch, LogWalk } from "../../core/catalog/batch.ts";
import { encodeBatch } from "../../core/catalog/batch.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { Origin } from "../../core/catalog/types.ts";
import type { ServerId } from "../../core/ids.ts";
import type { ProcessId } from "../../core/swarm/liveness.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  type Connection,
  type Network,
  type OutgoingRequest,
  RemoteError,
  type Response,
} from "../../ports/network.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { rest, sleep, Wakeup } from "../timers.ts";
import { BUNDLE_METHOD, Bundler } from "./bundles.ts";
import {
  decodeJson,
  encodeJson,
  type Heartbeat,
  type HeartbeatAnswer,
  type Hello,
  type KnownOrigin,
  type ServerReport,
} from "./messages.ts";

const HEARTBEAT_MS = 500;
const HEARTBEAT_TIMEOUT_MS = 3000;
/** Without an answer for so long the connection is given up and made anew. */
const SILENCE_MAX_MS = 10_000;
/** Records in one push: reading them takes some 3 ms, and no step may keep the event loop for more than 10. */
const PUSH_RECORDS = 200;
const PUSH_TIMEOUT_MS = 30_000;
const PUSH_RETRY_MS = 500;
const KNOWN_EVERY_MS = 2000;

function isUnmet(error: unknown): boolean {
  return error instanceof RemoteError && error.code === "server-unmet";
}

/** What a link tells the mesh. */
export interface LinkEvents {
  /** A heartbeat that was sent at `sentAt` was answered. */
  answered(link: Link, answer: HeartbeatAnswer, sentAt: number): void;
  /** The other server has taken in this server's records up to a number, durably. */
  acknowledged(): void;
  /** What this server knows of origins, and its digest. */
  known(): readonly KnownOrigin[];
  knownDigest(): number;
  /** The other server knows so much: it said so, or it said that its digest is the same. */
  told(link: Link, known: readonly KnownOrigin[]): void;
  /** Whether this server may tell its records to the other: not when its catalog is below the other's floor (C7). */
  mayTell(link: Link): boolean;
  /** The other server has refused a call. */
  refused(error: RemoteError): void;
}

export interface LinkContext {
  readonly clock: Clock;
  readonly network: Network;
  readonly catalog: Catalog;
  readonly process: ProcessId;
  readonly events: LinkEvents;
  seal(message: Bytes): Bytes;
}

export class Link {
  readonly server: ServerId;
  readonly address: string;
  report: ServerReport;
  /** Its clock minus this server's, in milliseconds. */
  clockSkewMs: number;
  readonly #control: Connection;
  readonly #context: LinkContext;
  readonly #known = new Map<string, number>();
  readonly #tails = new Map<string, number>();
  readonly #origins = new Map<string, Origin>();
  readonly #pushWakeup = new Wakeup();
  readonly #ended = new AbortController();
  readonly #bundler: Bundler;
  #bulk: Promise<Connection> | undefined;
  #lastAnswerAt: number;
  #lastKnownAt = Number.NEGATIVE_INFINITY;

  constructor(
    server: ServerId,
    address: string,
    control: Connection,
    { known, state }: Hello,
    clockSkewMs: number,
    context: LinkContext,
  ) {
    this.server = server;
    this.address = address;
    this.report = state;
    this.clockSkewMs = clockSkewMs;
    this.#control = control;
    this.#context = context;
    this.#lastAnswerAt = context.clock.monotonic();
    this.#bundler = new Bundler(context.clock, async (message, timeoutMs, signal) => {
      return (await this.#request({ method: BUNDLE_METHOD, head: message, timeoutMs, signal })).body;
    });
    this.learnKnown(known);
    void control.closed.then(() => this.close());
  }

  get closed(): AbortSignal {
    return this.#ended.signal;
  }

  start(): void {
    void this.#heartbeats();
    void this.#push();
  }

  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#control.close();
    void this.#bulk?.then((connection) => connection.close()).catch(() => undefined);
  }

  /** How far the other server knows an origin, as far as it has told. */
  knownNumber(origin: string): number {
    return this.#known.get(origin) ?? 0;
  }

  /** What the other server last told of an origin beyond its contiguous number (C3). */
  tailOf(origin: string): number {
    return this.#tails.get(origin) ?? 0;
  }

  /** Origins that the other server has told of. */
  knownOrigins(): Iterable<Origin> {
    return this.#origins.values();
  }

  learnKnown(known: readonly KnownOrigin[]): void {
    for (const [server, incarnation, number, , , tail] of known) {
      const name = originName({ server, incarnation });
      this.#tails.set(name, tail);
      this.#origins.set(name, { server, incarnation });
      this.#learn(name, number);
    }
  }

  wakePush(): void {
    this.#pushWakeup.wake();
  }

  /** A short call. @throws NetworkError, RemoteError */
  async call(method: string, message: Bytes, timeoutMs: number): Promise<Bytes> {
    return (await this.#request({ method, head: message, timeoutMs })).head;
  }

  /** A short call that may share a request with others, for at most half a minute. @throws NetworkError, RemoteError */
  async bundled(method: string, message: Bytes): Promise<Bytes> {
    return await this.#bundler.call(method, message);
  }

  async #request(request: OutgoingRequest): Promise<Response> {
    try {
      return await this.#control.request({ ...request, head: this.#context.seal(request.head) });
    } catch (error) {
      if (error instanceof RemoteError) this.#context.events.refused(error);
      if (isUnmet(error)) this.close(); // It has forgotten this server, and what it knew; they meet anew.
      throw error;
    }
  }

  /** A request with bulk bytes, on a connection of its own that heartbeats do not share. */
  async bulk(
    method: string,
    message: Bytes,
    options: { timeoutMs: number; body?: AsyncIterable<Bytes>; signal?: AbortSignal },
  ): Promise<Response> {
    const connection = await this.#bulkConnection();
    return await connection.request({ method, head: this.#context.seal(message), ...options });
  }

  #bulkConnection(): Promise<Connection> {
    this.#bulk ??= this.#context.network.connect(this.address, "bulk").then(
      (connection) => {
        void connection.closed.then(() => {
          this.#bulk = undefined;
        });
        if (this.#ended.signal.aborted) connection.close();
        return connection;
      },
      (error: unknown) => {
        this.#bulk = undefined;
        throw error;
      },
    );
    return this.#bulk;
  }

  #learn(origin: string, number: number): void {
    if (number > (this.#known.get(origin) ?? 0)) this.#known.set(origin, number);
  }

  /** Heartbeats are sent on time whether or not earlier ones were answered (M1). */
  async #heartbeats(): Promise<void> {
    const { clock } = this.#context;
    while (!this.closed.aborted) {
      void this.#heartbeat();
      await rest(clock, HEARTBEAT_MS, this.closed);
      if (clock.monotonic() - this.#lastAnswerAt > SILENCE_MAX_MS) this.close();
    }
  }

  async #heartbeat(): Promise<void> {
    const { clock, events, process } = this.#context;
    const sentAt = clock.monotonic();
    const sentWall = clock.wall();
    const wantsKnown = sentAt - this.#lastKnownAt >= KNOWN_EVERY_MS;
    if (wantsKnown) this.#lastKnownAt = sentAt;
    try {
      // While records come in that takes a while for many origins: it is reckoned only when it is looked at.
      const [known, knownDigest] = wantsKnown ? [events.known(), events.knownDigest()] : [[], 0];
      const message: Heartbeat = { process, knownDigest, wantsKnown };
      const head = await this.call("heartbeat", encodeJson(message), HEARTBEAT_TIMEOUT_MS);
      const answer = decodeJson<HeartbeatAnswer>(head);
      this.#lastAnswerAt = clock.monotonic();
      this.report = answer.report;
      this.clockSkewMs = answer.report.wallMs - (sentWall + clock.wall()) / 2;
      if (answer.known !== undefined) this.learnKnown(answer.known);
      if (wantsKnown) events.told(this, answer.known ?? known);
      events.answered(this, answer, sentAt);
    } catch {
      // Silence is what the heartbeat is there to notice.
    }
  }

  /**
   * Sends this server's own records as long as the other lacks some (C3). Two batches are on their way at most, so that the
   * other has one to take in while it waits for its disk, and sets the pace all the same. What announces a number claims
   * all that was sent before, and waits until it is there.
   */
  async #push(): Promise<void> {
    const { clock, catalog } = this.#context;
    const cursors = new Map<string, Pick<LogWalk, "reached" | "atMost">>();
    let before: Promise<void> = Promise.resolve();
    while (!this.closed.aborted) {
      const next = this.#nextToPush();
      if (next === undefined || !this.#context.events.mayTell(this)) {
        await this.#pushWakeup.wait(clock, HEARTBEAT_MS * 4, this.closed);
        continue;
      }
      try {
        const { reached, atMost } = cursors.get(next.name) ?? { reached: 0, atMost: undefined };
        const after = Math.max(reached, this.knownNumber(next.name));
        const walk = await catalog.walk(next.index, after, PUSH_RECORDS, atMost);
        if (walk.unreadable.length > 0) throw walk.unreadable[0]; // It asks another, or for the rest (catch-up.ts).
        const announcements = walk.announce === undefined ? [] : [walk.announce];
        if (walk.announce !== undefined) await before;
        const sent = this.#send({ records: walk.records, announcements });
        sent.catch(() => undefined); // It is awaited below, or in the next round.
        cursors.set(next.name, { reached: walk.reached, atMost: walk.atMost });
        await before;
        before = sent;
        if (walk.announce !== undefined) {
          await sent;
          this.#learn(next.name, walk.announce.number);
          cursors.delete(next.name); // What lies behind the walk may be filled in before the next one begins.
        }
        this.#context.events.acknowledged();
      } catch {
        // Which of the batches is missing there is not known: all walks begin anew.
        cursors.clear();
        before = Promise.resolve();
        await sleep(clock, PUSH_RETRY_MS, this.closed);
      }
    }
  }

  async #send(batch: Batch): Promise<void> {
    await this.call("records", encodeBatch(batch), PUSH_TIMEOUT_MS);
  }

  /** The next of this server's own origins, old incarnations included, that the other server lags behind in. */
  #nextToPush(): { index: number; name: string } | undefined {
    const { catalog } = this.#context;
    for (const [index, row] of catalog.origins()) {
      if (row.server !== catalog.self) continue;
      const name = originName(row);
      if (row.contiguous > this.knownNumber(name)) return { index, name };
    }
    return undefined;
  }
}
