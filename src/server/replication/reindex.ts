/**
 * The work index follows who counts and how many copies files should have (C13): when a server becomes absent or comes
 * back its files are looked at again, when the swarm's N changes all are; in small transactions, in the background. What
 * is left to do is durable, so that a crash leaves no file under a wrong surplus.
 */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { keyAfter, logKey, metaKey, numberOfLogKey, tableRange, versionOfKey } from "../../core/catalog/keys.ts";
import type { ReadView, WriteView } from "../../core/catalog/kv.ts";
import { decodePointer } from "../../core/catalog/log.ts";
import { isServerId, type ServerId, type VersionId } from "../../core/ids.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";

/** Rows that are looked at in one change: some 4 ms, as everything else waits for it. */
const BATCH = 100;
const IDLE_MS = 60_000;
const JOBS_KEY = metaKey("reindex");
const FOLLOWED_KEY = metaKey("reindexed");
const ALL = "all";

/** What settings say that K and N follow. */
export interface Followed {
  /** N of the swarm. */
  readonly copies: number;
  /** The servers that count for no K, whether or not they are there. */
  readonly uncounted: readonly ServerId[];
}

/** "all", or a server whose files are to be looked at. */
type Job = string;

export class Reindexer {
  readonly unit: BackgroundUnit;
  readonly #catalog: Catalog;
  readonly #store: CatalogStore;
  readonly #now: () => Followed;
  /** What was added while it is worked on: it begins anew then. */
  readonly #added = new Set<Job>();

  /** @param now what settings say */
  constructor(catalog: Catalog, store: CatalogStore, now: () => Followed) {
    this.#catalog = catalog;
    this.#store = store;
    this.#now = now;
    this.unit = new BackgroundUnit("reindex", (signal) => this.#step(signal));
  }

  async server(server: ServerId): Promise<void> {
    await this.#add(server);
  }

  /** Whether the work index does not follow everything yet. */
  get isAtWork(): boolean {
    return readJobs(this.#store.read()).length > 0;
  }

  /** Has looked at again what differs from what settings said when this was called last, in this process or before. */
  async follow(): Promise<void> {
    const known = this.#store.read().get(FOLLOWED_KEY);
    if (known !== undefined && fromUtf8(known) === JSON.stringify(this.#now())) return;
    await this.#store.write((view) => {
      const row = view.get(FOLLOWED_KEY);
      const followed = this.#now();
      const text = JSON.stringify(followed);
      if (row !== undefined && fromUtf8(row) === text) return;
      const before: Followed = row === undefined ? { ...followed, uncounted: [] } : JSON.parse(fromUtf8(row));
      const changed: Job[] = [...new Set(before.uncounted).symmetricDifference(new Set(followed.uncounted))];
      if (before.copies !== followed.copies) changed.push(ALL);
      this.#addTo(view, changed);
      view.put(FOLLOWED_KEY, utf8(text));
    });
    this.unit.wake();
  }

  #addTo(view: WriteView, jobs: readonly Job[]): void {
    for (const job of jobs) this.#added.add(job);
    writeJobs(view, [...readJobs(view).filter((job) => !jobs.includes(job)), ...jobs]);
  }

  async #add(job: Job): Promise<void> {
    await this.#store.write((view) => this.#addTo(view, [job]));
    this.unit.wake();
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    await this.follow();
    const [job] = readJobs(this.#store.read());
    if (job === undefined) return { restMs: IDLE_MS };
    this.#added.delete(job);
    if (isServerId(job)) await this.#reindexServer(job, signal);
    else await this.#reindexAll(signal);
    if (signal.aborted) return { restMs: IDLE_MS };
    await this.#store.write((view) => {
      if (!this.#added.has(job))
        writeJobs(
          view,
          readJobs(view).filter((other) => other !== job),
        );
    });
    return { restMs: 0 };
  }

  async #reindexServer(server: ServerId, signal: AbortSignal): Promise<void> {
    for (const [origin, row] of this.#catalog.origins()) {
      if (row.server !== server) continue;
      for (let after = -1; !signal.aborted; ) {
        const versions: VersionId[] = [];
        let rows = 0;
        const range = { start: logKey(origin, after + 1), end: logKey(origin + 1, 0), limit: BATCH };
        for (const { key, value } of this.#catalog.read().range(range)) {
          rows += 1;
          after = numberOfLogKey(key);
          const pointer = decodePointer(value);
          if (pointer.kind === "holding") versions.push(pointer.version);
        }
        await this.#touch(versions);
        if (rows < BATCH) break;
      }
    }
  }

  async #reindexAll(signal: AbortSignal): Promise<void> {
    const { end, start: first } = tableRange("versions");
    for (let start = first; !signal.aborted; ) {
      const versions: VersionId[] = [];
      for (const { key } of this.#catalog.read().range({ start, end, limit: BATCH })) {
        versions.push(versionOfKey(key));
        start = keyAfter(key);
      }
      await this.#touch(versions);
      if (versions.length < BATCH) return;
    }
  }

  async #touch(versions: readonly VersionId[]): Promise<void> {
    if (versions.length === 0) return;
    await this.#catalog.change(({ transaction }) => {
      for (const version of versions) transaction.touch(version);
    });
  }
}

function writeJobs(view: WriteView, jobs: readonly Job[]): void {
  view.put(JOBS_KEY, utf8(JSON.stringify(jobs)));
}

function readJobs(view: ReadView): Job[] {
  const row = view.get(JOBS_KEY);
  return row === undefined ? [] : (JSON.parse(fromUtf8(row)) as Job[]);
}
