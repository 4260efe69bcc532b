/**
 * Whether the data directory's disk takes new files at all: what a quota does not tell. A disk that is full, read-only
 * or broken takes none for a while after it has failed, and uploads go elsewhere meanwhile (S1).
 *
 * One that did not give the bytes of a copy is *ailing*: it takes nothing new, neither uploads nor pulls, and goes on to
 * serve what reads well. A copy that cannot be read is no wrong copy: it is left where it is, not promised, and read
 * again (scrub/scrubber.ts). Once all of them have been read well, or are no copies any more, the disk is well again.
 * That is kept over restarts, which make no disk better.
 *
 * One that Linux has made read-only after an error, or that was taken away from under the server, is told of, and tried again.
 *
 * That of the catalog, which may be another, is told of as well while it cannot be written.
 */
import { fromUtf8, readable, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { type CatalogStore, CatalogStoreError } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import { type FileStore, FileStoreError, type ReadableFile } from "../../ports/file-store.ts";
import type { Log } from "../../ports/log.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import { isDiskError, removeQuietly } from "./disk.ts";
import { STATE_DIRECTORY, stagedName, WORK_DIRECTORIES } from "./layout.ts";

/** After a write that failed. Then it is tried again: the next upload that fails goes elsewhere as well. */
const DISK_REST_MS = 10_000;
/** Free space of the file system is looked at so often. */
const LOOK_EVERY_MS = 5000;
/** Copies that could not be read, which are remembered; those beyond are met again, and none is promised meanwhile (D2). */
const UNREADABLE_MAX = 1000;

/** What a failing disk is told of by. */
export interface DiskAlarm {
  /** By the wall clock, in milliseconds. */
  readonly sinceMs: number;
  /** Copies that could not be read, and the path of the first. */
  readonly copies: number;
  readonly example?: FilePath;
  /** The catalog cannot be written, so nothing that others do is taken in. */
  readonly catalog?: true;
  /** No file can be made in the data directory: it is read-only, or not there. */
  readonly refused?: Refusal;
}

type Refusal = "read-only" | "missing";

/** What could not be read, kept over restarts. */
const UNREADABLE_KEY = metaKey("unreadable");
const NONE = "[]";

/** Made and removed, to see whether that can be done again. */
const TRIAL_FILE = stagedName("trial");

export class DiskWatch {
  readonly unit: BackgroundUnit;
  readonly #files: FileStore;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Copies whose bytes the disk did not give, and their paths. */
  readonly #unreadable = new Map<VersionId, FilePath>();
  /** Copies that are open, each as what it is now. */
  readonly #open = new Set<{ version: VersionId }>();
  readonly #listeners: (() => void)[] = [];
  #store: CatalogStore | undefined;
  /** What is written down of those that could not be read. */
  #kept = NONE;
  #ailingSinceMs = 0;
  #catalogFailsSinceMs: number | undefined;
  #refused: { readonly sinceMs: number; readonly refused: Refusal } | undefined;
  #freeBytes = Number.POSITIVE_INFINITY;
  #restsUntil = Number.NEGATIVE_INFINITY;

  constructor(files: FileStore, clock: Clock, log: Log) {
    this.#files = files;
    this.#clock = clock;
    this.#log = log;
    this.unit = new BackgroundUnit("watch the disk", () => this.#look());
  }

  /** Bytes that the file system has left, as it was seen last; 0 while the disk takes nothing. */
  get freeBytes(): number {
    return this.isResting ? 0 : this.#freeBytes;
  }

  /** It takes nothing new: after a write that failed, or while it is ailing. */
  get isResting(): boolean {
    return this.isAiling || this.#clock.monotonic() < this.#restsUntil;
  }

  get isAiling(): boolean {
    return this.#unreadable.size > 0;
  }

  /** Undefined while nothing fails. */
  get alarm(): DiskAlarm | undefined {
    if (this.#catalogFailsSinceMs !== undefined) {
      return { sinceMs: this.#catalogFailsSinceMs, copies: this.#unreadable.size, catalog: true };
    }
    if (this.#refused !== undefined) return { ...this.#refused, copies: this.#unreadable.size };
    for (const example of this.#unreadable.values()) {
      return { sinceMs: this.#ailingSinceMs, copies: this.#unreadable.size, example };
    }
    return undefined;
  }

  /** Called when the disk has begun to ail. */
  onAiling(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A staged file could not be made, written or synced. */
  failed(error: unknown): void {
    if (!(error instanceof FileStoreError)) return;
    this.#restsUntil = this.#clock.monotonic() + DISK_REST_MS;
    const { code } = error;
    if (this.#refused !== undefined || (code !== "read-only" && code !== "missing")) return;
    this.#refused = { sinceMs: this.#clock.wall(), refused: code };
    this.#log.error("ALARM: no file can be made in the data directory; is its disk mounted, and not read-only?", {
      error: String(error),
    });
  }

  succeeded(): void {
    this.#restsUntil = Number.NEGATIVE_INFINITY;
    if (this.#refused === undefined) return;
    this.#refused = undefined;
    this.#log.info("files can be made in the data directory again");
  }

  /** A copy could not be read, for whatever reason: only errors of the disk itself make it ail. */
  readFailed(version: VersionId, path: FilePath, error: unknown): void {
    if (!isDiskError(error, "io")) return;
    const isNew = !this.isAiling;
    this.#unreadable.delete(version); // It comes behind those that have yet to be read again.
    if (this.#unreadable.size < UNREADABLE_MAX) this.#unreadable.set(version, path);
    if (isNew) {
      this.#ailingSinceMs = this.#clock.wall();
      this.#log.error("ALARM: the disk returns errors; it takes no copies until it reads well again", {
        path,
        error: String(error),
      });
      for (const listener of this.#listeners) listener();
      this.unit.wake();
    }
  }

  /** A copy was read as a whole, or is none any more. */
  readWell(version: VersionId): void {
    if (this.#unreadable.delete(version) && !this.isAiling) {
      this.#log.info("what the disk did not give has been read again, or is no copy any more; it takes copies again");
    }
  }

  /** A copy of one version is one of another from now on, and reads no better for that. */
  passedOn(version: VersionId, successor: VersionId): void {
    for (const each of this.#open) if (each.version === version) each.version = successor;
    const path = this.#unreadable.get(version);
    if (path === undefined) return;
    this.#unreadable.delete(version);
    this.#unreadable.set(successor, path);
  }

  /** Of a disk that did not give more copies than are remembered, any may be one of the others. */
  isUnreadable(version: VersionId): boolean {
    return this.#unreadable.size === UNREADABLE_MAX || this.#unreadable.has(version);
  }

  /** Copies to be read again. */
  unreadable(): VersionId[] {
    return [...this.#unreadable.keys()];
  }

  /**
   * The same store; it is noted when it cannot be written, and when it can again. What the process before could not read of the
   * disk is written there.
   */
  watchedCatalog(store: CatalogStore): CatalogStore {
    this.#store = store;
    this.#recall(store.read());
    const noted = <T>(call: Promise<T>): Promise<T> => {
      call.then(
        () => this.#catalogWorks(),
        (error: unknown) => this.#catalogFails(error),
      );
      return call;
    };
    return {
      read: () => store.read(),
      write: (change) => noted(store.write(change)),
      flushed: () => noted(store.flushed()),
      sizeBytes: () => store.sizeBytes(),
      close: () => store.close(),
    };
  }

  #catalogFails(error: unknown): void {
    if (!(error instanceof CatalogStoreError) || error.code === "closed") return;
    if (this.#catalogFailsSinceMs !== undefined) return;
    this.#catalogFailsSinceMs = this.#clock.wall();
    this.#log.error("ALARM: the catalog cannot be written; nothing is taken in, and others answer for this server", {
      error: String(error),
    });
  }

  #catalogWorks(): void {
    if (this.#catalogFailsSinceMs === undefined) return;
    this.#catalogFailsSinceMs = undefined;
    this.#log.info("the catalog can be written again");
  }

  /** The same file; what the disk does not give of it is noted. */
  watched(file: ReadableFile, version: VersionId, path: FilePath): ReadableFile {
    const opened = { version };
    this.#open.add(opened);
    return {
      stat: () => file.stat(),
      sync: () => file.sync(),
      read: async (buffer, position) => {
        try {
          return await file.read(buffer, position);
        } catch (error) {
          if (this.#open.has(opened)) this.readFailed(opened.version, path, error);
          throw error;
        }
      },
      close: () => {
        this.#open.delete(opened);
        return file.close();
      },
    };
  }

  #recall(view: ReadView): void {
    const row = view.get(UNREADABLE_KEY);
    if (row === undefined) return;
    this.#kept = fromUtf8(row);
    const kept = readable(() => JSON.parse(this.#kept) as [VersionId, FilePath][]) ?? [];
    for (const [version, path] of kept) this.#unreadable.set(version, path);
    this.#ailingSinceMs = this.#clock.wall();
  }

  async #keep(): Promise<void> {
    const text = JSON.stringify([...this.#unreadable]);
    if (text === this.#kept || this.#store === undefined) return;
    await this.#store.write((changed) => changed.put(UNREADABLE_KEY, utf8(text)));
    this.#kept = text;
  }

  async #look(): Promise<NextStep> {
    try {
      await this.#keep();
    } catch (error) {
      this.#catalogFails(error);
    }
    try {
      this.#freeBytes = (await this.#files.capacity()).freeBytes;
      await this.#makeDirectories();
      if (this.#refused !== undefined) await this.#tryOut();
    } catch (error) {
      this.failed(error);
    }
    return { restMs: LOOK_EVERY_MS };
  }

  /** Those that a hand has taken away; of a disk that is away, there is nothing to make them in. @throws FileStoreError */
  async #makeDirectories(): Promise<void> {
    for (const name of WORK_DIRECTORIES) {
      if ((await this.#files.stat(name)) !== undefined) continue;
      await this.#files.makeDirectory(name);
      await this.#files.syncDirectory(STATE_DIRECTORY);
    }
  }

  /** @throws FileStoreError while no file can be made */
  async #tryOut(): Promise<void> {
    await removeQuietly(this.#files, TRIAL_FILE);
    await (await this.#files.create(TRIAL_FILE)).close();
    await removeQuietly(this.#files, TRIAL_FILE);
    this.succeeded();
  }
}
