/**
 * Re-hashes every copy of this server in a cycle of some weeks (P4), spread evenly over it, in the order of versions:
 * what is new comes at the end. It yields to readers (M4), and where it stands is kept, so that a restart costs a minute
 * of it at most. What it finds wrong or missing is set aside and withdrawn (rehash.ts), and so copied anew.
 *
 * It also reads again what the disk did not give (disk-watch.ts), soon at first and then now and then.
 */
import { copyKey, keyAfter, tableRange, versionOfKey } from "../../core/catalog/keys.ts";
import type { VersionId } from "../../core/ids.ts";
import { dueMs, rateBytesPerS, restMs } from "../../core/scrub/pace.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Membership } from "../mesh/membership.ts";
import { Throttle } from "../replication/throttle.ts";
import type { DiskWatch } from "../storage/disk-watch.ts";
import type { Rehash } from "./rehash.ts";
import { beginning, counted, readStanding, type Standing, writeStanding } from "./standing.ts";

/** Between two looks at whether something is due. */
const REST_MAX_MS = 60_000;
/** While this server is paused or behind. */
const STUCK_MS = 1000;
/** Where the scrub stands is written down so often, and oftener in a short cycle. */
const WRITE_EVERY_MS = 60_000;
const WRITES_IN_CYCLE = 50;
/** Versions that are looked up at once. */
const AHEAD = 100;
/** What could not be read is read again after so long. */
const RETRY_MS = 10_000;
/** After so many attempts in vain. */
const RETRIES_SOON = 6;
const RETRY_LATER_MS = 600_000;
/** Each may take a broken disk seconds. */
const RETRIES_FAILED_MAX = 8;

export interface ScrubParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly store: CatalogStore;
  readonly membership: Pick<Membership, "isBehind">;
  readonly directives: Pick<Directives, "isPaused">;
  readonly disk: DiskWatch;
  readonly load: LoadMeter;
  readonly rehash: Rehash;
  /** Undefined: copies are not scrubbed. */
  readonly cycleMs: number | undefined;
}

/** How far the scrub is, for operators. Times are by the wall clock, in milliseconds. */
export interface ScrubReport {
  /** Of the cycle under way, by what is read of what there is to read: 0 to 1. */
  readonly share: number;
  /** When the last cycle ended, and what it and this one found that was bad, missing or unreadable. */
  readonly endedMs: number | null;
  readonly damaged: number;
}

export class Scrubber {
  readonly unit = new BackgroundUnit("scrub", (signal) => this.#step(signal));
  readonly #parts: ScrubParts;
  readonly #throttle: Throttle;
  #standing: Standing | undefined;
  /** When the cycle began, by the monotonic clock: the wall clock may be set. */
  #beganAt = 0;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #ahead: VersionId[] = [];
  #retriedAt = Number.NEGATIVE_INFINITY;
  #retries = 0;

  constructor(parts: ScrubParts) {
    this.#parts = parts;
    this.#throttle = new Throttle(parts.clock, undefined, parts.load);
    parts.disk.onAiling(() => this.unit.wake());
  }

  /** Undefined when copies are not scrubbed. */
  get report(): ScrubReport | undefined {
    const { cycleMs, store, catalog } = this.#parts;
    if (cycleMs === undefined) return undefined;
    const standing = this.#standing ?? readStanding(store);
    if (standing === undefined) return { share: 0, endedMs: null, damaged: 0 };
    const { cycle, last } = standing;
    const { copyBytes } = catalog.stats();
    if (isOver(standing)) return { share: 1, endedMs: last!.endedMs, damaged: damagedIn(cycle) };
    return {
      share: copyBytes === 0 ? 0 : Math.min(1, Math.floor((1000 * cycle.bytes) / copyBytes) / 1000),
      endedMs: last?.endedMs ?? null,
      damaged: damagedIn(cycle) + (last === undefined ? 0 : damagedIn(last)),
    };
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    const { catalog, membership, directives, cycleMs, disk } = this.#parts;
    if (directives.isPaused || membership.isBehind || catalog.isTaking) return { restMs: STUCK_MS };
    await this.#retry(signal);
    const rest = cycleMs === undefined ? REST_MAX_MS : await this.#goOn(cycleMs, signal);
    return { restMs: Math.min(rest, REST_MAX_MS, disk.isAiling ? RETRY_MS : REST_MAX_MS) };
  }

  /** Looks at the next copy, if it is due. Answers how long until the one after. */
  async #goOn(cycleMs: number, signal: AbortSignal): Promise<number> {
    const { clock, store, rehash } = this.#parts;
    const writeEveryMs = Math.min(WRITE_EVERY_MS, cycleMs / WRITES_IN_CYCLE);
    this.#standing ??= this.#resume(readStanding(store), cycleMs);
    // At once: where the last one came to its end too early, as that of a server that was empty, much has come behind it.
    if (isOver(this.#standing)) this.#standing = this.#begin(this.#standing.last);
    const rest = this.#restMs(this.#standing, cycleMs);
    if (rest > 0) return rest;
    const version = this.#next(this.#standing);
    if (version === undefined) {
      const isEmpty = this.#standing.cycle.files === 0;
      this.#standing = ended(this.#standing, clock.wall());
      await this.#write(this.#standing, isEmpty ? writeEveryMs : 0);
      return isEmpty ? Math.ceil(writeEveryMs) : 0;
    }
    this.#throttle.setRate(rateBytesPerS({ cycleMs, total: this.#total() }));
    const looked = await rehash.look(version, (bytes) => this.#pass(bytes, signal));
    this.#standing = { ...this.#standing, after: version, cycle: counted(this.#standing.cycle, looked) };
    await this.#write(this.#standing, writeEveryMs);
    return this.#restMs(this.#standing, cycleMs);
  }

  #begin(last: Standing["last"]): Standing {
    this.#beganAt = this.#parts.clock.monotonic();
    return beginning(this.#parts.clock.wall(), last);
  }

  /** Goes on where it stood before a restart. By a clock that was set back meanwhile it had not come so far: it goes on at once. */
  #resume(standing: Standing | undefined, cycleMs: number): Standing {
    const { clock } = this.#parts;
    if (standing === undefined || isOver(standing)) return this.#begin(standing?.last);
    const elapsedMs = clock.wall() - standing.cycle.beganMs;
    const doneMs = dueMs({ cycleMs, done: standing.cycle, total: this.#total() });
    this.#beganAt = clock.monotonic() - Math.max(elapsedMs, doneMs);
    return standing;
  }

  get #elapsedMs(): number {
    return this.#parts.clock.monotonic() - this.#beganAt;
  }

  #restMs({ cycle }: Standing, cycleMs: number): number {
    return restMs({ cycleMs, elapsedMs: this.#elapsedMs, done: cycle, total: this.#total() });
  }

  #total(): { files: number; bytes: number } {
    const { copies, copyBytes } = this.#parts.catalog.stats();
    return { files: copies, bytes: copyBytes };
  }

  #next({ after }: Standing): VersionId | undefined {
    if (this.#ahead.length === 0) {
      const { start, end } = tableRange("copies");
      const range = { start: after === undefined ? start : keyAfter(copyKey(after)), end, limit: AHEAD };
      this.#ahead = Array.from(this.#parts.catalog.read().range(range), ({ key }) => versionOfKey(key));
    }
    return this.#ahead.shift();
  }

  /** @throws the signal's reason when it is aborted */
  async #pass(bytes: number, signal: AbortSignal): Promise<void> {
    await this.#throttle.pass(bytes, signal);
    signal.throwIfAborted();
  }

  async #write(standing: Standing, everyMs: number): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (now - this.#writtenAt < everyMs) return;
    await writeStanding(this.#parts.store, standing);
    this.#writtenAt = now;
  }

  /** What the disk did not give is read again, until some of it has failed once more. */
  async #retry(signal: AbortSignal): Promise<void> {
    const { disk, rehash, clock } = this.#parts;
    if (!disk.isAiling) this.#retries = 0;
    const everyMs = this.#retries < RETRIES_SOON ? RETRY_MS : RETRY_LATER_MS;
    if (!disk.isAiling || clock.monotonic() - this.#retriedAt < everyMs) return;
    this.#retriedAt = clock.monotonic();
    this.#retries += 1;
    let failed = 0;
    for (const version of disk.unreadable()) {
      const { verdict } = await rehash.look(version, (bytes) => this.#pass(bytes, signal));
      if (verdict === "unreadable") failed += 1;
      if (failed === RETRIES_FAILED_MAX || signal.aborted) return;
    }
  }
}

/** Its last copy was looked at; the next cycle has not begun. */
function isOver({ cycle, last }: Standing): boolean {
  return last?.beganMs === cycle.beganMs;
}

function ended(standing: Standing, nowMs: number): Standing {
  return { ...standing, after: undefined, last: { ...standing.cycle, endedMs: nowMs } };
}

function damagedIn({ bad, missing, unreadable }: { bad: number; missing: number; unreadable: number }): number {
  return bad + missing + unreadable;
}
