/**
 * Empties a server that an operator wants to take away. Others copy its files by the ordinary rules, since its copies count
 * for no K any more (M3); this unit gives up each copy by promise (D1 to D4) as soon as enough of those that stay hold it.
 * A draining server promises nothing itself (D2), so of two that drain at once neither relies on the other. Ending it at any
 * moment leaves an ordinary server that holds fewer files.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { keyAfter, tableRange, versionOfKey } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView } from "../../core/catalog/kv.ts";
import { originName } from "../../core/catalog/origins.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import { type DrainWait, drainPromises, drainVerdict } from "../../core/replication/draining.ts";
import type { Clock } from "../../ports/clock.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Settings } from "../settings.ts";
import type { Dropping } from "./dropping.ts";
import type { Sources } from "./sources.ts";

const IDLE_MS = 60_000;
/** While this server is paused or behind. */
const STUCK_MS = 1000;
/** From the end of a walk through all copies to the next, at least: what has changed meanwhile is looked at as it changes. */
const WALK_REST_MS = 5000;
/** Of the time that goes by, at most a fifth is spent on walks. */
const WALK_REST_FACTOR = 4;
const WALK_ROWS = 200;
/** Drops asked for at once: each waits for others' disks. */
const AT_ONCE = 16;
/** Versions that changed since the last look; beyond it they wait for the next walk. */
const CHANGED_MAX = 10_000;

export interface DrainParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly directives: Directives;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly sources: Sources;
  readonly dropping: Pick<Dropping, "drop" | "target">;
  /** Copies are on their way here, which were begun before this server was drained. */
  isPulling(): boolean;
}

/** How far it is. */
export interface DrainReport {
  /** Copies left, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** What those wait for that the last walk could not give up. */
  readonly waiting: Readonly<Record<DrainWait, number>>;
  /** Nothing is left or being copied to it, and those that stay know all that this server wrote. */
  readonly safe: boolean;
}

const NOTHING_WAITS: DrainReport["waiting"] = { servers: 0, room: 0, copies: 0 };

/** The servers that stay, as one look has them. */
interface Staying {
  readonly servers: ReadonlySet<ServerId>;
  /** Of those that are up. */
  readonly roomBytes: ReadonlyMap<ServerId, number>;
}

export class Drain {
  readonly unit = new BackgroundUnit("drain", (signal) => this.#step(signal));
  readonly #parts: DrainParts;
  readonly #changed = new Set<VersionId>();
  /** Where the walk under way goes on; undefined between two. */
  #walkedTo: Bytes | undefined;
  #walkBegan = Number.NEGATIVE_INFINITY;
  #nextWalkAt = Number.NEGATIVE_INFINITY;
  #tally: Record<DrainWait, number> = { ...NOTHING_WAITS };
  #waiting = NOTHING_WAITS;

  constructor(parts: DrainParts) {
    this.#parts = parts;
    parts.directives.onChange(() => this.unit.wake());
    parts.catalog.onChange(({ versions }) => {
      if (!parts.directives.isDrainingHere) return;
      for (const version of versions) if (this.#changed.size < CHANGED_MAX) this.#changed.add(version);
      this.unit.wake();
    });
  }

  /** Undefined while this server is not drained. */
  report(): DrainReport | undefined {
    const { catalog, directives } = this.#parts;
    if (!directives.isDrainingHere) return undefined;
    const { copies: files, copyBytes: bytes } = catalog.stats();
    if (files > 0) return { files, bytes, waiting: this.#waiting, safe: false };
    return { files, bytes, waiting: NOTHING_WAITS, safe: !this.#parts.isPulling() && this.#isTold() };
  }

  /**
   * Whether those that stay have every record that this server wrote: a withdrawal that nobody has would be a copy that is gone,
   * and what only others have that are drained as well goes with them.
   */
  #isTold(): boolean {
    const { catalog, mesh, settings, directives } = this.#parts;
    if (catalog.origin === undefined) return false;
    const name = originName(catalog.origin);
    const links = mesh.upLinks().filter(({ server }) => !directives.isDraining(server));
    const isAlone = settings.roster.size <= 1;
    return (isAlone || links.length > 0) && links.every((link) => link.knownNumber(name) >= catalog.knownNumber(name));
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    const { directives, membership } = this.#parts;
    if (!directives.isDrainingHere) {
      this.#changed.clear();
      this.#walkedTo = undefined;
      this.#nextWalkAt = Number.NEGATIVE_INFINITY;
      this.#waiting = NOTHING_WAITS;
      return { restMs: IDLE_MS };
    }
    if (directives.isPaused || membership.isBehind) return { restMs: STUCK_MS };
    const changed = [...this.#changed].slice(0, WALK_ROWS);
    for (const version of changed) this.#changed.delete(version);
    const staying = this.#staying();
    if (changed.length > 0) await this.#giveUp(changed, staying, signal);
    await this.#walk(staying, signal);
    if (this.#walkedTo !== undefined || this.#changed.size > 0) return { restMs: 0 };
    return { restMs: Math.max(1, this.#nextWalkAt - this.#parts.clock.monotonic()) };
  }

  /** Looks at some copies more, if it is time for it. */
  async #walk(staying: Staying, signal: AbortSignal): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (this.#walkedTo === undefined) {
      if (now < this.#nextWalkAt) return;
      this.#walkBegan = now;
      this.#tally = { ...NOTHING_WAITS };
    }
    const { start, end } = tableRange("copies");
    const versions: VersionId[] = [];
    let last: Bytes | undefined;
    const range = { start: this.#walkedTo ?? start, end, limit: WALK_ROWS };
    for (const { key } of this.#parts.catalog.read().range(range)) {
      last = key;
      versions.push(versionOfKey(key));
    }
    await this.#giveUp(versions, staying, signal, this.#tally);
    this.#walkedTo = last === undefined ? undefined : keyAfter(last);
    if (last !== undefined) return;
    this.#waiting = this.#tally;
    const ended = this.#parts.clock.monotonic();
    this.#nextWalkAt = ended + Math.max(WALK_REST_MS, WALK_REST_FACTOR * (ended - this.#walkBegan));
  }

  /** Gives up those copies that can be, and counts what the others wait for. */
  async #giveUp(
    versions: readonly VersionId[],
    staying: Staying,
    signal: AbortSignal,
    tally: Record<DrainWait, number> = { ...NOTHING_WAITS },
  ): Promise<void> {
    const { catalog, dropping } = this.#parts;
    const ready: { version: VersionId; promises: number }[] = [];
    const view = catalog.read();
    for (const version of versions) {
      const found = this.#lookAt(view, version, staying);
      if (found === undefined) continue;
      if (found.verdict === "ready") ready.push({ version, promises: found.promises });
      else tally[found.verdict] += 1;
    }
    for (let at = 0; at < ready.length && this.#mayGoOn(signal); at += AT_ONCE) {
      const dropped = ready.slice(at, at + AT_ONCE).map(({ version, promises }) => dropping.drop(version, promises));
      for (const reason of await Promise.all(dropped)) if (reason !== undefined) tally.copies += 1;
    }
  }

  #mayGoOn(signal: AbortSignal): boolean {
    const { directives, membership } = this.#parts;
    return !signal.aborted && directives.isDrainingHere && !directives.isPaused && !membership.isBehind;
  }

  /** Undefined for what is not in its place yet, and what no path has any more: that goes by itself (S2). */
  #lookAt(view: ReadView, version: VersionId, { servers, roomBytes }: Staying) {
    const { sources, dropping } = this.#parts;
    const own = readCopy(view, version);
    if (own === undefined || own.staged !== undefined) return undefined;
    if (readVersionRow(view, version).paths.length === 0) return undefined;
    const holding = new Set(sources.holders(version));
    const holders = sources.upHolders(version).filter(({ server }) => servers.has(server)).length;
    const hasRoom = [...roomBytes].some(([server, bytes]) => !holding.has(server) && bytes >= own.sizeBytes);
    const copy = { ...dropping.target(version), holders, staying: servers.size, hasRoom };
    return { verdict: drainVerdict(copy), promises: drainPromises(copy) };
  }

  #staying(): Staying {
    const { settings, directives, membership, mesh, catalog } = this.#parts;
    const stays = (server: ServerId) => !directives.isDraining(server) && !membership.isAbsent(server);
    const servers = new Set([...settings.roster.keys()].filter((server) => server !== catalog.self && stays(server)));
    const up = mesh.upLinks().filter(({ server }) => servers.has(server));
    return { servers, roomBytes: new Map(up.map(({ server, report }) => [server, report.roomBytes])) };
  }
}
