/**
 * Collects deletions, withdrawals and removed variables that every server has had for long (C7): notes now and then how
 * far all of the roster know each origin, and when such a note is old, looks through the log up to there, a little at a
 * time. At rest nothing is looked at twice.
 *
 * A server that is not there keeps everybody from both: it may come back with anything that is not collected yet.
 */
import {
  addCheckpoint,
  type Numbers,
  oldNumbers,
  readCheckpoints,
  readCollected,
  readWatchedMs,
  writeCollected,
  writeWatchedMs,
} from "../../core/catalog/checkpoints.ts";
import { collect, findCollectable, isSettling } from "../../core/catalog/collect.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { OriginRow } from "../../core/catalog/rows.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Settings } from "../settings.ts";
import type { Claims } from "./claims.ts";
import type { Link } from "./link.ts";
import type { Membership } from "./membership.ts";
import type { Mesh } from "./mesh.ts";
import type { Seat } from "./seat.ts";

/** So many checkpoints are made while one gets old. */
const CHECKPOINTS = 24;
/** Of the time between two of them: how often it is tried, and what goes by uncounted when the process ends. */
const TICKS = 12;
/** Rows of the log looked at in one go: some 2 ms of work. A million take ten minutes, at 3% of a core. */
const ROWS = 100;
const REST_MS = 50;

export interface CollectorParts {
  readonly clock: Clock;
  readonly store: CatalogStore;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly claims: Claims;
  readonly seat: Pick<Seat, "roster">;
  readonly keptMs: number;
}

interface Walk {
  readonly old: Numbers;
  /** From where on, at the beginning. */
  readonly done: Numbers;
  /** Origins that are still to be looked through, the first being the one under way. */
  readonly origins: number[];
  after: number;
}

export class Collector {
  readonly unit: BackgroundUnit;
  readonly #parts: CollectorParts;
  readonly #tickMs: number;
  #watchedMs: number;
  #writtenMs: number;
  #lastTick: number;
  #generation: number;
  /** Where the log is being looked through, and up to where. */
  #walk: Walk | undefined;

  constructor(parts: CollectorParts) {
    this.#parts = parts;
    this.#tickMs = parts.keptMs / CHECKPOINTS / TICKS;
    this.#watchedMs = readWatchedMs(parts.store.read());
    this.#writtenMs = this.#watchedMs;
    this.#lastTick = parts.clock.monotonic();
    this.#generation = parts.catalog.generation;
    this.unit = new BackgroundUnit("collect deletions", () => this.#step());
  }

  async #step(): Promise<NextStep> {
    await this.#watchTime();
    const links = this.#everybody();
    if (links === undefined) return { restMs: this.#tickMs };
    await this.#noteCheckpoint(links);
    this.#walk ??= this.#nextWalk();
    if (this.#walk === undefined) return { restMs: this.#tickMs };
    return { restMs: (await this.#goOn(links, this.#walk)) ? REST_MS : this.#tickMs };
  }

  /** A stretch in which this process stood still counts for no more than two ticks. */
  async #watchTime(): Promise<void> {
    const { clock, store, catalog } = this.#parts;
    if (catalog.generation !== this.#generation) {
      this.#generation = catalog.generation;
      this.#walk = undefined;
      this.#watchedMs = readWatchedMs(store.read());
      this.#writtenMs = this.#watchedMs;
    }
    const now = clock.monotonic();
    this.#watchedMs += Math.floor(Math.min(now - this.#lastTick, 2 * this.#tickMs));
    this.#lastTick = now;
    if (this.#watchedMs - this.#writtenMs < this.#tickMs) return;
    const watchedMs = this.#watchedMs;
    await store.write((view) => writeWatchedMs(view, watchedMs));
    this.#writtenMs = watchedMs;
  }

  /** Links to all other servers of the roster, and whoever else is linked; undefined unless all are there and level. */
  #everybody(): Link[] | undefined {
    const { catalog, settings, mesh, membership } = this.#parts;
    if (membership.isBehind || !settings.roster.has(catalog.self)) return undefined;
    for (const server of settings.roster.keys()) {
      if (server !== catalog.self && mesh.link(server) === undefined) return undefined;
    }
    const links = mesh.links();
    // One that has yet to hear of a removal would still take old records from who was removed.
    const agrees = ({ report }: Link) => !report.behind && report.roster === this.#parts.seat.roster;
    return links.every((link) => mesh.isUp(link.server) && agrees(link)) ? links : undefined;
  }

  async #noteCheckpoint(links: readonly Link[]): Promise<void> {
    const { store, catalog, keptMs } = this.#parts;
    const last = readCheckpoints(store.read()).at(-1);
    if (last !== undefined && this.#watchedMs - last.atMs < keptMs / CHECKPOINTS) return;
    const numbers = new Map<number, number>();
    for (const [index, row] of catalog.origins()) {
      const number = Math.min(row.contiguous, ...links.map((link) => this.#numberAt(link, row)));
      if (number > 0) numbers.set(index, number);
    }
    const checkpoint = { atMs: this.#watchedMs, numbers };
    const { generation } = catalog;
    await store.write((view) => {
      if (generation === catalog.generation) addCheckpoint(view, checkpoint, keptMs);
    });
  }

  /** What has become old since the log was looked through last. */
  #nextWalk(): Walk | undefined {
    const { store, keptMs } = this.#parts;
    const view = store.read();
    const old = oldNumbers(readCheckpoints(view), this.#watchedMs, keptMs);
    const done = readCollected(view);
    const origins = [...old.keys()].filter((origin) => old.get(origin)! > (done.get(origin) ?? 0));
    const [first] = origins;
    return first === undefined ? undefined : { old, done, origins, after: done.get(first) ?? 0 };
  }

  /** Looks at some more of the log. Whether to go on soon. */
  async #goOn(links: readonly Link[], walk: Walk): Promise<boolean> {
    const { catalog, store } = this.#parts;
    const [origin] = walk.origins;
    if (!this.#haveAll(links, walk.old) || isSettling(store.read())) return false;
    if (origin === undefined) {
      await this.#end(walk);
      return false;
    }
    const { collectable, reached } = findCollectable(store.read(), origin, walk.after, walk.old, ROWS);
    if (collectable.length > 0) {
      const { generation } = catalog;
      const isDone = await catalog.change(({ transaction, view }) => {
        if (generation !== catalog.generation || isSettling(view)) return false;
        collect(transaction, collectable, walk.old);
        return true;
      });
      if (!isDone) return false;
    }
    if (reached !== undefined) walk.after = reached;
    else {
      walk.origins.shift();
      walk.after = walk.done.get(walk.origins[0] ?? -1) ?? 0;
    }
    return true;
  }

  /**
   * Where a deletion came in behind the walk, it is looked at again. And so is what lies above what is old now, though it
   * was old once: what has a mark there was passed over. It is old no more when a server has lost its catalog since.
   */
  async #end({ old, done }: Walk): Promise<void> {
    const { catalog, store } = this.#parts;
    const { generation } = catalog;
    this.#walk = undefined;
    await store.write((view) => {
      if (generation !== catalog.generation) return;
      const now = readCollected(view);
      const looked = [...new Set([...now.keys(), ...old.keys()])].map((origin): [number, number] => {
        const before = now.get(origin) ?? 0;
        const reached = old.get(origin) ?? 0;
        return [origin, before === (done.get(origin) ?? 0) ? reached : Math.min(before, reached)];
      });
      writeCollected(view, new Map(looked));
    });
  }

  /** Asked again each time: one whose catalog was put back meanwhile knows less than it did. */
  #haveAll(links: readonly Link[], old: Numbers): boolean {
    const { catalog } = this.#parts;
    return [...old].every(([origin, number]) => {
      const row = catalog.originAt(origin);
      return links.every((link) => this.#numberAt(link, row) >= number);
    });
  }

  #numberAt(link: Link, row: OriginRow): number {
    const name = originName(row);
    return Math.max(link.knownNumber(name), this.#parts.claims.number(link.server, name));
  }
}
