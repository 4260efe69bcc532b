/**
 * Gives up copies that have no place here (R5: `prefer` says 0) once enough other servers hold the file: as for no other
 * file, by promise, down to N. What nobody else can hold stays, and so does the only copy in a zone (R4).
 */
import { keyAfter, workPositionOf, workRange, workRangeBelow } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import { leavesShunned } from "../../core/replication/shunned.ts";
import { slicesOf } from "../../core/slices.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Preferences } from "../policy/preferences.ts";
import type { Dropping } from "./dropping.ts";
import type { RoomMaker } from "./room-maker.ts";
import type { Sources } from "./sources.ts";
import { LOAD_MAX } from "./throttle.ts";
import type { Zones } from "./zones.ts";

const IDLE_MS = 5000;
/** While this server may give up nothing. */
const STUCK_MS = 1000;
/** What changed is gathered for so long. */
const SOON_MS = 500;
/** Until a copy that could not go is looked at again: other holders are down, or it is young (R6). */
const AGAIN_MS = 20_000;
/** From the end of a walk to the next: what is preferred changes by itself, slowly. */
const WALK_EVERY_MS = 10 * 60_000;
/** Between two steps of a walk: so many times what one took, so that it takes a twentieth of a core at most. */
const REST_FACTOR = 19;
/** In the first walk under a policy. */
const BUSY_MS = 1;
const ROWS = 100;
/** Drops asked for at once: each waits for others' disks. */
const AT_ONCE = 16;
/** Copies that are remembered to be looked at; beyond that the next walk finds them. */
const DUE_MAX = 10_000;
/** Copies of a surplus above 0. */
const ABOVE_N = { start: workRangeBelow(true, 1).end, end: workRange(true).end };

export interface LeavingParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly membership: Membership;
  readonly directives: Pick<Directives, "isPaused">;
  readonly load: LoadMeter;
  readonly sources: Sources;
  readonly zones: Zones;
  readonly preferences: Preferences;
  readonly roomMaker: Pick<RoomMaker, "isYoung">;
  readonly dropping: Pick<Dropping, "drop" | "target">;
}

export class Leaving {
  readonly unit = new BackgroundUnit("leaving", (signal) => this.#step(signal));
  readonly #parts: LeavingParts;
  /** Under another policy, or with other servers, all copies are looked at. */
  #revision: unknown;
  /** Where the walk goes on; undefined between two. */
  #walkedTo: Bytes | undefined;
  #isFirstWalk = false;
  #nextWalkAt = Number.NEGATIVE_INFINITY;
  /** Copies to look at, and from when on. */
  readonly #due = new Map<VersionId, number>();

  constructor(parts: LeavingParts) {
    this.#parts = parts;
    parts.catalog.onChange(({ versions, described }) => {
      if (versions.size + described.size === 0 || !parts.preferences.areAsked) return;
      if (this.#due.size === 0) this.unit.wake();
      for (const version of versions) this.#note(version, SOON_MS);
      for (const version of described) this.#note(version, SOON_MS);
    });
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    const { preferences, membership, directives, load, clock } = this.#parts;
    const { revision } = preferences;
    if (revision === undefined) {
      this.#due.clear();
      this.#revision = undefined;
      return { restMs: IDLE_MS };
    }
    if (directives.isPaused || membership.isBehind || load.clientLoad() > LOAD_MAX) return { restMs: STUCK_MS };
    const began = clock.monotonic();
    if (revision !== this.#revision || (this.#walkedTo === undefined && began >= this.#nextWalkAt)) {
      this.#isFirstWalk = revision !== this.#revision;
      this.#revision = revision;
      this.#walkedTo = ABOVE_N.start;
    }
    await this.#leave(this.#takeDue(began), signal);
    if (this.#walkedTo === undefined) return { restMs: this.#restMs() };
    await this.#walk(this.#walkedTo, signal);
    return { restMs: this.#isFirstWalk ? BUSY_MS : REST_FACTOR * Math.max(1, clock.monotonic() - began) };
  }

  async #walk(start: Bytes, signal: AbortSignal): Promise<void> {
    const { catalog, clock } = this.#parts;
    const keys = Array.from(catalog.read().range({ start, end: ABOVE_N.end, limit: ROWS }), ({ key }) => key);
    await this.#leave(
      keys.map((key) => workPositionOf(key).version),
      signal,
    );
    const last = keys.at(-1);
    this.#walkedTo = last === undefined ? undefined : keyAfter(last);
    if (last === undefined) this.#nextWalkAt = clock.monotonic() + WALK_EVERY_MS;
  }

  /** Gives up those that have no place here, if they may go. */
  async #leave(versions: readonly VersionId[], signal: AbortSignal): Promise<void> {
    const { preferences, catalog } = this.#parts;
    const spare = versions.filter((version) => this.#surplusHere(version) > 0);
    if (spare.length === 0) return;
    await preferences.prepare(spare);
    const leaving = spare.filter((version) => {
      if (preferences.areMissing(version)) this.#note(version, AGAIN_MS);
      return preferences.of(version).shuns(catalog.self);
    });
    // Whatever happens to one: its disk may fail, and with that this step.
    for (const version of leaving) if (!this.#due.has(version)) this.#note(version, AGAIN_MS);
    for (const some of slicesOf(leaving, AT_ONCE)) {
      if (signal.aborted) return;
      await Promise.all(some.map((version) => this.#drop(version)));
    }
  }

  /** It is no longer due when it has gone, or is to stay. */
  async #drop(version: VersionId): Promise<void> {
    const { zones } = this.#parts;
    const isToGo = leavesShunned(this.#surplusHere(version), zones.dependsOnThis(version));
    if (!isToGo || (await this.#hasGone(version))) this.#due.delete(version);
  }

  async #hasGone(version: VersionId): Promise<boolean> {
    const { roomMaker, dropping, sources } = this.#parts;
    const { target } = dropping.target(version);
    // Without enough others that could promise theirs nobody need be asked (D1).
    const mayGo = !roomMaker.isYoung(version) && sources.upHolders(version).length >= target;
    return mayGo && (await dropping.drop(version)) === undefined;
  }

  /** Of a copy that lies here; 0 when there is none. */
  #surplusHere(version: VersionId): number {
    const { indexed } = readVersionRow(this.#parts.catalog.read(), version);
    return indexed?.held === true ? indexed.surplus : 0;
  }

  #note(version: VersionId, inMs: number): void {
    if (this.#due.size < DUE_MAX) this.#due.set(version, this.#parts.clock.monotonic() + inMs);
  }

  #takeDue(now: number): VersionId[] {
    const due: VersionId[] = [];
    for (const [version, at] of this.#due) {
      if (at > now) continue;
      this.#due.delete(version);
      if (due.push(version) === ROWS) break;
    }
    return due;
  }

  /** Until something is due. */
  #restMs(): number {
    const now = this.#parts.clock.monotonic();
    let next = Math.min(this.#nextWalkAt, now + IDLE_MS);
    for (const at of this.#due.values()) next = Math.min(next, at);
    return Math.max(BUSY_MS, next - now);
  }
}
