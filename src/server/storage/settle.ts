/**
 * Brings the files on the disk to where the catalog says they belong: a new copy from its staged file to its path, a
 * moved one to its new path, a superseded one into the trash. The catalog changes first and durably; each version with
 * work left has a todo row, so that a crash anywhere leaves something that can be gone on with (S1).
 *
 * T1. A file that is overwritten has a second name in the trash before it loses its own. One that keeps its own after
 *     all, because the catalog went on meanwhile, loses the second.
 * T2. A copy's row names its inode before and after each rename, so that a file is known again wherever it is found.
 * T3. Bytes are never thrown away for a move whose destination is not known yet (C2).
 */

import { hex } from "../../core/bytes.ts";
import { hasTodo, placeCopy, readCopy, readTrash, removeCopy, writeCopy } from "../../core/catalog/copies.ts";
import { entryKey, keyAfter, tableRange, todoKey, versionOfKey } from "../../core/catalog/keys.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import { readTodo, remindTodo, writeTodo } from "../../core/catalog/todo.ts";
import { readRegisters, readVersionRow } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import { type FileStat, type FileStore, FileStoreError } from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { KeyedLock } from "../keyed-lock.ts";
import { elseHome, type HomeParts } from "./bringing-home.ts";
import {
  cannotHold,
  DirectoryMaker,
  isAmbiguous,
  isDiskError,
  isFileOf,
  linkOver,
  removeEmptyDirectories,
  renameOver,
  statOrNothing,
  syncIfThere,
  unlessElsewhere,
} from "./disk.ts";
import {
  ASIDE_DIRECTORY,
  asideName,
  directoryOf,
  isReserved,
  SIDE_DIRECTORY,
  sideName,
  TRASH_DIRECTORY,
  trashName,
} from "./layout.ts";
import type { Leftovers } from "./leftovers.ts";
import { isMoving, movesFrom } from "./moves.ts";
import { type Displaced, type Owner, Owners } from "./owners.ts";
import { type PassingParts, passOn } from "./passing-on.ts";
import { type Retired, retireRows } from "./retiring.ts";
import { asTouched, type TouchedParts, touchedOwner } from "./touched.ts";
import type { Trash } from "./trash.ts";
import type { Vanished } from "./vanished.ts";

/** A directory that is emptied and removed while a file is on its way into it is made again so often. */
const PLACE_ATTEMPTS = 5;

export class Settler {
  readonly #catalog: Catalog;
  readonly #files: FileStore;
  readonly #directories: DirectoryMaker;
  readonly #leftovers: Leftovers;
  readonly #trash: Pick<Trash, "clear" | "throwAway">;
  readonly #vanished: Vanished;
  readonly #parts: PassingParts & TouchedParts & HomeParts;
  readonly #locks = new KeyedLock();
  /** Versions that are being settled, by so many at once. */
  readonly #settling = new Map<VersionId, number>();

  constructor(
    catalog: Catalog,
    files: FileStore,
    leftovers: Leftovers,
    trash: Pick<Trash, "clear" | "throwAway">,
    vanished: Vanished,
    disk: PassingParts["disk"],
    random: Random,
    clock: Clock,
  ) {
    this.#trash = trash;
    this.#vanished = vanished;
    this.#parts = { catalog, files, disk, random, owners: new Owners(catalog, clock) };
    this.#leftovers = leftovers;
    this.#catalog = catalog;
    this.#files = files;
    this.#directories = new DirectoryMaker(files);
  }

  /** Versions with work left that nobody is at, the oldest first, from behind `after` on. */
  pending(limit: number, after?: VersionId): VersionId[] {
    const versions: VersionId[] = [];
    const range = { ...tableRange("todo"), ...(after && { start: keyAfter(todoKey(after)) }) };
    for (const { key } of this.#catalog.read().range(range)) {
      const version = versionOfKey(key);
      if (!this.#settling.has(version)) versions.push(version);
      if (versions.length === limit) break;
    }
    return versions;
  }

  /** Whether there is work left on a version that nobody is at. */
  isPending(version: VersionId): boolean {
    return !this.#settling.has(version) && hasTodo(this.#catalog.read(), version);
  }

  /** Does what is to be done about this server's copy of a version; nothing when all is well. */
  async settle(version: VersionId): Promise<void> {
    this.#settling.set(version, (this.#settling.get(version) ?? 0) + 1);
    try {
      await this.#settle(version);
    } finally {
      const left = this.#settling.get(version)! - 1;
      if (left > 0) this.#settling.set(version, left);
      else this.#settling.delete(version);
    }
  }

  async #settle(version: VersionId): Promise<void> {
    if (this.#catalog.isTaking) return; // It is not known here what is wanted (C7).
    for (let isFirst = true; ; isFirst = false) {
      const view = this.#catalog.read();
      if (!isFirst && !hasTodo(view, version)) return; // Somebody else has done it meanwhile.
      const copy = readCopy(view, version);
      if (copy === undefined) return await this.#settleWithoutCopy(version);
      const paths = readVersionRow(view, version).paths;
      const path = paths.includes(copy.path) ? copy.path : paths[0];
      if (path === undefined && isMoving(view, copy.path)) return;
      const successor = path === undefined ? contentOf(readRegisters(view, entryKey(copy.path))) : undefined;
      if (successor?.type === "file" && readCopy(view, successor.version)?.staged !== undefined) {
        // It takes this one's place in one step, so that the name is never missing (S1).
        await this.settle(successor.version);
        continue;
      }
      const done = await this.#locks.run([copy.path, path ?? copy.path], async () => {
        await this.#catalog.flushed();
        const now = this.#current(version, copy, path);
        if (now === undefined) return false;
        if (path !== undefined) return await elseHome(this.#parts, version, now, () => this.#place(version, now, path));
        return (await passOn(this.#parts, version, now)) || (await this.retire(version, now, "superseded"));
      });
      if (done) return;
    }
  }

  /** Moves a copy's file into the trash, then takes it out of the catalog: see elseHome(). The caller has the lock or the right. */
  async retire(version: VersionId, copy: CopyRow, how: Retired): Promise<boolean> {
    return await elseHome(this.#parts, version, copy, () => this.#retire(version, copy, how));
  }

  async #retire(version: VersionId, copy: CopyRow, how: Retired): Promise<boolean> {
    const from = await this.#find(version, copy);
    const to = trashName(version, copy.path);
    if (from !== undefined) {
      await this.#trash.clear(version, to);
      await renameOver(this.#files, from, to, copy);
      await this.#files.syncDirectory(TRASH_DIRECTORY);
      await syncIfThere(this.#files, directoryOf(from));
    }
    const touched = from === undefined ? await asTouched(this.#parts, version, copy) : undefined;
    if (touched !== undefined) return await this.retire(version, touched, how);
    if (from === undefined) await this.#setEditedAside(version, copy);
    const kept = from === undefined ? await this.#isThere(to, copy) : await this.#isTrashed(to, copy);
    const superfluous = await this.#catalog.change((change) => retireRows(change, version, copy, how, kept));
    for (const name of superfluous) await this.#leftovers.remove(name);
    if (from === copy.location) await removeEmptyDirectories(this.#files, directoryOf(from));
    return true;
  }

  /**
   * A crash came after the file of a dropped copy had left for the trash and before the withdrawal (D4): it is a copy
   * still, and goes back to its place. Answers whether it did. The caller has the lock.
   */
  async putBack(version: VersionId, copy: CopyRow): Promise<boolean> {
    const from = await this.#findInTrash(version, copy);
    if (from === undefined || (await statOrNothing(this.#files, copy.location)) !== undefined) return false;
    await this.#directories.make(directoryOf(copy.location));
    await this.#files.rename(from, copy.location);
    await this.#files.syncDirectory(directoryOf(copy.location));
    await this.#files.syncDirectory(TRASH_DIRECTORY);
    return true;
  }

  /** A file that was edited in place is the operator's now, if it is no copy of another (C9), and must not stay under a name that is deleted. */
  async #setEditedAside(version: VersionId, copy: CopyRow): Promise<void> {
    const stat = await statOrNothing(this.#files, copy.location);
    if (stat?.type !== "file" || stat.inode !== copy.inode) return;
    if (await this.isOfAnother(version, copy.location, stat)) return;
    await this.#setAside(copy.location).catch(unlessElsewhere);
  }

  async #setAside(name: string): Promise<void> {
    await this.#directories.make(ASIDE_DIRECTORY);
    await this.#files.rename(name, asideName(hex(this.#parts.random.bytes(8))));
    await this.#files.syncDirectory(ASIDE_DIRECTORY);
    await syncIfThere(this.#files, directoryOf(name));
  }

  /** Whether the file at a path is the copy of another version, which may have yet to leave it. */
  async isOfAnother(version: VersionId | undefined, location: string, stat: FileStat): Promise<boolean> {
    return (await this.#parts.owners.of(version, location, stat)) !== undefined;
  }

  /** @throws FileStoreError `not-a-directory`, … */
  async makeDirectories(directory: string): Promise<void> {
    await this.#directories.make(directory);
  }

  /** Runs a task while nothing else moves files at these paths. */
  async withPaths<T>(paths: readonly FilePath[], task: () => Promise<T>): Promise<T> {
    return await this.#locks.run(paths, task);
  }

  /**
   * Where a copy's file lies now; undefined when it is nowhere, or something else lies there. A crash may have come
   * between its rename, to `destination` or where it was moved to before, and the row that tells of it (T2).
   */
  async #find(version: VersionId, copy: CopyRow, destination?: string): Promise<string | undefined> {
    const moved = movesFrom(this.#catalog.read(), copy.path);
    for (const name of [copy.staged, copy.location, destination, sideName(version), ...moved]) {
      if (name !== undefined && (await this.#isThere(name, copy, version))) return name;
    }
    return undefined;
  }

  /** The file of a copy that has not been taken out of the catalog; or that is in it again, by a backup (C6). */
  async #findInTrash(version: VersionId, copy: CopyRow): Promise<string | undefined> {
    const name = trashName(version, copy.path);
    const isTrash = readTrash(this.#catalog.read(), version) !== undefined;
    return !isTrash && (await this.#isThere(name, copy)) ? name : undefined;
  }

  /** Whether something lies there that is no copy, by this catalog. */
  async #isOfNobody(version: VersionId, name: string): Promise<boolean> {
    const stat = await statOrNothing(this.#files, name);
    return stat !== undefined && !(await this.isOfAnother(version, name, stat));
  }

  /** @param version told where its old place may be another's by now, whose file it is as well, by a hand */
  async #isThere(name: string, copy: CopyRow, version?: VersionId): Promise<boolean> {
    const stat = await statOrNothing(this.#files, name);
    if (stat?.type !== "file" || !isFileOf(copy, stat)) return false;
    const mayBeAnothers = version !== undefined && name === copy.location && stat.links > 1;
    return !mayBeAnothers || !(await this.isOfAnother(version, name, stat));
  }

  /** The copy, if it still lies and belongs where it did; its file may have been recorded anew meanwhile (S8). */
  #current(version: VersionId, copy: CopyRow, path: FilePath | undefined): CopyRow | undefined {
    const now = readCopy(this.#catalog.read(), version);
    const { paths } = readVersionRow(this.#catalog.read(), version);
    const samePlace = now?.path === copy.path && now.location === copy.location && now.staged === copy.staged;
    return samePlace && (path === undefined ? paths.length === 0 : paths.includes(path)) ? now : undefined;
  }

  /** False when the catalog has gone on, and another version's file is at that path by right. */
  async #place(version: VersionId, copy: CopyRow, path: FilePath): Promise<boolean> {
    const preferred = isReserved(path) ? sideName(version) : path;
    const found = await this.#find(version, copy, preferred);
    const from = found ?? (await this.#findInTrash(version, copy));
    if (from === undefined) {
      const touched = await asTouched(this.#parts, version, copy, "throws"); // Who is to stay is not lost for that.
      if (touched !== undefined) return await this.#place(version, touched, path);
      // What was in its place may come back to it (S8); it is looked for again. What never was is lost.
      if (copy.staged !== undefined || this.#vanished.isGone(version)) await this.#lose(version);
      return true;
    }
    // What overwrote it, and a catalog from a backup (C6) does not tell of, stays in its place: it may count yet.
    let location = found === undefined && (await this.#isOfNobody(version, preferred)) ? sideName(version) : preferred;
    let displaced: Displaced | undefined;
    try {
      displaced = await this.#moveInto(version, from, location, copy);
    } catch (error) {
      if (error instanceof Overtaken) return false;
      if (!cannotHold(error)) throw error;
      location = sideName(version);
      await this.#moveInto(version, from, location, copy);
    }
    const kept = displaced !== undefined && (await this.#isTrashed(displaced.trash, displaced.copy));
    await this.#removeSecondName(version, copy);
    const superfluous = await this.#catalog.change((change) => {
      const now = readCopy(change.view, version);
      if (now === undefined) return [];
      const todo = readTodo(change.view, version);
      placeCopy(change.transaction, version, { ...copy, path, location, staged: undefined });
      const others = displaced && retireRows(change, displaced.version, displaced.copy, "superseded", kept);
      // The catalog may have gone on meanwhile; then there is work left.
      const { paths } = change.transaction.version(version);
      if (!paths.includes(path)) writeTodo(change.transaction.view, version, todo);
      return others ?? [];
    });
    for (const name of superfluous) await this.#leftovers.remove(name);
    if (from === copy.location && from !== location) await removeEmptyDirectories(this.#files, directoryOf(from));
    return true;
  }

  /** Renames `from` to `to` durably. What lay there goes to the trash if it was a copy, else aside. */
  async #moveInto(version: VersionId, from: string, to: string, copy: CopyRow): Promise<Displaced | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#directories.make(directoryOf(to));
        let displaced: Displaced | undefined;
        if (from !== to) {
          const occupant = await this.#files.stat(to);
          if (occupant !== undefined) displaced = await this.#clear(version, to, occupant, copy);
          if (displaced !== undefined) await this.#files.syncDirectory(TRASH_DIRECTORY);
          if (occupant?.inode === copy.inode) await renameOver(this.#files, from, to, copy);
          else await this.#files.rename(from, to);
        }
        const left = new Set([directoryOf(from), directoryOf(copy.location)]);
        left.delete(directoryOf(to));
        await Promise.all([
          this.#files.syncDirectory(directoryOf(to)),
          ...[...left].map((each) => syncIfThere(this.#files, each)),
        ]);
        return displaced;
      } catch (error) {
        if (!isDiskError(error, "missing") || attempt === PLACE_ATTEMPTS) throw error;
      }
    }
  }

  /** Sees to it that what lies at `to` is not lost when `to` is renamed over (T1). @throws Overtaken */
  async #clear(version: VersionId, to: string, occupant: FileStat, copy: CopyRow): Promise<Displaced | undefined> {
    if (occupant.type === "directory")
      throw new FileStoreError("not-a-file", "a directory lies where a file should be");
    const recorded = await this.#parts.owners.of(version, to, occupant);
    if (recorded === undefined && occupant.inode === copy.inode) return undefined; // Linked by a hand, it may be another's as well.
    const owner = recorded ?? (await touchedOwner(this.#parts, version, to));
    if (owner === undefined) {
      if (await isAmbiguous(this.#files, to, occupant)) throw new FileStoreError("exists", "it may be a copy (S7)");
      await this.#setAside(to);
      return undefined;
    }
    const { paths } = readVersionRow(this.#catalog.read(), owner.version);
    if (paths.includes(to as FilePath)) throw new Overtaken();
    if (paths.length > 0) {
      await this.#makeWay(owner, to);
      return undefined;
    }
    const trash = trashName(owner.version, owner.copy.path);
    await this.#trash.clear(owner.version, trash);
    await linkOver(this.#files, to, trash, owner.copy);
    return { ...owner, trash };
  }

  /** Whether the copy's file is what came into the trash. An operator's, who was quicker, goes aside (S8). */
  async #isTrashed(trash: string, copy: CopyRow): Promise<boolean> {
    if (await this.#isThere(trash, copy)) return true;
    if ((await this.#files.stat(trash)) !== undefined) await this.#setAside(trash);
    return false;
  }

  /** T1. What was to be overwritten once, and is a copy still, is not in the trash. */
  async #removeSecondName(version: VersionId, copy: CopyRow): Promise<void> {
    const name = trashName(version, copy.path);
    if (copy.staged !== undefined || readTrash(this.#catalog.read(), version)?.location === name) return;
    if (await this.#isThere(name, copy)) await this.#leftovers.remove(name);
  }

  /** The copy of a version that belongs elsewhere leaves the path; from the side area it is settled where it belongs. */
  async #makeWay({ version, copy }: Owner, from: string): Promise<void> {
    const location = sideName(version);
    await this.#directories.make(SIDE_DIRECTORY);
    await this.#files.rename(from, location);
    await this.#files.syncDirectory(SIDE_DIRECTORY);
    await this.#catalog.change(({ view, transaction }) => {
      if (readCopy(view, version) === undefined) return;
      writeCopy(transaction, version, { ...copy, location, staged: undefined });
      remindTodo(transaction.view, version);
    });
  }

  /** A copy whose file has vanished is none. */
  async #lose(version: VersionId): Promise<void> {
    await this.#catalog.change((change) => {
      if (readCopy(change.view, version) === undefined) return;
      removeCopy(change.transaction, version);
      change.writeHolding(version, false);
    });
  }

  /** A version without a copy has none to be settled, but may lie in the trash and be deleted forever. */
  async #settleWithoutCopy(version: VersionId): Promise<void> {
    const view = this.#catalog.read();
    const lying = readTrash(view, version);
    if (lying !== undefined && readTodo(view, version)?.forever && readVersionRow(view, version).paths.length === 0) {
      await this.#trash.throwAway(version, lying.location);
    }
    await this.#catalog.change(({ transaction: { view } }) => {
      if (readCopy(view, version) === undefined) view.remove(todoKey(version));
    });
  }
}

/** Another version has its place by right where a file was to be put. */
class Overtaken extends Error {}
