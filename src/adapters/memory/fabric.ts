/**
 * The wires between in-memory networks: who listens where, how long a message takes from one host to another, and which
 * links are cut. It knows nothing of requests.
 *
 * A connection behaves as TCP does. What is sent over a cut link is not lost but repeated: it waits in order, and is
 * delivered when the link heals, unless the connection was given up before.
 */
import type { MemoryNetwork } from "./network.ts";

/** Something that runs a callback later: a server's clock, which keeps it waiting while the server is stopped. */
export interface Scheduler {
  after(ms: number, callback: () => void): () => void;
}

export interface Link {
  latencyMs: number;
  bytesPerMs: number;
  cut: boolean;
  /** Counts the cuts, so that a keepalive can tell one long cut from two short ones. */
  cuts: number;
}

/** What becomes of a connection over a cut link when it heals: its data arrives late, or it was reset meanwhile. */
export type HealFate = "resume" | "reset";

/** A connection without a sign of life for so long is given up: the mesh's four keepalives of five seconds. */
export const KEEPALIVE_MS = 20_000;
/** A call to a host that does not answer is given up. The mesh's handshake time-out. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** What the fabric must do to a connection. Its two ends belong to two hosts. */
export interface FabricConnection {
  readonly hosts: readonly [string, string];
  /** Delivers what waited for the link from one host to another. */
  release(from: string, to: string): void;
  /** Both ends learn now that it is over. */
  reset(): void;
  /** Ends it at both ends after the keepalive time if `silent` is still true then. */
  watch(silent: () => boolean): void;
}

export class MemoryFabric {
  readonly #now: () => number;
  readonly #defaults: { latencyMs: number; bytesPerMs: number };
  readonly #links = new Map<string, Link>();
  readonly #listeners = new Map<string, MemoryNetwork>();
  readonly #connections = new Set<FabricConnection>();
  readonly #hostsDown = new Set<string>();

  /** `now` in milliseconds, for the order and the delays of messages. Without options everything arrives at once. */
  constructor(now: () => number = () => 0, defaults: { latencyMs?: number; bytesPerMs?: number } = {}) {
    this.#now = now;
    this.#defaults = { latencyMs: 0, bytesPerMs: Number.POSITIVE_INFINITY, ...defaults };
  }

  now(): number {
    return this.#now();
  }

  /** The link from one host to another, one way; its fields may be set at any time. */
  link(from: string, to: string): Link {
    const key = `${from} ${to}`;
    const known = this.#links.get(key);
    if (known) return known;
    const link = { ...this.#defaults, cut: false, cuts: 0 };
    this.#links.set(key, link);
    return link;
  }

  /** Messages from one host to another arrive no more. Cut both directions for a whole partition. */
  cut(from: string, to: string): void {
    const link = this.link(from, to);
    if (link.cut) return;
    link.cut = true;
    const cuts = ++link.cuts;
    for (const connection of this.#between(from, to)) connection.watch(() => link.cut && link.cuts === cuts);
  }

  heal(from: string, to: string, fate: HealFate = "resume"): void {
    const link = this.link(from, to);
    if (!link.cut) return;
    link.cut = false;
    for (const connection of this.#between(from, to)) {
      if (fate === "reset") connection.reset();
      else connection.release(from, to);
    }
  }

  /** All connections between two hosts break now, and both sides notice. */
  reset(one: string, other: string): void {
    for (const connection of this.#between(one, other)) connection.reset();
  }

  /** The machine has no power: it does not even refuse. */
  hostDown(host: string): void {
    this.#hostsDown.add(host);
    for (const connection of this.#connections) {
      if (connection.hosts.includes(host)) connection.watch(() => true);
    }
  }

  hostUp(host: string): void {
    this.#hostsDown.delete(host);
  }

  isDown(host: string): boolean {
    return this.#hostsDown.has(host);
  }

  /** Connections of this host whose process stands still are given up by the other side when `silent` stays true. */
  watchHost(host: string, silent: () => boolean): void {
    for (const connection of this.#connections) {
      if (connection.hosts.includes(host)) connection.watch(silent);
    }
  }

  /** False when the address is taken. */
  bind(address: string, network: MemoryNetwork): boolean {
    if (this.#listeners.has(address)) return false;
    this.#listeners.set(address, network);
    return true;
  }

  unbind(address: string, network: MemoryNetwork): void {
    if (this.#listeners.get(address) === network) this.#listeners.delete(address);
  }

  listener(address: string): MemoryNetwork | undefined {
    return this.#listeners.get(address);
  }

  add(connection: FabricConnection): void {
    this.#connections.add(connection);
  }

  delete(connection: FabricConnection): void {
    this.#connections.delete(connection);
  }

  #between(one: string, other: string): FabricConnection[] {
    return [...this.#connections].filter(
      ({ hosts: [a, b] }) => (a === one && b === other) || (a === other && b === one),
    );
  }
}

/** One direction of a connection: messages arrive in the order they were sent. */
export class Pipe {
  readonly from: string;
  readonly to: string;
  readonly #fabric: MemoryFabric;
  readonly #receiver: Scheduler;
  readonly #link: Link;
  #lastArrivalMs = 0;
  #waiting: { sizeBytes: number; deliver: () => void }[] = [];
  #sealed = false;

  constructor(fabric: MemoryFabric, from: string, to: string, receiver: Scheduler) {
    this.#fabric = fabric;
    this.from = from;
    this.to = to;
    this.#receiver = receiver;
    this.#link = fabric.link(from, to);
  }

  send(sizeBytes: number, deliver: () => void): void {
    if (this.#sealed) return;
    const link = this.#link;
    if (link.cut || this.#waiting.length > 0) this.#waiting.push({ sizeBytes, deliver });
    else this.#transmit(link, sizeBytes, deliver);
  }

  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { sizeBytes, deliver } of waiting) this.#transmit(this.#link, sizeBytes, deliver);
  }

  /** Nothing more is sent; what was sent before arrives. */
  seal(): void {
    this.#sealed = true;
  }

  /** As seal(), and what waits for a cut link is given up. */
  break(): void {
    this.#sealed = true;
    this.#waiting = [];
  }

  #transmit(link: Link, sizeBytes: number, deliver: () => void): void {
    const now = this.#fabric.now();
    const arrivalMs = Math.max(this.#lastArrivalMs, now + link.latencyMs + sizeBytes / link.bytesPerMs);
    this.#lastArrivalMs = arrivalMs;
    this.#receiver.after(arrivalMs - now, deliver);
  }
}
