/** Discovery on one interface: one socket that asks who is there, answers who asks, and tells whom it heard. */
import { BlockList } from "node:net";
import multicastDns, { type Multicast, type Packet } from "multicast-dns";
import { announced, announcement, asksFor, browses, goodbye, type Instance, SERVICE } from "./records.ts";

/** An IPv4 address of this machine and the length of its network's prefix in bits. */
export interface LocalAddress {
  readonly address: string;
  readonly prefix: number;
}

export interface BrowserEvents {
  readonly found: (address: string) => void;
  /** This socket is of no use any more. */
  readonly failed: (error: Error) => void;
}

/** Waits before the questions that follow the first; the last one is repeated for ever. */
const QUESTION_WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Somebody else's question, of which everyone hears the answers, serves for ours. Not for the first few. */
const OWN_QUESTIONS_MIN = 3;
const QUESTION_SHARED_MS = 25_000;
/** RFC 6762, section 6: a shared answer waits a moment, and is given at most once a second. */
const ANSWER_WAIT_MS = { min: 20, spread: 100 };
const ANSWER_INTERVAL_MS = 1_000;

export class Browser {
  readonly #local: LocalAddress;
  readonly #instance: Instance;
  readonly #events: BrowserEvents;
  readonly #socket: Multicast;
  readonly #network = new BlockList();
  #questions = 0;
  #questionHeardAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #questionTimer: NodeJS.Timeout | undefined;
  #answerTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(local: LocalAddress, instance: Instance, port: number, events: BrowserEvents) {
    this.#local = local;
    this.#instance = instance;
    this.#events = events;
    this.#network.addSubnet(local.address, local.prefix);
    // Named, the interface is joined and sent from without any route; bound to it, Linux would hear no multicast.
    this.#socket = multicastDns({ port, interface: local.address, bind: "0.0.0.0", reuseAddr: true, loopback: true });
    this.#socket.on("error", (error: Error) => events.failed(error));
    // A packet that is not DNS, an interface that is just going: nothing to do.
    this.#socket.on("warning", () => {});
    this.#socket.on("query", (packet: Packet, from: { address: string }) => this.#asked(packet, from.address));
    this.#socket.on("response", (packet: Packet, from: { address: string }) => this.#heard(packet, from.address));
    // Once the group is joined, so that the answers are heard.
    this.#socket.once("networkInterface", () => {
      this.#ask();
      this.#answerSoon();
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#questionTimer);
    clearTimeout(this.#answerTimer);
    return new Promise((resolve) => {
      this.#socket.respond(goodbye(this.#instance), () => this.#socket.destroy(resolve));
    });
  }

  /** Sockets on one port hear the packets of all interfaces: each takes those of its own network. */
  #concerns(from: string): boolean {
    return !this.#closed && this.#network.check(from);
  }

  #ask(): void {
    if (this.#closed) return;
    const shared = performance.now() - this.#questionHeardAt < QUESTION_SHARED_MS;
    if (this.#questions < OWN_QUESTIONS_MIN || !shared) this.#socket.query([{ name: SERVICE, type: "PTR" }], () => {});
    const waitMs = QUESTION_WAITS_MS[Math.min(this.#questions, QUESTION_WAITS_MS.length - 1)];
    this.#questions += 1;
    this.#questionTimer = setTimeout(() => this.#ask(), waitMs).unref();
  }

  #asked(packet: Packet, from: string): void {
    if (!this.#concerns(from)) return;
    if (browses(packet)) this.#questionHeardAt = performance.now();
    if (asksFor(this.#instance, packet)) this.#answerSoon();
  }

  /** Questions that come before the answer is out share it. */
  #answerSoon(): void {
    if (this.#answerTimer !== undefined || this.#closed) return;
    const waitMs = ANSWER_WAIT_MS.min + Math.random() * ANSWER_WAIT_MS.spread;
    const earliest = this.#answeredAt + ANSWER_INTERVAL_MS - performance.now();
    this.#answerTimer = setTimeout(() => this.#answer(), Math.max(waitMs, earliest)).unref();
  }

  #answer(): void {
    this.#answerTimer = undefined;
    this.#answeredAt = performance.now();
    this.#socket.respond(announcement(this.#instance, this.#local.address), () => {});
  }

  #heard(packet: Packet, from: string): void {
    if (!this.#concerns(from)) return;
    for (const address of announced(packet, from, this.#instance)) this.#events.found(address);
  }
}
