/**
 * Files in the data directory that fsdfs does not know (C9): counted by a slow walk over the whole directory, and
 * reported. They are left alone: a file never becomes one of the swarm's by lying there. But what lies where the swarm has
 * a file that no server which is up holds may be that file, as where its holder has lost its catalog: if it is, it is a copy.
 * (Where somebody holds it, it is found by who wants a copy.)
 *
 * The walk gives way to everything else: a batch of names at a time, then a hundred times as long of rest. What looks
 * like a stranger is looked at again after a while, since it may only be on its way to its place, or from there.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { isVersionId } from "../../core/ids.ts";
import { type FilePath, isFilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import { type FileStore, FileStoreError } from "../../ports/file-store.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Sources } from "../replication/sources.ts";
import { sleep } from "../timers.ts";
import type { Copies } from "./copies.ts";
import { SIDE_DIRECTORY, STATE_DIRECTORY } from "./layout.ts";
import type { Settler } from "./settle.ts";

/** After the start, and after each walk. */
const FIRST_AFTER_MS = 60_000;
const AGAIN_AFTER_MS = 6 * 3600 * 1000;
/** Rest after a batch, as a multiple of the time it took: 1% of one core at most. */
const REST_FACTOR = 100;
const REST_MIN_MS = 20;
const REST_MAX_MS = 5000;
/** What looks like a stranger is looked at again after so long. */
const DOUBT_MS = 5000;
/** Copies whose files are on their way, as far as they are told from strangers. */
const MOVING_MAX = 10_000;
export const EXAMPLES_MAX = 20;

export interface StrangersReport {
  readonly files: number;
  /** Paths of some of them, relative to the data directory. */
  readonly examples: readonly string[];
  /** When the walk that found them ended, in milliseconds since the Unix epoch. */
  readonly asOfMs: number;
}

export interface StrangersParts {
  readonly catalog: Catalog;
  readonly files: FileStore;
  readonly settler: Settler;
  readonly clock: Clock;
  readonly membership: Membership;
  readonly copies: Copies;
  readonly sources: Sources;
}

export class Strangers {
  readonly unit: BackgroundUnit;
  readonly #parts: StrangersParts;
  #walk: AsyncGenerator<readonly string[]> | undefined;
  #found = { files: 0, examples: [] as string[] };
  #report: StrangersReport | undefined;
  #begun = false;

  constructor(parts: StrangersParts) {
    this.#parts = parts;
    this.unit = new BackgroundUnit("look for strangers", (signal) => this.#step(signal));
  }

  /** What the last walk found; undefined before the first has ended. */
  get report(): StrangersReport | undefined {
    return this.#report;
  }

  /** Much has changed: the walk begins anew, soon. */
  lookAgain(): void {
    this.#walk = undefined;
    this.#found = { files: 0, examples: [] };
    this.unit.wake();
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    if (!this.#begun) {
      this.#begun = true;
      return { restMs: FIRST_AFTER_MS };
    }
    if (this.#walk === undefined && this.#parts.membership.isBehind) return { restMs: FIRST_AFTER_MS };
    const startMs = this.#parts.clock.monotonic();
    this.#walk ??= this.#names("");
    const { value, done } = await this.#walk.next();
    if (done) {
      await this.#lookAside();
      this.#end();
      return { restMs: AGAIN_AFTER_MS };
    }
    const unknown = this.#unknownOf(value);
    const tookMs = this.#parts.clock.monotonic() - startMs;
    const doubtful: string[] = [];
    for (const name of unknown) {
      if (signal.aborted) return { restMs: REST_MIN_MS };
      if (!(await this.#isMissed(name))) doubtful.push(name);
    }
    await this.#lookAgain(doubtful, signal);
    return { restMs: Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, tookMs * REST_FACTOR)) };
  }

  #end(): void {
    this.#report = { ...this.#found, asOfMs: this.#parts.clock.wall() };
    this.#found = { files: 0, examples: [] };
    this.#walk = undefined;
  }

  /** The files below a directory, batch by batch. What cannot be listed is left out. */
  async *#names(directory: string): AsyncGenerator<readonly string[]> {
    const prefix = directory === "" ? "" : `${directory}/`;
    try {
      for await (const batch of this.#parts.files.listInBatches(directory)) {
        const files = batch.filter(({ type }) => type === "file");
        if (files.length > 0) yield files.map(({ name }) => prefix + name);
        for (const { name, type } of batch) {
          if (type === "directory" && prefix + name !== STATE_DIRECTORY) yield* this.#names(prefix + name);
        }
      }
    } catch (error) {
      if (!(error instanceof FileStoreError)) throw error;
    }
  }

  async #lookAgain(doubtful: readonly string[], signal: AbortSignal): Promise<void> {
    if (doubtful.length === 0) return;
    await sleep(this.#parts.clock, DOUBT_MS, signal);
    if (signal.aborted) return;
    for (const name of this.#unknownOf(doubtful)) {
      const stat = await this.#parts.files.stat(name).catch(() => undefined);
      if (stat?.type !== "file" || this.#unknownOf([name]).length === 0) continue;
      this.#found.files += 1;
      if (this.#found.examples.length < EXAMPLES_MAX) this.#found.examples.push(name);
    }
  }

  /** Where copies lie whose path this disk cannot hold (S7). */
  async #lookAside(): Promise<void> {
    const { catalog, files } = this.#parts;
    for (const { name } of await files.list(SIDE_DIRECTORY).catch(() => [])) {
      if (!isVersionId(name) || readCopy(catalog.read(), name) !== undefined) continue;
      const [path] = readVersionRow(catalog.read(), name).paths;
      if (path !== undefined) await this.#isMissed(path);
    }
  }

  /** Whether it is a copy from now on, of a file that nobody who is up holds. */
  async #isMissed(path: string): Promise<boolean> {
    const { catalog, membership, copies, sources } = this.#parts;
    if (membership.isBehind || !isFilePath(path)) return false;
    const entry = readEntry(catalog.read(), path);
    if (entry?.type !== "file" || sources.upHolders(entry.content.version).length > 0) return false;
    return await copies.adopt(entry.content.version, path, entry.content, true).catch(() => false); // Looked at again next time.
  }

  #unknownOf(names: readonly string[]): string[] {
    const unknown = names.filter((name) => !this.#isCopy(name));
    if (unknown.length === 0) return unknown;
    const moving = this.#movingFiles();
    return unknown.filter((name) => !moving.has(name));
  }

  #isCopy(name: string): boolean {
    if (!isFilePath(name)) return false;
    const view = this.#parts.catalog.read();
    const entry = readEntry(view, name as FilePath);
    return entry?.type === "file" && readCopy(view, entry.content.version)?.location === name;
  }

  /** Files of copies that have yet to move or go: the catalog's paths do not tell where they lie. */
  #movingFiles(): Set<string> {
    const view = this.#parts.catalog.read();
    const moving = new Set<string>();
    for (const version of this.#parts.settler.pending(MOVING_MAX)) {
      const copy = readCopy(view, version);
      if (copy !== undefined) moving.add(copy.location);
    }
    return moving;
  }
}
