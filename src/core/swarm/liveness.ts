/**
 * Which servers are up, absent, and whether this server's catalog is fresh (M1 to M3). Time is handed in: monotonic
 * milliseconds of this server.
 *
 * F1. A server that is counted as up has answered a heartbeat that was sent within the last UP_MS.
 * F2. `isFresh` is true only when every server counted as up has answered a heartbeat sent within the last FRESH_MS, and
 *     everything that the answer announced has been applied here.
 * F3. A writer acknowledges when, for each server, either it has applied the write, or FRESH_MS have gone by since it
 *     was last given an answer that did not announce the write. By F2 such a server does not answer readers from its
 *     own catalog without the write, unless it counts the writer as down.
 *     What was fresh stays so until `freshUntil`, for whoever reads this server's catalog (F5, lease.ts).
 * F4. A process that said goodbye answers no reader and acknowledges no write from before it said so. It is not up from
 *     the moment the goodbye is heard, if all that it ever announced has been applied here, and no writer waits for it.
 *     A goodbye is of one process: what the next one on that server was told counts, however late the goodbye comes.
 */
import type { ServerId } from "../ids.ts";
import { Twins } from "./twins.ts";

/** Drawn by chance when a server starts: tells one run of it from the next. */
export type ProcessId = string;

/** A server that has answered within this time is up (M1). */
export const UP_MS = 3000;
/** How old a heartbeat may be that freshness rests on (M2). */
export const FRESH_MS = 1500;

interface Answered {
  /** When the heartbeat that was answered had been sent. */
  sentAt: number;
  /** Name of the origin whose number was announced, and that number. */
  origin: string;
  number: number;
  process: ProcessId;
  /** A new connection was refused since, or it has said goodbye: the process is gone. */
  gone: boolean;
}

/** An answer that this server gave. */
interface Given {
  readonly process: ProcessId;
  readonly number: number;
  at: number;
}

export class Liveness {
  readonly twins = new Twins();
  readonly #answers = new Map<ServerId, Answered>();
  readonly #heardAt = new Map<ServerId, number>();
  readonly #given = new Map<ServerId, Given[]>();
  /** The last process of each server that said goodbye. */
  readonly #left = new Map<ServerId, ProcessId>();
  readonly #startedAt: number;
  /** Answers given before this announced numbers of another incarnation, or are forgotten. */
  #numberedSince: number;
  readonly #graceMs: number;

  constructor(now: number, graceMs: number) {
    this.#startedAt = now;
    this.#numberedSince = now;
    this.#graceMs = graceMs;
  }

  /** A server answered a heartbeat that was sent at `sentAt`, announcing its own number. */
  answered(
    server: ServerId,
    process: ProcessId,
    sentAt: number,
    now: number,
    announced: { readonly origin: string; readonly number: number },
  ): void {
    const last = this.#answers.get(server);
    if ((last !== undefined && last.sentAt > sentAt) || this.#left.get(server) === process) return;
    this.#answers.set(server, { ...announced, process, sentAt, gone: false });
    this.heard(server, now);
  }

  /** Someone, this server or one that told of it, heard from `server` at that time. */
  heard(server: ServerId, at: number): void {
    const last = this.#heardAt.get(server);
    if (last === undefined || at > last) this.#heardAt.set(server, at);
  }

  /** A new connection to the server was refused by its machine. */
  refused(server: ServerId): void {
    const answer = this.#answers.get(server);
    if (answer !== undefined) answer.gone = true;
  }

  /**
   * A process of `server` said goodbye (F4). `hasAll`: everything that it announced, or acknowledged to a writer, has
   * been applied here; else it counts as up for as long as a silent one, lest readers here miss the rest.
   */
  left(server: ServerId, process: ProcessId, hasAll: boolean): void {
    const given = this.#given.get(server)?.filter((answer) => answer.process !== process);
    if (given !== undefined) this.#given.set(server, given);
    this.#left.set(server, process);
    const answer = this.#answers.get(server);
    if (answer?.process === process && hasAll) answer.gone = true;
  }

  forget(server: ServerId): void {
    this.#answers.delete(server);
    this.#heardAt.delete(server);
    this.#given.delete(server);
    this.#left.delete(server);
  }

  isUp(server: ServerId, now: number): boolean {
    const answer = this.#answers.get(server);
    return answer !== undefined && !answer.gone && now - answer.sentAt < UP_MS;
  }

  /** When somebody heard from it last, as far as this server was told since it started. */
  lastHeardAt(server: ServerId): number | undefined {
    return this.#heardAt.get(server);
  }

  /** M3. A server of which nothing was heard yet has the grace period from this server's start on. */
  isAbsent(server: ServerId, now: number): boolean {
    return !this.isUp(server, now) && now - (this.#heardAt.get(server) ?? this.#startedAt) > this.#graceMs;
  }

  /** Whether this server may answer from its own catalog. `applied` tells up to which number an origin is known here. */
  isFresh(now: number, applied: (origin: string) => number): boolean {
    return now < this.freshUntil(now, applied);
  }

  /** Until when that holds if nothing more is heard; at `now` or before when it does not hold. */
  freshUntil(now: number, applied: (origin: string) => number): number {
    let until = Number.POSITIVE_INFINITY;
    for (const [server, answer] of this.#answers) {
      if (!this.isUp(server, now)) continue;
      if (applied(answer.origin) < answer.number) return Number.NEGATIVE_INFINITY;
      until = Math.min(until, answer.sentAt + FRESH_MS);
    }
    return until;
  }

  /** This server answered a process of `server`, announcing its own `number`. */
  gaveAnswer(server: ServerId, process: ProcessId, number: number, now: number): void {
    if (this.#left.get(server) === process) return;
    this.twins.heard(server, process, now);
    const given = (this.#given.get(server) ?? []).filter(({ at }) => now - at < FRESH_MS);
    const last = given.at(-1);
    if (last?.number === number && last.process === process) last.at = now;
    else given.push({ process, number, at: now });
    this.#given.set(server, given);
  }

  /** Servers that were given answers which may still count (F3). */
  answeredServers(): Iterable<ServerId> {
    return this.#given.keys();
  }

  /** This server begins to number its records anew (C6): what it announced before says nothing about the new ones. */
  renumbered(now: number): void {
    this.#numberedSince = now;
    this.#given.clear();
  }

  /** Until when a write numbered `number` must wait for `server`, which has not applied it (F3). */
  waitsUntil(server: ServerId, number: number): number {
    const given = this.#given.get(server)?.findLast((answer) => answer.number < number);
    return Math.max(given?.at ?? Number.NEGATIVE_INFINITY, this.#numberedSince) + FRESH_MS;
  }
}
