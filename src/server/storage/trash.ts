/**
 * The trash: a plain directory of what was deleted, overwritten or dropped. It counts against the quota, is purged when
 * room is wanted or after its days, and never before a superseded version's successor is safe (S2).
 */

import { addCopy, readCopy, readTrash, removeTrash } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import {
  keyAfter,
  tableRange,
  trashKey,
  trashPathRange,
  versionOfKey,
  versionOfTrashPathKey,
} from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { decodeTrashRow, type TrashRow, type VersionRow } from "../../core/catalog/rows.ts";
import { holdersOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { slicesOf } from "../../core/slices.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileStat, FileStore } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Change } from "../catalog/change.ts";
import { CLOCK_SKEW_MAX_MS } from "../mesh/skews.ts";
import type { Settings } from "../settings.ts";
import { sleep } from "../timers.ts";
import { TRASH_DIRECTORY } from "./layout.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Purpose, Space } from "./space.ts";
import { type Alone, type Forget, TrashLevelling } from "./trash-levelling.ts";

const FORGET_ATTEMPTS = 5;
/** Rows looked at in one go; the rest waits for the next. */
const LOOK_AT_MAX = 100;
/** Such looks for what is old, each time. */
const OLD_LOOKS = 10;
/** Rows looked at for a page of a list, which takes some milliseconds. */
const LIST_AT_MOST = 1000;
/** Of what lay at one path, the last. */
const LAST_MAX = 100;
/** Files that are removed at once, with one sync and one change of the catalog for all of them. */
const PURGED_AT_ONCE = 25;
const NEVER = new AbortController().signal;

/** A version that lies in this server's trash. */
export interface Trashed {
  readonly version: VersionId;
  readonly row: TrashRow;
}

export interface Page<T> {
  readonly rows: readonly T[];
  /** Where to go on; undefined at the end. */
  readonly last: VersionId | undefined;
}

export class Trash {
  readonly #catalog: Catalog;
  readonly #files: FileStore;
  readonly #space: Space;
  readonly #settings: Settings;
  readonly #leftovers: Leftovers;
  readonly #clock: Clock;
  readonly #keptMs: number;
  /** Sees now and then that catalog and directory say the same. */
  readonly levelling: TrashLevelling;
  #running: Promise<unknown> = Promise.resolve();
  #purgedUpTo: Uint8Array | undefined;

  constructor(
    catalog: Catalog,
    files: FileStore,
    space: Space,
    settings: Settings,
    leftovers: Leftovers,
    clock: Clock,
    keptMs: number,
  ) {
    this.#keptMs = keptMs;
    this.#leftovers = leftovers;
    this.#catalog = catalog;
    this.#files = files;
    this.#space = space;
    this.#settings = settings;
    this.#clock = clock;
    const [alone, forget]: [Alone, Forget] = [(task) => this.#alone(task), (gone) => this.#forget(gone)];
    this.levelling = new TrashLevelling({ catalog, files, leftovers, clock, alone, forget });
  }

  /**
   * Purges until `bytes` can be claimed or nothing more may go: what was dropped first, and for a copy beyond N nothing else,
   * then the oldest versions. What a version superseded gives way to a copy of that very version, which is what makes it
   * safe: else each would wait for the other (S2).
   *
   * @param copied the version that the room is for, when it is copied
   */
  async makeRoom(bytes: number, purpose: Purpose, copied?: VersionId): Promise<void> {
    const mayGo = ({ row, version }: Trashed) => this.#isPurgeable(row, version);
    const gaveWay = ({ row, version }: Trashed) => this.#isSupersededBy(row, version, copied);
    const isMissing = () => this.#space.freeBytes(purpose) < bytes;
    await this.#alone(async () => {
      const isAnyDropped = this.#catalog.stats().droppedBytes > 0;
      if (isAnyDropped) await this.#purgeWhile(isMissing, (each) => each.row.reason === "dropped" && mayGo(each));
      if (purpose !== "extra") {
        await this.#purgeWhile(isMissing, mayGo);
        await this.#purgeWhile(isMissing, gaveWay);
      }
      if (isMissing()) this.#space.trashStays(purpose);
    });
  }

  /**
   * Throws away what was dropped as far as it keeps this server above its quota, which was lowered: else room that copies gave up
   * would be had only after its days. What users deleted stays: they may want it back, and the quota may be a slip (S3).
   */
  async keepQuota(): Promise<void> {
    const bytesAbove = () => -this.#space.freeBytes("upload");
    const mayGo = ({ row, version }: Trashed) => row.reason === "dropped" && this.#isPurgeable(row, version);
    for (let after: Uint8Array | undefined; bytesAbove() > 0 && this.#catalog.stats().droppedBytes > 0; ) {
      // It may be much: what is wanted back meanwhile does not wait for all of it.
      after = await this.#alone(async () => {
        const { rows, last } = this.#find(after, mayGo);
        await this.#purgeAll(firstOf(rows, bytesAbove()));
        return last;
      });
      if (after === undefined) return;
      await sleep(this.#clock, 0, NEVER);
    }
  }

  async #purgeWhile(isMissing: () => boolean, mayGo: (trashed: Trashed) => boolean): Promise<void> {
    for (let after: Uint8Array | undefined; isMissing(); ) {
      const { rows, last } = this.#find(after, mayGo);
      for (const each of rows) if (isMissing() && mayGo(each)) await this.#purge(each);
      if (last === undefined) return;
      after = last;
      await sleep(this.#clock, 0, NEVER);
    }
  }

  #isSupersededBy(row: TrashRow, version: VersionId, successor: VersionId | undefined): boolean {
    const view = this.#catalog.read();
    if (successor === undefined || readVersionRow(view, version).paths.length > 0) return false;
    const entry = readEntry(view, row.path);
    return entry?.type === "file" && entry.content.version === successor;
  }

  /** Purges what has been kept long enough; a part of the trash each time it is called. */
  async purgeOld(): Promise<void> {
    const bound = this.#clock.wall() - this.#keptMs;
    const isOld = ({ row, version }: Trashed) => this.trashedMs(row) < bound && this.#isPurgeable(row, version);
    for (let look = 0; look < OLD_LOOKS; look++) {
      await this.#alone(async () => {
        const { rows, last } = this.#find(this.#purgedUpTo, isOld);
        this.#purgedUpTo = last;
        await this.#purgeAll(rows);
      });
      if (this.#purgedUpTo === undefined) return;
      await sleep(this.#clock, 0, NEVER);
    }
  }

  /**
   * What lies here and is at no path of the swarm, in order of version, of a bounded number of rows behind `after`; and up to
   * which version that is, undefined at the end. What was dropped is there as well once its version is at no path any more.
   */
  list(after: VersionId | undefined, isWanted: (row: TrashRow) => boolean): Page<Trashed> {
    const isListed = (trashed: Trashed) => isWanted(trashed.row) && this.#isNowhere(trashed.version);
    const { rows, last } = this.#find(after && trashKey(after), isListed, LIST_AT_MOST);
    return { rows, last: last && versionOfKey(last) };
  }

  /** The last of what lay at a path, is at no path of the swarm any more and lies here; the last one first. */
  lastAt(path: FilePath): Trashed[] {
    const view = this.#catalog.read();
    const found: Trashed[] = [];
    for (const { key } of view.range({ ...trashPathRange(path), reverse: true, limit: LIST_AT_MOST })) {
      const trashed = this.find(versionOfTrashPathKey(key));
      if (trashed !== undefined) found.push(trashed);
      if (found.length === LAST_MAX) break;
    }
    return found;
  }

  /** A version that lies here and is at no path of the swarm. */
  find(version: VersionId): Trashed | undefined {
    const row = readTrash(this.#catalog.read(), version);
    return row !== undefined && this.#isNowhere(version) ? { version, row } : undefined;
  }

  #isNowhere(version: VersionId): boolean {
    return readVersionRow(this.#catalog.read(), version).paths.length === 0;
  }

  /** Throws away what may go, of a bounded number of rows behind `after`. Answers those that it was and those that S2 keeps. */
  async empty(
    after: VersionId | undefined,
    isWanted: (row: TrashRow) => boolean,
  ): Promise<Page<Trashed> & { readonly kept: readonly Trashed[] }> {
    return await this.#alone(async () => {
      const kept: Trashed[] = [];
      const gone: Trashed[] = [];
      const { rows, last } = this.#find(after && trashKey(after), ({ row }) => isWanted(row));
      let forgotten: Promise<void> = Promise.resolve();
      for (const slice of slicesOf(rows, PURGED_AT_ONCE)) {
        const going = slice.filter(({ row, version }) => this.#isPurgeable(row, version));
        kept.push(...slice.filter((each) => !going.includes(each)));
        gone.push(...going);
        if (going.length === 0) {
          await sleep(this.#clock, 0, NEVER);
          continue;
        }
        await this.#removeFiles(going);
        await forgotten; // While these files went, the rows of those before them did.
        forgotten = this.#forgetRows(going);
        forgotten.catch(() => undefined); // It is awaited when the next files are gone.
      }
      await forgotten;
      return { rows: gone, kept, last: last && versionOfKey(last) };
    });
  }

  /** What was put there by a clock that ran ahead was there when the clock was repaired, at the latest (C8). */
  trashedMs(row: TrashRow): number {
    const ms = wallMsOf(row.time);
    return ms <= this.#clock.wall() + CLOCK_SKEW_MAX_MS ? ms : Math.min(ms, this.#settings.clockRepairedMs ?? ms);
  }

  /** One at a time: two purges would unlink the same files, and what is given back must not be unlinked. */
  #alone<T>(task: () => Promise<T>): Promise<T> {
    const running = this.#running.then(task);
    this.#running = running.catch(() => undefined);
    return running;
  }

  #find(after: Uint8Array | undefined, isWanted: (trashed: Trashed) => boolean, limit = LOOK_AT_MAX) {
    return findTrash(this.#catalog.read(), after, isWanted, limit);
  }

  /** S2. One that was deleted has no successor to wait for; one that is wanted somewhere needs its own copies. */
  #isPurgeable(row: TrashRow, version: VersionId): boolean {
    const view = this.#catalog.read();
    const own = readVersionRow(view, version);
    if (own.paths.length > 0) return this.#isSafe(view, own);
    const entry = readEntry(view, row.path);
    return entry?.type !== "file" || this.#isSafe(view, readVersionRow(view, entry.content.version));
  }

  /** Where there are fewer servers than that, all of them: else what lies here would stay until there are more. */
  #isSafe(view: ReadView, row: VersionRow): boolean {
    const { removed, roster } = this.#settings;
    const stated = holdersOf(row, (origin) => this.#catalog.serverOf(origin));
    const holders = stated.filter((server) => !removed.has(server));
    return holders.length >= Math.min(this.#settings.safeCopies(view, row), Math.max(1, roster.size));
  }

  /**
   * The file of a version that is wanted again, counted as trash or not yet counted, becomes its copy, which has yet to
   * be settled. False when it lies elsewhere by now or has yet to go, or there is a copy, or no room, or it is wanted no more.
   *
   * @param row what the catalog said of the file when it was looked at; undefined when it did not count it
   * @param first comes before, in the same change: it may give the version a path
   */
  async giveBack(
    version: VersionId,
    location: string,
    stat: FileStat,
    row: TrashRow | undefined,
    first: (change: Change) => void = () => {},
  ): Promise<boolean> {
    const { sizeBytes, inode, modifiedNs } = stat;
    return await this.#alone(async () => {
      if (this.#leftovers.isToGo(location)) return false;
      const isCounted = row !== undefined;
      if (!isCounted && !this.#space.claim(sizeBytes, "pull")) return false;
      try {
        return await this.#catalog.change((change) => {
          if (!isSameFile(readTrash(change.view, version), row)) return false;
          if (readCopy(change.view, version) !== undefined) return false;
          first(change);
          const path = change.transaction.version(version).paths[0];
          if (path === undefined) return false;
          removeTrash(change.transaction, version);
          const copy = { path, location: path, staged: location, sizeBytes, inode, modifiedNs };
          addCopy(change.transaction, version, copy);
          change.writeHolding(version, true);
          return true;
        });
      } finally {
        if (!isCounted) this.#space.release(sizeBytes);
      }
    });
  }

  /** A version's file in the trash is damaged: its name would be in the way when a sound copy of it comes there. */
  async throwAway(version: VersionId, location: string): Promise<void> {
    await this.#alone(async () => {
      const row = readTrash(this.#catalog.read(), version);
      if (row?.location === location) await this.#purge({ version, row });
    });
  }

  /**
   * The file of a copy is to have this name. What was dropped of its version, and has it still, goes first: what throws that away,
   * or is told by its row after a power cut, would take the copy's file for it.
   */
  async clear(version: VersionId, location: string): Promise<void> {
    if (readTrash(this.#catalog.read(), version)?.location === location) {
      await this.throwAway(version, location);
      await this.#catalog.flushed();
    }
    await this.#leftovers.keep(location);
  }

  async #purge(trashed: Trashed): Promise<void> {
    await this.#purgeAll([trashed]);
  }

  async #purgeAll(trashed: readonly Trashed[]): Promise<void> {
    for (const slice of slicesOf(trashed, PURGED_AT_ONCE)) await this.#purgeSlice(slice);
  }

  async #purgeSlice(trashed: readonly Trashed[]): Promise<void> {
    await this.#removeFiles(trashed);
    await this.#forgetRows(trashed);
  }

  async #removeFiles(trashed: readonly Trashed[]): Promise<void> {
    await Promise.all(trashed.map(({ row }) => this.#leftovers.remove(row.location)));
    await this.#files.syncDirectory(TRASH_DIRECTORY);
  }

  async #forgetRows(trashed: readonly Trashed[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#forget(trashed);
      } catch (error) {
        // Until its row goes it counts, though it is gone; at the latest the next levelling finds it.
        if (attempt < FORGET_ATTEMPTS) continue;
        this.levelling.bringForward();
        throw error;
      }
    }
  }

  /** Rows of files that are gone; one of a file that has another place by now, or came there since, stays. */
  async #forget(gone: readonly Trashed[]): Promise<void> {
    await this.#catalog.change(({ transaction, view }) => {
      for (const { version, row } of gone) {
        if (isSameFile(readTrash(view, version), row)) removeTrash(transaction, version);
      }
    });
  }
}

/** Two files of one version may have the same name there, one after the other. */
function isSameFile(a: TrashRow | undefined, b: TrashRow | undefined): boolean {
  return a?.location === b?.location && a?.time === b?.time;
}

/** As many of them as come to so many bytes, or all. */
function firstOf(trashed: readonly Trashed[], bytes: number): Trashed[] {
  let missing = bytes;
  return trashed.filter(({ row }) => {
    if (missing <= 0) return false;
    missing -= row.sizeBytes;
    return true;
  });
}

/** The rows behind `after`, of a bounded number of them, that are wanted; and where to go on, undefined at the end. */
export function findTrash(
  view: ReadView,
  after: Uint8Array | undefined,
  isWanted: (trashed: Trashed) => boolean,
  limit: number,
): { rows: Trashed[]; last: Uint8Array | undefined } {
  const { start, end } = tableRange("trash");
  const rows: Trashed[] = [];
  let count = 0;
  let last: Uint8Array | undefined;
  const range = { start: after === undefined ? start : keyAfter(after), end, limit };
  for (const { key, value } of view.range(range)) {
    count += 1;
    last = key;
    const trashed = { version: versionOfKey(key), row: decodeTrashRow(value) };
    if (isWanted(trashed)) rows.push(trashed);
  }
  return { rows, last: count === limit ? last : undefined };
}
