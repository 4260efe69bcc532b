/**
 * Hand-over (R3): a server that cannot make room for a file by itself has another one take a copy that lies here, which has
 * free room or copies that may go for the wanted file; then it gives up its own, and pulls. One copy at a time.
 *
 * Where nobody can, copies are swapped: the other server gives up one besides whose surplus is higher by one only, and which
 * has room here, beside the wanted file, once the one that is handed over is gone. From a surplus of s, s and s + 1, through
 * s, s and s, it comes to s + 1, s + 1 and s at least, so that swapping ends as well (R1).
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { type WorkPosition, workKey, workPositionOf, workRange, workRangeBelow } from "../../core/catalog/keys.ts";
import type { KeyRange } from "../../core/catalog/kv.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import {
  chooseDrops,
  EXCHANGE_GAIN,
  type OwnCopy,
  promisesAfterHandOver,
  SWAP_GAIN,
  totalBytes,
} from "../../core/replication/making-room.ts";
import { pullsShunned, takesOverShunned } from "../../core/replication/shunned.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Link } from "../mesh/link.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { decodeJson, encodeJson, type ServerReport } from "../mesh/messages.ts";
import { whileUp } from "../mesh/while-up.ts";
import type { Preferences } from "../policy/preferences.ts";
import { contentOfVersion } from "../storage/copies.ts";
import type { DiskWatch } from "../storage/disk-watch.ts";
import { purposeOf, type Space } from "../storage/space.ts";
import { sleep } from "../timers.ts";
import type { HandedOver } from "./active-pulls.ts";
import { Backoffs } from "./backoffs.ts";
import { announcedByOthers } from "./choice.ts";
import type { Dropping } from "./dropping.ts";
import type { Puller } from "./puller.ts";
import type { RoomMaker } from "./room-maker.ts";
import type { Sources } from "./sources.ts";
import { LOAD_MAX } from "./throttle.ts";

/** Between two looks while something goes on. */
const LOOK_EVERY_MS = 1000;
/** While nothing is known to have changed. */
const IDLE_MS = 10_000;
/** Wanted files, and own copies for each of them, that are looked at in one step. */
const WANTED_MAX = 50;
const OWN_ROWS_MAX = 100;
const OWN_MAX = 4;
/** Between two of them others have the event loop: a look costs some milliseconds. */
const PAUSE_MS = 5;
/** A copy that was handed over is not copied back before what it went for has come. */
const NOT_BACK_MS = 10_000;
/** Who could not take a copy is not asked about it again for so long, who was busy for less, but longer each time. */
const REFUSED_MS = 10 * 60_000;
/** Copies that the taker is asked to spare. */
const SPARED_MAX = 32;
const TAKE_TIMEOUT_MS = 30 * 60 * 1000;
/** Of a file for which nothing may go: only free room is used. */
const NOTHING_WANTED = 1_000_000;

interface TakeOver {
  readonly version: VersionId;
  /** Of the file that is wanted in its place: copies may go for it, as for that one. */
  readonly surplus: number;
  /** But none of these, which the asking server will give up itself. */
  readonly spared: readonly VersionId[];
  /** A copy of at most so many bytes may be swapped: the asking server has room for it then. */
  readonly backBytes: number;
}

/** "busy": it may be another time. */
type Taken = "held" | "busy" | "refused";

/** A file that this server has no room for, the bytes that are missing, and what may go for it by itself. */
interface Wanted extends OwnCopy {
  readonly missing: number;
  readonly droppable: readonly OwnCopy[];
}

export interface HandOverParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly space: Space;
  readonly sources: Sources;
  readonly dropping: Dropping;
  readonly roomMaker: RoomMaker;
  readonly puller: Puller;
  readonly load: LoadMeter;
  readonly disk: Pick<DiskWatch, "isResting">;
  readonly directives: Directives;
  readonly preferences: Pick<Preferences, "of" | "areAsked" | "prepare">;
}

export class HandOver {
  readonly unit: BackgroundUnit;
  readonly #parts: HandOverParts;
  /** Servers that are not asked about a copy for a while, unless they tell something else of themselves than they did. */
  readonly #refused: Backoffs<string>;
  readonly #busy: Backoffs<string>;
  /** Wanted files for which a copy was handed over lately. */
  readonly #tried: Backoffs;
  /** Whether somebody who might have taken something was busy in the last look. */
  #wasBusy = false;
  /** What was known when there was last nothing to be had. */
  #nothingIn = "";

  constructor(parts: HandOverParts) {
    this.#parts = parts;
    this.#tried = new Backoffs(parts.clock);
    this.#refused = new Backoffs(parts.clock);
    this.#busy = new Backoffs(parts.clock);
    this.unit = new BackgroundUnit("hand over", (signal) => this.#step(signal));
    parts.mesh.handle("take-over", async ({ from, message }) => {
      return { head: encodeJson({ taken: await this.#take(decodeJson<TakeOver>(message), from) }) };
    });
  }

  /** Has somebody with free room take a copy, then gives up the one here. Answers whether it is gone. */
  async giveAway(copy: OwnCopy): Promise<boolean> {
    return await this.#give(copy, { surplus: NOTHING_WANTED, spared: [], backBytes: 0 });
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    const { puller, preferences } = this.#parts;
    if (!this.#mayTake()) return { restMs: LOOK_EVERY_MS };
    const world = this.#world();
    if (world === this.#nothingIn) return { restMs: IDLE_MS };
    this.#wasBusy = false;
    if (preferences.areAsked) await preferences.prepare(this.#lacked().map(({ version }) => version));
    const isGone = (await this.#handOver(false, signal)) || (await this.#handOver(true, signal));
    if (isGone) puller.unit.wake();
    else if (this.#wasBusy) return { restMs: Math.min(IDLE_MS, Math.max(LOOK_EVERY_MS, this.#busy.soonestMs())) };
    else this.#nothingIn = world;
    return { restMs: LOOK_EVERY_MS };
  }

  /** Answers whether a copy has gone for a file that is wanted here. */
  async #handOver(isSwap: boolean, signal: AbortSignal): Promise<boolean> {
    for (const wanted of this.#wanted(isSwap)) {
      for (const copy of this.#copiesFor(wanted)) {
        const backBytes = isSwap ? this.#backBytes(wanted, copy) : 0;
        if (isSwap && backBytes <= 0) continue;
        const spared = sparedBy(wanted, copy, backBytes);
        if (!(await this.#give(copy, { surplus: wanted.surplus, spared, backBytes }))) continue;
        this.#tried.failed(wanted.version, false); // Until it has come.
        return true;
      }
      await sleep(this.#parts.clock, PAUSE_MS, signal);
      if (signal.aborted) break;
    }
    return false;
  }

  /** What decides whether somebody could take something. */
  #world(): string {
    const { catalog, mesh, space } = this.#parts;
    return [catalog.revision, space.roomBytes("pull"), ...mesh.upLinks().map(toldBy).sort()].join(",");
  }

  /** Files that this server wants and has no room for, the most wanted first, as long as somebody might help. */
  *#wanted(isSwap: boolean): Generator<Wanted> {
    const { catalog, mesh, roomMaker, sources, space, preferences } = this.#parts;
    const announced = announcedByOthers(mesh);
    for (const position of this.#lacked()) {
      const view = catalog.read(); // It may have changed since the one before was handed out.
      if (view.get(workKey(position)) === undefined) continue;
      const { version, surplus: own } = position;
      const surplus = own + (announced.get(version) ?? 0);
      if (this.#takers(surplus, 0, isSwap).length === 0) return; // Nor does anybody for what is wanted less.
      if (!pullsShunned(surplus) && preferences.of(version).shuns(catalog.self)) continue; // R5
      const sizeBytes = contentOfVersion(view, version)?.sizeBytes ?? Number.POSITIVE_INFINITY;
      const missing = sizeBytes - space.roomBytes(purposeOf(surplus));
      if (sizeBytes > space.limitBytes("pull") || missing <= 0) continue;
      if (this.#tried.has(version) || sources.upHolders(version).length === 0) continue;
      const droppable = roomMaker.copiesFor({ surplus, isUrgent: true });
      const stillMissing = missing - totalBytes(droppable);
      if (stillMissing <= 0) continue; // The puller does without help.
      if (isSwap && this.#takers(surplus, stillMissing, isSwap).length === 0) continue;
      yield { version, surplus, sizeBytes, missing, droppable };
    }
  }

  #lacked(): WorkPosition[] {
    const rows = this.#parts.catalog.read().range({ ...workRange(false), limit: WANTED_MAX });
    return Array.from(rows, ({ key }) => workPositionOf(key));
  }

  /** Own copies that would make room for it and do not go by themselves, the smallest first. */
  #copiesFor({ surplus, missing, droppable }: Wanted): OwnCopy[] {
    const stillMissing = missing - totalBytes(droppable);
    const below = workRangeBelow(true, surplus + EXCHANGE_GAIN);
    const above = { start: below.end, end: workRange(true).end }; // Of which the only copy lies here.
    return [below, above]
      .flatMap((range) => this.#copiesIn(range))
      .filter(
        ({ version, sizeBytes }) => sizeBytes >= stillMissing && !droppable.some((each) => each.version === version),
      )
      .sort((a, b) => a.sizeBytes - b.sizeBytes)
      .slice(0, OWN_MAX);
  }

  /**
   * The room that is left once a copy is gone and a file has come: the wanted one, or the largest of those that are wanted as
   * much, any of which may come instead.
   */
  #backBytes({ surplus, sizeBytes, missing, droppable }: Wanted, copy: OwnCopy): number {
    const view = this.#parts.catalog.read();
    const room = sizeBytes - missing + totalBytes(droppable) + copy.sizeBytes;
    const alike = this.#lacked().filter((position) => position.surplus <= surplus);
    const sizes = alike.map(({ version }) => contentOfVersion(view, version)?.sizeBytes ?? 0);
    return room - Math.max(sizeBytes, ...sizes.filter((each) => each <= room));
  }

  #copiesIn(range: KeyRange): OwnCopy[] {
    const { catalog, dropping } = this.#parts;
    const view = catalog.read();
    const copies: OwnCopy[] = [];
    for (const { key } of view.range({ ...range, reverse: true, limit: OWN_ROWS_MAX })) {
      const { version, surplus } = workPositionOf(key);
      const copy = readCopy(view, version);
      if (copy === undefined || copy.staged !== undefined || dropping.isAsking(version)) continue;
      copies.push({ version, surplus, sizeBytes: copy.sizeBytes });
    }
    return copies;
  }

  /**
   * Servers that might take so many bytes: in place of copies of theirs that may go for a file of this surplus, or, when
   * nothing is wanted here, into free room. What has free room copies by itself what it lacks, and is left to it. Who has no such
   * copy is asked to swap if so many bytes are free there.
   */
  #takers(surplus: number, bytes: number, isSwap: boolean): Link[] {
    const { mesh, directives } = this.#parts;
    return mesh.upLinks().filter(({ server, report }) => {
      const { behind, roomBytes, maxSurplus, diskAlarm } = report;
      if (behind || diskAlarm !== undefined) return false;
      if (directives.isDraining(server) || directives.isPausedAt(server)) return false;
      if (surplus === NOTHING_WANTED) return roomBytes > bytes;
      if (maxSurplus === null) return false;
      if (maxSurplus >= surplus + EXCHANGE_GAIN) return true;
      return isSwap && maxSurplus >= surplus + SWAP_GAIN && this.#pullRoomBytes(report) >= bytes;
    });
  }

  async #give({ version, sizeBytes }: OwnCopy, wanted: Omit<TakeOver, "version">): Promise<boolean> {
    const { sources, dropping, puller, preferences } = this.#parts;
    const holders = sources.holders(version);
    const promising = this.#promising(version) + 1;
    if (preferences.areAsked) await preferences.prepare([version]);
    const weights = preferences.of(version);
    const { surplus, backBytes } = wanted;
    const asked = `${version} ${backBytes}`;
    const takers = this.#takers(surplus, sizeBytes - backBytes, backBytes > 0);
    for (const link of takers.sort((a, b) => weights.of(b.server) - weights.of(a.server))) {
      if (holders.includes(link.server) || this.#hasRefused(link, asked)) continue;
      const taken = await this.#asks(link, { version, ...wanted });
      if (taken !== "held") {
        this.#refuses(link, asked, taken);
        continue;
      }
      puller.leaveAlone(version, NOT_BACK_MS);
      const promises = promisesAfterHandOver(dropping.target(version), promising);
      return (await dropping.drop(version, promises)) === undefined;
    }
    return false;
  }

  /** Other holders that can promise now: with those that are gone for good a copy would be taken over and never given up. */
  #promising(version: VersionId): number {
    const { sources, directives } = this.#parts;
    return sources.upHolders(version).filter(({ server }) => !directives.isDraining(server)).length;
  }

  async #asks(link: Link, request: TakeOver): Promise<Taken> {
    try {
      const call = () => link.call("take-over", encodeJson(request), TAKE_TIMEOUT_MS);
      return decodeJson<{ taken: Taken }>(await whileUp(this.#parts, link, call)).taken;
    } catch {
      return "busy";
    }
  }

  /** The other side. */
  async #take({ version, surplus, spared, backBytes }: TakeOver, from: ServerId): Promise<Taken> {
    const { catalog, space, roomMaker, puller } = this.#parts;
    const content = contentOfVersion(catalog.read(), version);
    if (content === undefined) return "refused";
    if (!this.#mayTake()) return "busy";
    if (await this.#isShunned(version, surplus)) return "refused";
    // What has room copies by itself what it lacks: this room may have been made for another file just now.
    if (surplus !== NOTHING_WANTED && content.sizeBytes <= space.roomBytes("extra")) return "refused";
    const missing = content.sizeBytes - space.roomBytes(purposeOf(surplus));
    const mayMake = (isUrgent: boolean) => roomMaker.mayMake(missing, { surplus, isUrgent, spared });
    if (missing <= 0 || mayMake(false)) return await this.#takeOver(version, { surplus, spared });
    if (mayMake(true)) return "busy"; // Copies grow old (R6).
    const swapped = backBytes > 0 ? await this.#swapped(missing, { surplus, spared, backBytes }, from) : undefined;
    if (swapped === undefined) return "refused";
    if (roomMaker.isYoung(swapped)) return "busy";
    puller.leaveAlone(swapped, NOT_BACK_MS);
    return await this.#takeOver(version, { surplus, spared, swapped });
  }

  async #takeOver(version: VersionId, handedOver: Omit<HandedOver, "gainsZone">): Promise<Taken> {
    return (await this.#parts.puller.takeOver(version, { ...handedOver, gainsZone: false })) ? "held" : "busy";
  }

  /** The smallest copy that would do beside those that may go anyway, an old one if there is one (R6). */
  async #swapped(
    missing: number,
    { surplus, spared, backBytes }: Omit<TakeOver, "version">,
    from: ServerId,
  ): Promise<VersionId | undefined> {
    const { roomMaker, sources, preferences } = this.#parts;
    const wish = { surplus, isUrgent: true, spared };
    const bytesMin = missing - totalBytes(roomMaker.copiesFor(wish));
    const copies = roomMaker
      .copiesFor({ ...wish, surplus: surplus - SWAP_GAIN })
      .filter((copy) => copy.surplus === surplus + SWAP_GAIN && copy.sizeBytes >= bytesMin)
      .filter(({ version, sizeBytes }) => sizeBytes <= backBytes && !sources.holders(version).includes(from))
      .sort(
        (a, b) =>
          Number(roomMaker.isYoung(a.version)) - Number(roomMaker.isYoung(b.version)) || a.sizeBytes - b.sizeBytes,
      );
    if (preferences.areAsked) await preferences.prepare(copies.map(({ version }) => version));
    return copies.find(({ version }) => !preferences.of(version).shuns(from))?.version; // R5
  }

  /** R5: whether a copy has no place here, and is not taken all the same. */
  async #isShunned(version: VersionId, wantedSurplus: number): Promise<boolean> {
    const { catalog, preferences } = this.#parts;
    if (!preferences.areAsked) return false;
    await preferences.prepare([version]);
    if (!preferences.of(version).shuns(catalog.self)) return false;
    const surplus = readVersionRow(catalog.read(), version).indexed?.surplus ?? 0;
    return !takesOverShunned(surplus, wantedSurplus === NOTHING_WANTED ? undefined : wantedSurplus);
  }

  /** Of another server, its reserve being taken to be like this one's. */
  #pullRoomBytes({ roomBytes, quotaBytes }: ServerReport): number {
    const { space } = this.#parts;
    return roomBytes - quotaBytes * (1 - space.limitBytes("pull") / space.limitBytes("upload"));
  }

  #mayTake(): boolean {
    const { membership, load, puller, directives, disk } = this.#parts;
    if (disk.isResting) return false; // Nothing could come in a copy's place.
    if (directives.isPaused || directives.isDrainingHere || membership.isBehind) return false;
    return load.clientLoad() <= LOAD_MAX && puller.isIdle;
  }

  #hasRefused(link: Link, asked: string): boolean {
    const key = `${toldBy(link)} ${asked}`;
    const isBusy = this.#busy.has(key);
    this.#wasBusy ||= isBusy;
    return isBusy || this.#refused.has(key);
  }

  #refuses(link: Link, asked: string, taken: "busy" | "refused"): void {
    const key = `${toldBy(link)} ${asked}`;
    if (taken === "refused") this.#refused.leaveAlone(key, REFUSED_MS);
    else this.#busy.failed(key, false);
    this.#wasBusy ||= taken === "busy";
  }
}

/** What decides what a server could take. */
function toldBy({ server, report: { roomBytes, maxSurplus, copies, diskAlarm } }: Link): string {
  return [server, roomBytes, maxSurplus, copies, diskAlarm === undefined].join(" ");
}

/**
 * What the server that hands `copy` over will give up besides, so that the wanted file fits, and so many bytes more; but for
 * what can go on both.
 */
function sparedBy({ surplus, missing, droppable }: Wanted, copy: OwnCopy, backBytes: number): VersionId[] {
  const besides = chooseDrops(droppable, missing - copy.sizeBytes + backBytes) ?? [];
  const once = besides.filter((each) => each.surplus === surplus + EXCHANGE_GAIN);
  return once.slice(0, SPARED_MAX).map(({ version }) => version);
}
