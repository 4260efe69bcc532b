/**
 * This server's part of a verify: re-hashes its copies of what is at a path or below it, then watches for a while how what
 * it found wrong is copied anew. It goes in the order of paths; a file that is moved across the walk is met once, twice or
 * not at all, and never taken for damaged.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { descendants, readEntry } from "../../core/catalog/entries.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { KeyedLock } from "../keyed-lock.ts";
import { Throttle } from "../replication/throttle.ts";
import type { VerifyCounts, VerifyExample } from "../scrub-face.ts";
import { sleep } from "../timers.ts";
import type { Looked, Rehash } from "./rehash.ts";

/** Copies that are looked up at once. */
const AHEAD = 200;
/** After so many, so that others have their turn where few of the files are held here. */
const WALK_REST_MS = 1;
/** Files that are read at once; larger ones one after the other, which disks like better. */
const READ_AT_ONCE = 4;
const LARGE_BYTES = 1_000_000;
/** Damaged copies of which it is watched whether they are made anew; those beyond count as not repaired. */
const WATCHED_MAX = 10_000;
export const EXAMPLES_MAX = 20;
const REPAIR_POLL_MS = 500;
/** Without any more being repaired. */
const REPAIR_PATIENCE_MS = 20_000;

export interface VerifyRunParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly rehash: Rehash;
  readonly log: Log;
}

export interface VerifyJob {
  readonly path: FilePath | "";
  /** Undefined: as fast as it can. */
  readonly bytesPerS: number | undefined;
}

export type RunReport = VerifyCounts & {
  readonly state: "reading" | "repairing" | "done";
  readonly examples: readonly Omit<VerifyExample, "server">[];
};

type Counts = { -readonly [Name in keyof VerifyCounts]: number };

export const NOTHING_COUNTED: VerifyCounts = {
  ...{ copies: 0, bytes: 0, good: 0, bad: 0, missing: 0, unreadable: 0, changed: 0, repaired: 0, lost: 0 },
};

export class VerifyRun {
  readonly #parts: VerifyRunParts;
  readonly #job: VerifyJob;
  readonly #throttle: Throttle;
  readonly #signal: AbortSignal;
  #state: RunReport["state"] = "reading";
  readonly #counts: Counts = { ...NOTHING_COUNTED };
  readonly #examples: (Omit<VerifyExample, "server" | "now"> & { readonly version: VersionId })[] = [];
  /** Bad and missing ones that are not whole yet. */
  readonly #damaged = new Set<VersionId>();
  /** What has become of the others, for the examples. */
  readonly #settled = new Map<VersionId, "repaired" | "lost">();
  readonly #large = new KeyedLock();

  constructor(parts: VerifyRunParts, job: VerifyJob, signal: AbortSignal) {
    this.#parts = parts;
    this.#job = job;
    this.#signal = signal;
    this.#throttle = new Throttle(parts.clock, job.bytesPerS);
  }

  get report(): RunReport {
    const examples = this.#examples.map(({ version, path, found }) => ({
      ...{ path, found },
      now: found === "unreadable" ? null : (this.#settled.get(version) ?? null),
    }));
    return { ...this.#counts, state: this.#state, examples };
  }

  /** Resolves when all is done, or soon after the signal is aborted. */
  async run(): Promise<void> {
    const found = this.#found();
    await Promise.all(Array.from({ length: READ_AT_ONCE }, () => this.#work(found)));
    if (this.#signal.aborted) return;
    this.#state = "repairing";
    await this.#watchRepairs();
    this.#state = "done";
  }

  async #work(found: AsyncGenerator<FileContent>): Promise<void> {
    // Each worker takes the next; a loop of `for await` that is left would end it for all.
    for (let next = await found.next(); !next.done && !this.#signal.aborted; next = await found.next()) {
      const { version, sizeBytes } = next.value;
      const look = () => this.#look(version);
      await (sizeBytes > LARGE_BYTES ? this.#large.run(["large"], look) : look());
    }
  }

  async #look(version: VersionId): Promise<void> {
    const pass = async (bytes: number) => {
      await this.#throttle.pass(bytes, this.#signal);
      this.#signal.throwIfAborted();
    };
    try {
      this.#count(version, await this.#parts.rehash.look(version, pass));
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
  }

  #count(version: VersionId, { verdict, path, sizeBytes }: Looked): void {
    this.#counts.copies += 1;
    this.#counts.bytes += sizeBytes;
    this.#counts[verdict] += 1;
    if (verdict === "good" || verdict === "changed") return;
    if (path !== undefined && this.#examples.length < EXAMPLES_MAX) {
      this.#examples.push({ version, path, found: verdict });
    }
    // One that is missing among many is in doubt, and not withdrawn yet (S8): it is not copied anew.
    const isWithdrawn = readCopy(this.#parts.catalog.read(), version) === undefined;
    if (isWithdrawn && this.#damaged.size < WATCHED_MAX) this.#damaged.add(version);
  }

  /** What this server has copies of, in the order of their paths. */
  async *#found(): AsyncGenerator<FileContent> {
    const { catalog, clock } = this.#parts;
    const { path } = this.#job;
    const entry = path === "" ? undefined : readEntry(catalog.read(), path);
    if (entry?.type === "file" && readCopy(catalog.read(), entry.content.version)) yield entry.content;
    for (let after: FilePath | undefined; ; ) {
      const view = catalog.read();
      const found = Array.from(descendants(view, path, after).take(AHEAD));
      const files = found.flatMap((below) => (below.type === "file" ? [below.content] : []));
      yield* files.filter(({ version }) => readCopy(view, version) !== undefined);
      if (found.length < AHEAD || this.#signal.aborted) return;
      after = found.at(-1)!.path as FilePath;
      await sleep(clock, WALK_REST_MS, this.#signal);
    }
  }

  /** Until all that was damaged is whole or known to be lost, or nothing becomes whole any more. */
  async #watchRepairs(): Promise<void> {
    const { clock } = this.#parts;
    for (let progressAt = clock.monotonic(); this.#damaged.size > 0 && !this.#signal.aborted; ) {
      if (this.#settleDamaged()) progressAt = clock.monotonic();
      if (this.#damaged.size === 0 || clock.monotonic() - progressAt > REPAIR_PATIENCE_MS) return;
      await sleep(clock, REPAIR_POLL_MS, this.#signal);
    }
  }

  #settleDamaged(): boolean {
    const before = this.#damaged.size;
    for (const version of this.#damaged) {
      const outcome = this.#outcomeOf(version);
      if (outcome === undefined) continue;
      this.#damaged.delete(version);
      this.#settled.set(version, outcome);
      this.#counts[outcome] += 1;
    }
    return this.#damaged.size < before;
  }

  #outcomeOf(version: VersionId): "repaired" | "lost" | undefined {
    const { catalog, rehash } = this.#parts;
    if (rehash.isLost(version)) return "lost";
    const view = catalog.read();
    const { indexed } = readVersionRow(view, version);
    const isGone = indexed === undefined;
    return isGone || readCopy(view, version) !== undefined || indexed.surplus >= 0 ? "repaired" : undefined;
  }
}
