/**
 * What the loss of each server would do, kept up in the background while somebody asks: a walk through all versions, some
 * hundred at a time and then a rest, so that it takes a tenth of a core at most. An answer says of when it is.
 */
import { keyAfter, tableRange } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { decodeVersionRow } from "../../core/catalog/rows.ts";
import { holdersOf } from "../../core/catalog/surplus.ts";
import type { ServerId } from "../../core/ids.ts";
import { type Forecast, ForecastTally } from "../../core/replication/forecast.ts";
import type { Clock } from "../../ports/clock.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Settings } from "../settings.ts";
import { sleep } from "../timers.ts";

const ROWS = 200;
/** Rest for each millisecond of work. */
const REST_FACTOR = 9;
/** From the end of a walk to the beginning of the next. */
const AGAIN_AFTER_MS = 5000;
/** After the last question. */
const KEPT_UP_MS = 60_000;
/** Who asks first waits so long, in which some thousands of files are looked at. */
const FIRST_WAIT_MS = 1000;
const POLL_MS = 25;

export interface ForecastParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly membership: Membership;
  readonly ending: AbortSignal;
}

interface Tallied {
  readonly tally: ForecastTally;
  /** By the wall clock, in milliseconds: nothing older than this is in it. */
  readonly asOfMs: number;
  /** What it rests on besides the catalog. */
  readonly basis: string;
}

interface Walk extends Tallied {
  from: Bytes;
}

export class Forecasts {
  readonly unit = new BackgroundUnit("forecast", () => this.#step());
  readonly #parts: ForecastParts;
  #askedAt = Number.NEGATIVE_INFINITY;
  #endedAt = Number.NEGATIVE_INFINITY;
  #walk: Walk | undefined;
  #last: Tallied | undefined;

  constructor(parts: ForecastParts) {
    this.#parts = parts;
  }

  /** Has it kept up for a while. Who asks first waits a moment for it. */
  async ask(): Promise<void> {
    const { clock, ending } = this.#parts;
    const now = clock.monotonic();
    const isAsleep = !this.#isAsked(now);
    this.#askedAt = now;
    if (!isAsleep) return;
    this.unit.wake();
    while (this.#last === undefined && clock.monotonic() < now + FIRST_WAIT_MS && !ending.aborted) {
      await sleep(clock, POLL_MS, ending);
    }
  }

  /** What is known, and of when in milliseconds by the wall clock; undefined when nothing is. */
  of(server: ServerId): (Forecast & { readonly asOfMs: number }) | undefined {
    return this.#last && { ...this.#last.tally.of(server), asOfMs: this.#last.asOfMs };
  }

  #isAsked(now: number): boolean {
    return now - this.#askedAt < KEPT_UP_MS;
  }

  async #step(): Promise<NextStep> {
    const { clock } = this.#parts;
    const began = clock.monotonic();
    if (!this.#isAsked(began)) {
      this.#walk = undefined;
      this.#last = undefined;
      this.#endedAt = Number.NEGATIVE_INFINITY;
      return { restMs: KEPT_UP_MS };
    }
    if (this.#walk === undefined) {
      const restMs = this.#endedAt + AGAIN_AFTER_MS - began;
      if (restMs > 0) return { restMs };
      const begun = this.#begin();
      if (begun === undefined) return { restMs: AGAIN_AFTER_MS };
      this.#walk = begun;
    }
    if (this.#goOn(this.#walk)) {
      this.#last = this.#walk;
      this.#walk = undefined;
      this.#endedAt = clock.monotonic();
      return { restMs: AGAIN_AFTER_MS };
    }
    return { restMs: Math.max(1, REST_FACTOR * (clock.monotonic() - began)) };
  }

  /** A new walk; undefined when it would find what the last one found, which is of now then. */
  #begin(): Walk | undefined {
    const { clock, catalog, settings, membership } = this.#parts;
    const absent = [...settings.roster.keys()].filter((server) => membership.isAbsent(server));
    const basis = [catalog.generation, catalog.revision, settings.copies, settings.writeCopies, ...absent].join(" ");
    const asOfMs = clock.wall();
    if (this.#last?.basis !== basis) {
      return { tally: new ForecastTally(), asOfMs, basis, from: tableRange("versions").start };
    }
    this.#last = { ...this.#last, asOfMs };
    return undefined;
  }

  /** Looks at some more versions. Whether these were the last. */
  #goOn(walk: Walk): boolean {
    const { catalog } = this.#parts;
    let rows = 0;
    const range = { start: walk.from, end: tableRange("versions").end, limit: ROWS };
    for (const { key, value } of catalog.read().range(range)) {
      rows += 1;
      walk.from = keyAfter(key);
      this.#look(walk.tally, value);
    }
    return rows < ROWS;
  }

  /** The surplus is the one of the work index: so no path has to be looked at. */
  #look(tally: ForecastTally, value: Bytes): void {
    const { catalog, settings, membership } = this.#parts;
    const row = decodeVersionRow(value);
    if (row.paths.length === 0 || row.indexed === undefined) return;
    const stated = holdersOf(row, (origin) => catalog.serverOf(origin)).filter((server) => settings.roster.has(server));
    const present = stated.filter((server) => !membership.isAbsent(server));
    const counted = present.filter((server) => catalog.context.counts(server));
    const { surplus } = row.indexed;
    const target = Math.max(0, counted.length - surplus);
    tally.add({ surplus, safe: Math.min(settings.writeCopies, target), counted, present, stated });
  }
}
