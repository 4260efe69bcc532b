/**
 * Which file the puller copies next. The files that are wanted most are looked at some hundreds at a time, ranked, and taken
 * one after the other, each only if what was seen of it still holds: a look costs as much as the copying of several small
 * files, and each copy changes the catalog.
 */
import { readTrash } from "../../core/catalog/copies.ts";
import { keyAfter, workPositionOf, workRange } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView } from "../../core/catalog/kv.ts";
import { leastBytes } from "../../core/catalog/size-class.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { Weights } from "../../core/policy/weights.ts";
import { EXCHANGE_GAIN, ZONE_EXCHANGE_GAIN } from "../../core/replication/making-room.ts";
import { type RankedPull, rankPulls, type Wanted } from "../../core/replication/next-pull.ts";
import { pullsShunned } from "../../core/replication/shunned.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Link } from "../mesh/link.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Preferences } from "../policy/preferences.ts";
import { type Copies, contentOfVersion } from "../storage/copies.ts";
import type { PassedOn } from "../storage/passed-on.ts";
import type { Space } from "../storage/space.ts";
import type { Uploads } from "../storage/uploads.ts";
import { sleep } from "../timers.ts";
import type { Backoffs } from "./backoffs.ts";
import { purposeOfPull } from "./purpose.ts";
import type { RoomMaker } from "./room-maker.ts";
import type { Sources } from "./sources.ts";
import type { Turns } from "./turns.ts";
import type { Zones } from "./zones.ts";

/** Files looked at in one step, and of these at a stretch: others have the event loop between two, as that takes some ms. */
const LOOK_AT_MAX = 500;
const STRETCH = 50;
const PAUSE_MS = 1;
/** Sizes that are remembered of files there was no room for. */
const SIZES_MAX = 2 * LOOK_AT_MAX;
/** What was seen is gone by for so long, lest a file that is wanted more waits. */
const RANKED_KEPT_MS = 500;
/** After a look that found nothing the next one waits so long, however often the catalog changes. */
const LOOK_EVERY_MS = 50;
/** Between two looks at what lies behind files that cannot be had now. */
const WALK_REST_MS = 1000;
/** What is preferred of a file was not known yet: it will be. */
const MISSING_MS = 1000;
/** Those that want copies most are looked at so often though nothing is known to have changed. */
const FIRST_ANYWAY_MS = 5000;
/** From the end of one walk through all that lies there to the beginning of the next, when something has changed. */
const WALK_EVERY_MS = 30_000;
/** When nothing is known to have changed; and such a walk takes its time, since nothing is likely to come of it. */
const WALK_ANYWAY_MS = 10 * 60 * 1000;
const ANYWAY_REST_MS = 10_000;

export interface ChoiceParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly mesh: Mesh;
  readonly copies: Copies;
  readonly passedOn: Pick<PassedOn, "has">;
  readonly uploads: Uploads;
  readonly space: Space;
  readonly sources: Sources;
  readonly backoffs: Backoffs;
  /** What is being pulled, and the bytes that it will still claim. */
  isActive(version: VersionId): boolean;
  activeBytes(): number;
  readonly roomMaker: Pick<RoomMaker, "highestSurplus">;
  readonly turns: Turns;
  readonly zones: Zones;
  readonly preferences: Pick<Preferences, "of" | "areAsked" | "areMissing" | "prepare">;
}

interface Looked extends Wanted {
  readonly key: Bytes;
}

/** What is the same for all files of a look. */
type FreeBytes = (surplus: number, version: VersionId) => number;

interface Surroundings {
  readonly servers: readonly Link[];
  /** How many of them are copying what. */
  readonly announced: ReadonlyMap<VersionId, number>;
  readonly freeBytes: FreeBytes;
  readonly quotaBytes: number;
  /** Of the copies that lie here. */
  readonly highest: number;
}

export class PullChoice {
  readonly #parts: ChoiceParts;
  /** The next is the last of them. */
  #ranked: RankedPull<Looked>[] = [];
  #rankedAt = Number.NEGATIVE_INFINITY;
  #nextLookAt = Number.NEGATIVE_INFINITY;
  /** Whether the last answer was that it is too early to look. */
  #isEarly = false;
  /** How long until a file may be begun that was left in the last look, to others as a rule. */
  #turnInMs = Number.POSITIVE_INFINITY;
  /** Of the files that lately had no room here: a full server meets the same ones in each look. */
  readonly #sizes = new Map<VersionId, number>();
  #first: { readonly revision: number; readonly at: number; readonly last: Bytes | undefined } | undefined;
  /** Where the walk behind the first files goes on: those that nobody can give must not hide all others. */
  #walkedTo: Bytes | undefined;
  #walkedAt = Number.NEGATIVE_INFINITY;
  /** What the last walk through all of them saw when it began, as far as it decides what can be had. */
  #walkedOver = "";
  /** Whether it was begun though that was what the one before had seen. */
  #walksAnyway = false;

  constructor(parts: ChoiceParts) {
    this.#parts = parts;
  }

  /** The file to copy now; undefined when none of those that were looked at can be had. */
  async next(signal: AbortSignal): Promise<Wanted | undefined> {
    const now = this.#parts.clock.monotonic();
    const taken = now - this.#rankedAt < RANKED_KEPT_MS ? this.#take() : undefined;
    if (taken !== undefined) return taken;
    this.#isEarly = now < this.#nextLookAt;
    if (this.#isEarly) return undefined;
    this.#turnInMs = Number.POSITIVE_INFINITY;
    await this.#lookAround(now, signal);
    this.#rankedAt = now;
    const found = this.#take();
    if (found === undefined) this.#nextLookAt = now + LOOK_EVERY_MS;
    return found;
  }

  /** What others copy has changed: the files that want copies most are looked at next. */
  lookAnew(): void {
    this.#first = undefined;
  }

  /** How long to rest when there was none; undefined: until something changes. */
  restMs(): number | undefined {
    if (this.#isEarly) return Math.max(1, this.#nextLookAt - this.#parts.clock.monotonic());
    const walkMs = this.#walksAnyway ? ANYWAY_REST_MS : WALK_REST_MS;
    const restMs = Math.min(this.#turnInMs, this.#walkedTo === undefined ? Number.POSITIVE_INFINITY : walkMs);
    return restMs === Number.POSITIVE_INFINITY ? undefined : restMs;
  }

  /** The files that want copies most; when none of them can be had, those behind them, some at a time. */
  async #lookAround(now: number, signal: AbortSignal): Promise<void> {
    const { revision } = this.#parts.catalog;
    if (this.#walksAnyway && this.#walkedOver !== this.#seen()) this.#walkedTo = undefined; // Now there is something to it.
    const isWalking = this.#walkedTo !== undefined;
    let first = this.#first;
    if (!isWalking || first === undefined || first.revision !== revision || now - first.at >= FIRST_ANYWAY_MS) {
      const { found, last } = await this.#look(workRange(false).start, signal);
      first = { revision, at: now, last };
      this.#first = first;
      if (found) return;
    }
    if (!isWalking && (first.last === undefined || !this.#beginsWalk(now))) return;
    const { found, last } = await this.#look(keyAfter(this.#walkedTo ?? first.last!), signal);
    if (found) return;
    this.#walkedTo = last;
    if (last === undefined) this.#walkedAt = now;
  }

  #beginsWalk(now: number): boolean {
    if (now - this.#walkedAt < WALK_EVERY_MS) return false;
    const over = this.#seen();
    const isSame = over === this.#walkedOver;
    if (isSame && now - this.#walkedAt < WALK_ANYWAY_MS) return false;
    this.#walkedOver = over;
    this.#walksAnyway = isSame;
    return true;
  }

  #seen(): string {
    const { catalog, mesh, space } = this.#parts;
    const servers = mesh.upLinks().map(({ server }) => server);
    return [catalog.revision, space.roomBytes("pull"), space.roomBytes("extra"), ...servers].join(" ");
  }

  /** Ranks so many files from `start` on. Answers the last of them, undefined when there are no more. */
  async #look(start: Bytes, signal: AbortSignal): Promise<{ found: boolean; last: Bytes | undefined }> {
    const surroundings = this.#surroundings();
    const wanted: Looked[] = [];
    let last: Bytes | undefined = start;
    for (let rows = 0; last !== undefined && rows < LOOK_AT_MAX && !signal.aborted; rows += STRETCH) {
      if (rows > 0) await sleep(this.#parts.clock, PAUSE_MS, signal);
      const next: Bytes = rows === 0 ? start : keyAfter(last);
      if (this.#parts.preferences.areAsked) await this.#prepare(next);
      last = this.#lookOn(next, surroundings, wanted);
    }
    this.#ranked = rankPulls(wanted).reverse();
    return { found: this.#ranked.length > 0, last };
  }

  /** Learns what is preferred of the next files (R5). */
  async #prepare(start: Bytes): Promise<void> {
    const rows = this.#parts.catalog.read().range({ start, end: workRange(false).end, limit: STRETCH });
    await this.#parts.preferences.prepare(Array.from(rows, ({ key }) => workPositionOf(key).version));
  }

  /** Adds what is wanted of the next files. Answers the last of them, undefined when there are no more. */
  #lookOn(start: Bytes, surroundings: Surroundings, wanted: Looked[]): Bytes | undefined {
    const view = this.#parts.catalog.read();
    let rows = 0;
    let last: Bytes | undefined;
    for (const { key, value } of view.range({ start, end: workRange(false).end, limit: STRETCH })) {
      rows += 1;
      last = key;
      const looked = this.#lookAt(view, key, leastBytes(value), surroundings);
      if (looked !== undefined) wanted.push(looked);
    }
    return rows === STRETCH ? last : undefined;
  }

  #surroundings(): Surroundings {
    const { mesh, space, roomMaker } = this.#parts;
    return {
      servers: mesh.upLinks(),
      announced: announcedByOthers(mesh),
      freeBytes: this.#freeBytes(),
      quotaBytes: space.limitBytes("pull"),
      highest: roomMaker.highestSurplus() ?? Number.NEGATIVE_INFINITY,
    };
  }

  /** Undefined when it has no place here, or is being copied. `atLeast`: bytes that it has. */
  #lookAt(view: ReadView, key: Bytes, atLeast: number, surroundings: Surroundings): Looked | undefined {
    const { backoffs, catalog, isActive, preferences, zones } = this.#parts;
    const { servers, quotaBytes, highest } = surroundings;
    const { version, surplus, order } = workPositionOf(key);
    const announced = surroundings.announced.get(version) ?? 0;
    const freeBytes = surroundings.freeBytes(surplus + announced, version);
    const mostBytes = (gain: number) => (surplus + announced + gain <= highest ? quotaBytes : freeBytes); // R1, R4
    if (atLeast > mostBytes(ZONE_EXCHANGE_GAIN) || isActive(version)) return undefined;
    if (!pullsShunned(surplus + announced) && this.#isShunned(version)) return undefined;
    const weights = preferences.of(version);
    const gainsZone = zones.dependsOnThis(version);
    const content = this.#fitting(view, version, mostBytes(gainsZone ? ZONE_EXCHANGE_GAIN : EXCHANGE_GAIN));
    if (content === undefined) return undefined;
    const { sizeBytes } = content;
    const rank = this.#rank(version, servers, weights);
    const isLeft = !this.#isItsTurn(version, rank, surplus + announced);
    const available = !backoffs.has(version) && this.#isObtainable(version, content);
    const makesRoom = sizeBytes > freeBytes;
    return {
      key,
      version,
      surplus,
      announced,
      gainsZone,
      preference: weights.share(catalog.self),
      rank,
      order,
      sizeBytes,
      freeBytes,
      available,
      isLeft,
      makesRoom,
    };
  }

  /** Whether a file that has N copies has no place here (R5), or may turn out to have none. */
  #isShunned(version: VersionId): boolean {
    const { catalog, preferences } = this.#parts;
    if (!preferences.areMissing(version)) return preferences.of(version).shuns(catalog.self);
    this.#turnInMs = Math.min(this.#turnInMs, MISSING_MS);
    return true;
  }

  /** The content of a version of at most so many bytes; undefined when it has more, or when it is at no path. */
  #fitting(view: ReadView, version: VersionId, mostBytes: number): FileContent | undefined {
    if ((this.#sizes.get(version) ?? 0) > mostBytes) return undefined;
    const content = contentOfVersion(view, version);
    if (content === undefined || content.sizeBytes <= mostBytes) return content;
    if (this.#sizes.size >= SIZES_MAX) this.#sizes.clear();
    this.#sizes.set(version, content.sizeBytes);
    return undefined;
  }

  /** The first of the ranked files of which all that was seen still holds. */
  #take(): Wanted | undefined {
    if (this.#ranked.length === 0) return undefined;
    const { catalog, backoffs, isActive } = this.#parts;
    const view = catalog.read();
    const announced = announcedByOthers(this.#parts.mesh);
    const freeBytes = this.#freeBytes();
    for (let next = this.#ranked.pop(); next !== undefined; next = this.#ranked.pop()) {
      const { version } = next;
      if (isActive(version) || backoffs.has(version)) continue;
      if (next.sizeBytes > freeBytes(next.surplus + next.announced, version) - next.keptBytes && !next.makesRoom)
        continue;
      if ((announced.get(version) ?? 0) > next.announced || view.get(next.key) === undefined) continue;
      const content = contentOfVersion(view, version);
      if (content !== undefined && this.#isObtainable(version, content)) return next;
    }
    return undefined;
  }

  /** Whether this server may begin now; notes when, if not. */
  #isItsTurn(version: VersionId, rank: number, surplus: number): boolean {
    const waitMs = this.#parts.turns.waitMs(version, rank, surplus);
    if (waitMs > 0) this.#turnInMs = Math.min(this.#turnInMs, waitMs);
    return waitMs <= 0;
  }

  /** Of this server among those that might copy a version as well. */
  #rank(version: VersionId, others: readonly Link[], weights: Weights): number {
    const { turns, sources } = this.#parts;
    const holders = sources.holders(version);
    const able = others.filter(({ server, report }) => !holders.includes(server) && !report.pulls.includes(version));
    return turns.rank(
      version,
      able.map(({ server }) => server),
      weights,
    );
  }

  /**
   * What there is room for now, by a file's surplus. What users deleted and want back counts already, in the trash here;
   * what was dropped does as well, but its bytes are promised to another file.
   */
  #freeBytes(): FreeBytes {
    const { space, clock, activeBytes, catalog } = this.#parts;
    const wallMs = clock.wall();
    const free = { pull: space.roomBytes("pull") - activeBytes(), extra: space.roomBytes("extra") - activeBytes() };
    const { trashBytes, droppedBytes } = catalog.stats();
    if (trashBytes === droppedBytes) return (surplus, version) => free[purposeOfPull(surplus, version, wallMs)];
    return (surplus, version) => {
      const { reason = "dropped" } = readTrash(catalog.read(), version) ?? {};
      return reason === "dropped" ? free[purposeOfPull(surplus, version, wallMs)] : Number.POSITIVE_INFINITY;
    };
  }

  #isObtainable(version: VersionId, content: FileContent): boolean {
    if (this.#parts.copies.has(version)) return false; // It lies here, which has yet to be stated (C11).
    const upload = this.#parts.uploads.find(content.sha256);
    if (upload !== "none") return upload === "orphaned";
    if (readTrash(this.#parts.catalog.read(), version) !== undefined) return true;
    return this.#parts.sources.upHolders(version).length > 0 || this.#parts.passedOn.has(version);
  }
}

/** How many other servers are copying which versions now. */
export function announcedByOthers(mesh: Mesh): Map<VersionId, number> {
  const counts = new Map<VersionId, number>();
  for (const { report } of mesh.upLinks()) {
    for (const version of report.pulls) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return counts;
}
