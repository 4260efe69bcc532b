/**
 * How a server becomes and stays one of a swarm: it finds one or founds one, settles in which incarnation it writes
 * (C6), enters itself in the roster, and counts as behind until it is level (C10). Also who counts for K (M3).
 */
import type { Floor } from "../../core/catalog/floors.ts";
import type { WriteView } from "../../core/catalog/kv.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { HybridTime, ServerId, SwarmId } from "../../core/ids.ts";
import type { Liveness } from "../../core/swarm/liveness.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StartFlags } from "../control/start-flags.ts";
import type { Identity } from "../identity.ts";
import type { ServerOptions } from "../server.ts";
import { type Settings, sameRosterEntry } from "../settings.ts";
import { encodeMoved, MOVED_KEY, readMoved } from "../swarms/messages.ts";
import { sleep } from "../timers.ts";
import type { Absences } from "./absences.ts";
import type { Greeting } from "./greeting.ts";
import type { Introduction } from "./introduction.ts";
import type { Mesh } from "./mesh.ts";
import type { KnownOrigin } from "./messages.ts";
import { enterRoster, ownEntry } from "./own-entry.ts";
import type { Removal } from "./removal.ts";
import { anchor } from "./seat.ts";
import { CLOCK_SKEW_MAX_MS, type Skew } from "./skews.ts";
import { TwinsAlarm } from "./twins-alarm.ts";

/** A new server that knows of no other listens for so long before it founds a swarm, and up to twice as long by chance. */
const FOUND_AFTER_MS = 2000;
/** A server of a roster waits for so long that another confirms its numbers. */
const CONFIRM_WAIT_MS = 3000;
const POLL_MS = 50;
/** A gap of so long between two ticks means that this process stood still (M2). */
const STANDSTILL_MS = 1000;
const TICK_MS = 250;
/** After so long a client may have given up, and have had done elsewhere what it asked for. */
const LONG_STANDSTILL_MS = 5000;
const IDLE_MS = 60_000;

export interface MembershipParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: CatalogStore;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly flags: StartFlags;
  readonly identity: Identity;
  readonly liveness: Liveness;
  readonly greeting: Greeting;
  readonly mesh: Mesh;
  readonly removal: Removal;
  readonly introduction: Introduction;
  readonly absences: Absences;
  readonly options: ServerOptions;
  readonly log: Log;
}

export class Membership {
  readonly twins: TwinsAlarm;
  readonly #parts: MembershipParts;
  readonly #stoodStill = new Set<ServerId>();
  readonly #incarnationListeners: (() => Promise<void>)[] = [];
  readonly #ticking = new BackgroundUnit("tick", () => this.#tick());
  readonly #watching = new BackgroundUnit("watch", () => this.#watch());
  readonly #joining = new BackgroundUnit("join", (signal) => this.#join(signal));
  #lastTick: number;
  #lastTickWall: number;
  /** When the last long standstill ended. */
  #stoodStillUntil = Number.NEGATIVE_INFINITY;
  #settled = false;
  /** It is leaving its swarm for another: nothing is settled meanwhile. */
  #isMoving = false;
  #restarting: Promise<void> | undefined;
  #confirmed = false;
  #rolledBack = false;
  #greatestIncarnation = 0 as HybridTime;
  /** The incarnation of before in which this process has gone on, and after which number. */
  #goneOn: { readonly name: string; readonly number: number } | undefined;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.twins = new TwinsAlarm(parts);
    this.#lastTick = parts.clock.monotonic();
    this.#lastTickWall = parts.clock.wall();
    parts.greeting.onKnown((known) => this.#learn(known));
    parts.mesh.onAnswered((link) => {
      this.#stoodStill.delete(link.server);
      parts.greeting.skews.note(link.server, link.clockSkewMs);
    });
    parts.settings.onChange(() => this.#connectToRoster());
    parts.catalog.onRolledBack(() => this.#noteRolledBack());
  }

  /** Called for each server that has become absent, or has come back. */
  onAbsence(listener: (server: ServerId) => Promise<void>): void {
    this.#parts.absences.onChange(listener);
  }

  /** Called when this server begins a new incarnation though it had one: its catalog may be an old one. */
  onNewIncarnation(listener: () => Promise<void>): void {
    this.#incarnationListeners.push(listener);
  }

  isAbsent(server: ServerId): boolean {
    return this.#parts.absences.has(server);
  }

  /** C10: it forwards requests, and neither pulls, drops nor coordinates. */
  get isBehind(): boolean {
    if (this.#standstillMs > STANDSTILL_MS + TICK_MS || this.#parts.removal.isRemoved) return true;
    const { greeting, catalog, introduction } = this.#parts;
    if (!introduction.isMade) return true;
    return !this.#settled || this.#stoodStill.size > 0 || !greeting.isLevel || catalog.isTaking;
  }

  /** Whether no other server is here of those that may come: what they know is not known here. */
  get isApart(): boolean {
    const { mesh, settings, identity, absences } = this.#parts;
    const mayCome = (server: ServerId) => server !== identity.server && !absences.has(server);
    return mesh.links().length === 0 && [...settings.roster.keys()].some(mayCome);
  }

  /** Whether it is settled in which incarnation this server writes. */
  get isSettled(): boolean {
    return this.#settled;
  }

  /** Gives this server's catalog up for the swarm's (C7). Everybody is met anew, and the disk is looked through then. */
  async discardCatalog(floors: readonly Floor[]): Promise<void> {
    const { catalog, greeting, random } = this.#parts;
    // What this process wrote is new, though others know such numbers of before the catalog was put back.
    const { name, number = 0 } = this.#goneOn ?? {};
    const known = (of: string) => Math.min(greeting.claims.greatest(of), of === name ? number : Number.MAX_VALUE);
    await catalog.discard({ floors, known }, this.#greatestIncarnation, random.fraction());
    this.#goneOn = undefined; // From now on others' word of it is taken in.
    this.#meetAnew();
  }

  /** Leaves this swarm for another, with all that lies on the disk (J3 in swarms/guest.ts). */
  async moveTo(swarm: SwarmId, addresses: readonly string[]): Promise<void> {
    const { catalog, mesh, random, identity } = this.#parts;
    const from = identity.swarm!;
    let takeBack = () => {};
    const leave = (view: WriteView) => {
      view.put(MOVED_KEY, encodeMoved({ from, addresses }));
      takeBack = identity.move(view, swarm);
    };
    try {
      const discarding = { floors: [], known: () => 0, leave };
      await this.#move(() => catalog.discard(discarding, this.#greatestIncarnation, random.fraction()));
    } catch (error) {
      takeBack();
      this.#settled = true;
      throw error;
    }
    this.#meetAnew();
    mesh.connectTo(addresses, "soon");
    this.#joining.wake();
  }

  /** Whether this process stood still for long, or does so now for all that it has noticed, after a moment. */
  stoodStillSince(moment: number): boolean {
    return this.#stoodStillUntil > moment || this.#standstillMs > LONG_STANDSTILL_MS;
  }

  /**
   * Since the last tick: what runs first after a standstill must not take the time before for now. While the machine sleeps
   * only the wall clock goes on; that it was set ahead is taken for the same, and costs a question to the others.
   */
  get #standstillMs(): number {
    const { clock } = this.#parts;
    return Math.max(clock.monotonic() - this.#lastTick, clock.wall() - this.#lastTickWall);
  }

  /** Seconds this clock is away from the median of the others', when that is too much for writing (C8). */
  get clockErrorSeconds(): number | undefined {
    const skewMs = this.#parts.greeting.skews.medianMs() ?? 0;
    return Math.abs(skewMs) > CLOCK_SKEW_MAX_MS ? Math.round(-skewMs / 1000) : undefined;
  }

  /** This clock minus the median of the others', in milliseconds; undefined while none was met. */
  get clockErrorMs(): number | undefined {
    const skewMs = this.#parts.greeting.skews.medianMs();
    return skewMs === undefined ? undefined : -skewMs;
  }

  /** The servers whose clocks were compared with this one of late, refused ones included. */
  clocksMet(): readonly Skew[] {
    return this.#parts.greeting.skews.all();
  }

  /** Joins or founds, then keeps watch until the signal. */
  start(signal: AbortSignal): void {
    const { mesh, options, clock, log } = this.#parts;
    mesh.connectTo(options.join);
    mesh.connectTo(readMoved(this.#parts.catalog.read())?.addresses ?? []);
    this.#connectToRoster();
    this.#ticking.start(clock, log, signal);
    this.#watching.start(clock, log, signal);
    this.#joining.start(clock, log, signal);
  }

  async ended(): Promise<void> {
    await Promise.all([this.#ticking.ended(), this.#watching.ended(), this.#joining.ended()]);
  }

  /** Until this server is settled in a swarm; again when it has joined another. */
  async #join(signal: AbortSignal): Promise<NextStep> {
    while (!this.#settled && !signal.aborted) {
      await this.#findSwarm(signal);
      if (!signal.aborted) await this.#settle(signal);
    }
    return { restMs: IDLE_MS };
  }

  /** This server joins another swarm. While it joins one already, it answers when it has, and whether that was this one. */
  async restart(swarm: SwarmId): Promise<boolean> {
    if (this.#restarting === undefined && this.#isMoving) return false;
    this.#restarting ??= this.#restart(swarm).finally(() => {
      this.#restarting = undefined;
    });
    await this.#restarting;
    return this.#parts.identity.swarm === swarm;
  }

  /** Everything is to be settled anew. */
  async #restart(swarm: SwarmId): Promise<void> {
    const { identity, catalog } = this.#parts;
    const isFounded = identity.swarm !== undefined;
    await this.#move(async () => {
      if (isFounded) await catalog.reset();
      await identity.join(swarm);
    });
    if (isFounded) this.#meetAnew();
    this.#joining.wake();
  }

  /** The catalog was given up: nobody is waited for by what was known of the one before. */
  #meetAnew(): void {
    const { liveness, clock, greeting, mesh } = this.#parts;
    liveness.renumbered(clock.monotonic());
    greeting.forget();
    mesh.closeAll();
  }

  async #move(move: () => Promise<void>): Promise<void> {
    this.#settled = false;
    this.#isMoving = true;
    try {
      await move();
    } finally {
      this.#isMoving = false;
    }
  }

  async #findSwarm(signal: AbortSignal): Promise<void> {
    const { clock, random, identity, options, log } = this.#parts;
    const start = clock.monotonic();
    const foundAfter = options.join.length > 0 ? Number.POSITIVE_INFINITY : FOUND_AFTER_MS * (1 + random.fraction());
    while ((identity.swarm === undefined || this.#isMoving) && !signal.aborted) {
      await sleep(clock, POLL_MS, signal);
      if (
        identity.swarm === undefined &&
        !this.#isMoving &&
        clock.monotonic() - start > foundAfter + identity.calledWithinMs
      ) {
        const swarm = identity.newSwarm();
        await anchor(this.#parts.store, swarm);
        await identity.join(swarm);
        log.info("a new swarm begins", { swarm });
      }
    }
  }

  /**
   * C6. Goes on as the incarnation it was only if nobody else can know better, or somebody confirms it. Not by a clock that
   * is away from the others': an incarnation that begins by it, and what is stated then, would date all that is written later (C8).
   */
  async #settle(signal: AbortSignal): Promise<void> {
    const { clock, catalog, settings, mesh, identity } = this.#parts;
    let deadline = clock.monotonic() + CONFIRM_WAIT_MS;
    const { swarm } = identity;
    const alone = () => [...settings.roster.keys()].every((server) => server === identity.server);
    const isClockWrong = () => this.clockErrorSeconds !== undefined;
    while (
      !signal.aborted &&
      !this.#isMoving &&
      (isClockWrong() || (catalog.storedOrigin() !== undefined && !alone()))
    ) {
      // Every server that is there has been met by then, so that the first writes find their targets.
      const isTold = this.#confirmed || this.#rolledBack || mesh.links().length === 0;
      if (isClockWrong()) deadline = clock.monotonic() + CONFIRM_WAIT_MS;
      else if (clock.monotonic() > deadline || (mesh.triedAll && isTold)) break;
      await sleep(clock, POLL_MS, signal);
    }
    if (signal.aborted || this.#isMoving) return;
    const goesOn = catalog.storedOrigin() !== undefined && !this.#rolledBack && (alone() || this.#confirmed);
    if (goesOn) this.#goOn(this.#parts);
    else await this.#mint();
    await enterRoster(this.#parts);
    // It may have turned out meanwhile, or be another swarm's by now.
    this.#settled = !this.#rolledBack && !this.#isMoving && identity.swarm === swarm;
  }

  #goOn({ catalog }: MembershipParts): void {
    catalog.useStoredOrigin();
    const name = originName(catalog.origin!);
    this.#goneOn ??= { name, number: catalog.knownNumber(name) };
  }

  async #mint(): Promise<void> {
    const hadHistory = this.#parts.catalog.storedOrigin() !== undefined;
    this.#rolledBack = false; // It may turn out once more meanwhile.
    const { catalog, random } = this.#parts;
    try {
      await catalog.mintOrigin(this.#greatestIncarnation, hadHistory ? random.fraction() : 0);
      this.#parts.liveness.renumbered(this.#parts.clock.monotonic());
      if (hadHistory) for (const listener of this.#incarnationListeners) await listener();
    } catch (error) {
      this.#rolledBack = true;
      throw error;
    }
    this.#confirmed = true;
  }

  #learn(known: readonly KnownOrigin[]): void {
    const { catalog, greeting, identity } = this.#parts;
    this.#greatestIncarnation = Math.max(this.#greatestIncarnation, greeting.greatestIncarnation(known)) as HybridTime;
    const stored = catalog.storedOrigin();
    for (const [server, incarnation, number, seen, chain] of known) {
      if (server !== identity.server || stored === undefined || incarnation < stored.incarnation) continue;
      if (incarnation > stored.incarnation) this.#noteRolledBack(); // What it says now would count less than what it said then.
      if (incarnation !== stored.incarnation) continue;
      const verdict = catalog.compareHistory(number, seen, chain);
      if (verdict === "same") this.#confirmed = true;
      if (verdict !== "rolled-back") continue;
      this.#noteRolledBack();
    }
  }

  #noteRolledBack(): void {
    if (this.#rolledBack) return;
    this.#rolledBack = true;
    this.#parts.log.warn("this catalog is older than what others know of this server; it begins a new incarnation");
    if (!this.#settled) return;
    this.#settled = false;
    this.#joining.wake();
  }

  #connectToRoster(): void {
    const { settings, identity, mesh } = this.#parts;
    for (const entry of settings.roster.values()) if (entry.id !== identity.server) mesh.connectTo(entry.addresses);
  }

  /** Notices standstills. It waits for nothing else, so that a slow disk is not taken for one. */
  async #tick(): Promise<NextStep> {
    const { clock, mesh, log } = this.#parts;
    const now = clock.monotonic();
    const ms = this.#standstillMs;
    if (ms > LONG_STANDSTILL_MS) this.#stoodStillUntil = now;
    if (ms > STANDSTILL_MS + TICK_MS) {
      for (const link of mesh.links()) this.#stoodStill.add(link.server);
      log.warn("this process stood still, or its clock was set", { ms: Math.round(ms) });
    }
    this.#lastTick = now;
    this.#lastTickWall = clock.wall();
    for (const server of this.#stoodStill) if (mesh.link(server) === undefined) this.#stoodStill.delete(server);
    return { restMs: TICK_MS };
  }

  /** Notices absences and new addresses. */
  async #watch(): Promise<NextStep> {
    const { clock, settings, identity } = this.#parts;
    const now = clock.monotonic();
    await this.#noteAbsences(now);
    this.twins.look();
    await this.#parts.introduction.keep();
    const own = settings.roster.get(identity.server);
    if (this.#settled && own !== undefined && !sameRosterEntry(own, ownEntry(this.#parts)))
      await enterRoster(this.#parts);
    return { restMs: TICK_MS };
  }

  async #noteAbsences(now: number): Promise<void> {
    const { settings, identity, liveness } = this.#parts;
    const absent = new Set<ServerId>();
    for (const server of settings.roster.keys()) {
      const unheard = this.#parts.absences.has(server) && liveness.lastHeardAt(server) === undefined;
      const silent = unheard || liveness.isAbsent(server, now);
      if (server !== identity.server && silent) absent.add(server);
    }
    await this.#parts.absences.note(absent);
  }
}
