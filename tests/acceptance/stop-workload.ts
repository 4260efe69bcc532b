/**
 * What keeps copies going in a swarm that is almost full: clients that put, overwrite and remove files, so that about as
 * much lives all the while, and an operator who lowers and raises quotas. Counts the copies that go to make room.
 */
import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { SeededRandom } from "../simulation/random.ts";
import { type RealServer, waitFor } from "./cluster.ts";
import type { History } from "./kill-history.ts";

const WRITERS = 6;
/** Of each writer. */
const FILES_LIVING = 8;
const FILE_BYTES_MIN = 10_000;
const FILE_BYTES_MAX = 110_000;
/** Room for so many copies of all that lives, over all servers. */
const ROOM_COPIES = 2.6;
/** Uneven: shares of the room. */
const SHARES = [0.14, 0.17, 0.2, 0.23, 0.26];
const QUOTA_LOW = 0.8;
const QUOTA_HIGH = 1.2;
const QUOTA_EVERY_MS = 800;
/** Between what a writer does. */
const PAUSE_MS_MAX = 100;
const OVERWRITES = 0.3;

/** Bytes of the server at a place in the cluster. */
export function quotaOf(at: number): number {
  const livingBytes = (WRITERS * FILES_LIVING * (FILE_BYTES_MIN + FILE_BYTES_MAX)) / 2;
  return Math.round(livingBytes * ROOM_COPIES * SHARES[at]!);
}

export class StopWorkload {
  readonly #servers: readonly RealServer[];
  readonly #history: History;
  readonly #random: SeededRandom;
  readonly #away = new Set<RealServer>();
  readonly #watchers: FSWatcher[] = [];
  readonly #onDrop = new Set<(server: RealServer) => void>();
  /** Of each writer, its files that live, the oldest first. */
  readonly #living: string[][] = Array.from({ length: WRITERS }, () => []);
  #count = 0;
  #isEnding = false;
  drops = 0;
  removed = 0;
  quotas = 0;

  constructor(servers: readonly RealServer[], history: History, random: SeededRandom) {
    this.#servers = servers;
    this.#history = history;
    this.#random = random;
  }

  /** Servers that clients and the operator turn to. */
  running(): RealServer[] {
    return this.#servers.filter((server) => !this.#away.has(server));
  }

  /** The server is about to be stopped. */
  leave(server: RealServer): void {
    this.#away.add(server);
  }

  back(server: RealServer): void {
    this.#away.delete(server);
  }

  /** Puts as much as is to live. */
  async fill(): Promise<void> {
    this.#watchTrash();
    const isFull = (writer: number) => this.#living[writer]!.length >= FILES_LIVING;
    const fillOne = (writer: number) =>
      waitFor(`writer ${writer} has its files`, async () => {
        if (!isFull(writer)) await this.#put(writer);
        return isFull(writer);
      });
    await Promise.all(this.#living.map((_, writer) => fillOne(writer)));
  }

  /** Goes on until `end`. */
  async run(): Promise<void> {
    await Promise.all([...this.#living.map((_, writer) => this.#write(writer)), this.#operate()]);
  }

  end(): void {
    this.#isEnding = true;
    for (const watcher of this.#watchers) watcher.close();
  }

  /** Waits until a copy of the server goes into its trash, to make room. Answers whether one did in time. */
  async nextDrop(server: RealServer, timeoutMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const hear = (dropping: RealServer) => {
      if (dropping === server) resolve(true);
    };
    this.#onDrop.add(hear);
    const timer = setTimeout(() => resolve(false), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#onDrop.delete(hear);
    }
  }

  #watchTrash(): void {
    for (const server of this.#servers) {
      const trash = join(server.data, ".fsdfs", "trash");
      const seen = new Set<string>();
      const hear = (_: string, name: string | null) => {
        if (name === null || seen.has(name)) return; // It is heard of again when it is thrown away.
        seen.add(name);
        if (!this.#history.isWantedStill(name.slice(name.lastIndexOf("-") + 1))) return;
        this.drops++;
        for (const each of this.#onDrop) each(server);
      };
      this.#watchers.push(watch(trash, hear));
    }
  }

  async #write(writer: number): Promise<void> {
    const living = this.#living[writer]!;
    while (!this.#isEnding) {
      if (living.length > FILES_LIVING) await this.#removeOldest(writer);
      else await this.#put(writer);
      await delay(this.#random.fraction() * PAUSE_MS_MAX);
    }
  }

  async #put(writer: number): Promise<void> {
    const living = this.#living[writer]!;
    const isOverwrite = living.length > 0 && this.#random.fraction() < OVERWRITES;
    const path = isOverwrite ? living[this.#random.uint32() % living.length]! : `writer-${writer}/${this.#count++}.ogg`;
    if (!isOverwrite) living.push(path); // Also when it is not acknowledged: it may be there.
    const content = this.#random.bytes(this.#random.between(FILE_BYTES_MIN, FILE_BYTES_MAX));
    const error = await this.#history.put(this.#any().client, path, content, 0);
    if (error?.code === "no-space") await this.#removeOldest(writer);
  }

  async #removeOldest(writer: number): Promise<void> {
    const path = this.#living[writer]!.shift();
    if (path !== undefined && (await this.#history.remove(this.#any().client, path))) this.removed++;
  }

  async #operate(): Promise<void> {
    while (!this.#isEnding) {
      const server = this.#any();
      const share = QUOTA_LOW + this.#random.fraction() * (QUOTA_HIGH - QUOTA_LOW);
      const quota = Math.round(quotaOf(this.#servers.indexOf(server)) * share);
      const isSaid = this.#any().client.configureServer(server.name, { quota });
      await isSaid.then(
        () => this.quotas++,
        () => undefined, // It stands still now, or is behind.
      );
      await delay(QUOTA_EVERY_MS);
    }
  }

  #any(): RealServer {
    const running = this.running();
    return running[this.#random.uint32() % running.length] as RealServer;
  }
}
