/**
 * Heat: how much files are read, over the swarm, by versions. A server counts what it sends to readers; a count halves in
 * HALF_LIFE_MS, which everybody can reckon for himself. So who knows another's count need hear of it again only when
 * reads have made it greater by TOLD_FACTOR than what is left of it: at a steady pace once in half a half-life, and never of what
 * is read no more. All of it is in memory; a server keeps what it sent of the hottest over its restarts (server/heat.ts).
 */
import type { ServerId, VersionId } from "./ids.ts";

/** Long enough that an hour's silence is none, short enough that what was in fashion last week is cold. */
export const HALF_LIFE_MS = 6 * 60 * 60 * 1000;
const TOLD_FACTOR = 1.5;
/** Fewer reads than this are told to nobody. */
const TOLD_READS_MIN = 4;
/** Some 400 bytes each, and 100 for each other server that tells of it. Of the next few in turn the coldest makes room. */
const VERSIONS_MAX = 100_000;
const EVICTION_CHOICE = 8;
const HOUR_MS = 60 * 60 * 1000;
/** Entries that are looked at without a pause: some milliseconds. */
const LOOKED_AT_ONCE = 5_000;
/** Powers of two: no count comes to more. */
const MAGNITUDES = 64;

/** Reads as they were worth at a moment of this server's clock, in milliseconds. */
interface Reads {
  readonly reads: number;
  readonly atMs: number;
}

interface Entry {
  own: Reads;
  /** What others were told of it. */
  told: Reads;
  readonly others: Map<ServerId, Reads>;
}

/** What one server tells another. */
export type ToldReads = readonly (readonly [VersionId, number])[];

const NONE: Reads = { reads: 0, atMs: 0 };

export class Heat {
  readonly #entries = new Map<VersionId, Entry>();
  /** Counted since they were looked at for what is to be told. */
  readonly #counted = new Set<VersionId>();
  /** Goes around the entries: beginning at the first each time would walk over all that went before. */
  #turn = this.#entries.entries();

  get size(): number {
    return this.#entries.size;
  }

  /** This server has sent it to readers so many times. */
  count(version: VersionId, reads: number, nowMs: number): void {
    const entry = this.#entry(version, nowMs);
    entry.own = { reads: left(entry.own, nowMs) + reads, atMs: nowMs };
    this.#counted.add(version);
  }

  /** Another server has told of what it sent. */
  take(server: ServerId, told: ToldReads, nowMs: number): void {
    for (const [version, reads] of told) this.#entry(version, nowMs).others.set(server, { reads, atMs: nowMs });
  }

  /** Over the swarm, as far as it is known here. */
  readsPerHour(version: VersionId, nowMs: number): number {
    const entry = this.#entries.get(version);
    return entry === undefined ? 0 : (readsOf(entry, nowMs) * Math.LN2 * HOUR_MS) / HALF_LIFE_MS;
  }

  /** What others are to be told now, at most so many; it counts as told. */
  takeRisen(limit: number, nowMs: number): ToldReads {
    const risen: (readonly [VersionId, number])[] = [];
    for (const version of this.#counted) {
      if (risen.length === limit) break;
      this.#counted.delete(version);
      const entry = this.#entries.get(version);
      if (entry === undefined) continue;
      const reads = left(entry.own, nowMs);
      if (reads < Math.max(TOLD_READS_MIN, TOLD_FACTOR * left(entry.told, nowMs))) continue;
      entry.told = { reads, atMs: nowMs };
      risen.push([version, reads]);
    }
    return risen;
  }

  /** All that others were told, in pieces, for one that has just come. */
  *toldInPieces(piece: number, nowMs: () => number): Generator<ToldReads> {
    let told: (readonly [VersionId, number])[] = [];
    for (const [version, entry] of this.#entries) {
      if (entry.told === NONE) continue;
      told.push([version, left(entry.told, nowMs())]);
      if (told.length < piece) continue;
      yield told;
      told = [];
    }
    if (told.length > 0) yield told;
  }

  /**
   * What this server has sent of the hottest, at most `limit`, in no order; of those that are about as hot as the last of them
   * any. Which they are is found in two walks, so that nothing large is sorted. Yields between pieces of a walk.
   */
  *ownHottest(limit: number, nowMs: number): Generator<undefined, ToldReads> {
    const magnitudes = new Array<number>(MAGNITUDES).fill(0);
    for (const reads of this.#ownReads(nowMs)) {
      if (reads === undefined) yield;
      else if (reads[1] >= 1) magnitudes[magnitudeOf(reads[1])]! += 1;
    }
    let last = MAGNITUDES - 1;
    let room = limit;
    for (; last > 0 && magnitudes[last]! <= room; last--) room -= magnitudes[last]!;
    const hottest: (readonly [VersionId, number])[] = [];
    for (const reads of this.#ownReads(nowMs)) {
      if (reads === undefined) {
        yield;
        continue;
      }
      const magnitude = reads[1] < 1 ? -1 : magnitudeOf(reads[1]);
      if (magnitude > last || (magnitude === last && room-- > 0)) hottest.push(reads);
    }
    return hottest.slice(0, limit); // Some may have been read meanwhile.
  }

  /** Undefined is a pause. */
  *#ownReads(nowMs: number): Generator<readonly [VersionId, number] | undefined> {
    let looked = 0;
    for (const [version, { own }] of this.#entries) {
      yield [version, left(own, nowMs)];
      if (++looked % LOOKED_AT_ONCE === 0) yield undefined;
    }
  }

  #entry(version: VersionId, nowMs: number): Entry {
    const known = this.#entries.get(version);
    if (known !== undefined) return known;
    if (this.#entries.size >= VERSIONS_MAX) this.#evict(nowMs);
    const entry: Entry = { own: NONE, told: NONE, others: new Map() };
    this.#entries.set(version, entry);
    return entry;
  }

  #evict(nowMs: number): void {
    let coldest: VersionId | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let seen = 0; seen < EVICTION_CHOICE; seen++) {
      const [version, entry] = this.#nextInTurn();
      const reads = readsOf(entry, nowMs);
      if (reads < least) [coldest, least] = [version, reads];
    }
    if (coldest === undefined) return;
    this.#entries.delete(coldest);
    this.#counted.delete(coldest);
  }

  /** There are some. */
  #nextInTurn(): [VersionId, Entry] {
    const next = this.#turn.next();
    if (!next.done) return next.value;
    this.#turn = this.#entries.entries();
    return this.#turn.next().value!;
  }
}

function readsOf({ own, others }: Entry, nowMs: number): number {
  let reads = left(own, nowMs);
  for (const each of others.values()) reads += left(each, nowMs);
  return reads;
}

function magnitudeOf(reads: number): number {
  return Math.min(Math.floor(Math.log2(reads)), MAGNITUDES - 1);
}

function left({ reads, atMs }: Reads, nowMs: number): number {
  return readsLeft(reads, nowMs - atMs);
}

/** Of reads some time ago. */
export function readsLeft(reads: number, ageMs: number): number {
  return reads * 2 ** (-ageMs / HALF_LIFE_MS);
}
