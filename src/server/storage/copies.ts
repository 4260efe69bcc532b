/**
 * This server's own copies: entered when a staged file is whole, read for clients and other servers, and looked at again
 * when the disk shows something else than the catalog recorded (S8).
 */
import { addCopy, hasTodo, placeCopy, readCopy, readTrash, removeCopy, writeCopy } from "../../core/catalog/copies.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { type CopyRow, decodeRegisters } from "../../core/catalog/rows.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { type FileStat, type FileStore, FileStoreError, type ReadableFile } from "../../ports/file-store.ts";
import type { Log } from "../../ports/log.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Change } from "../catalog/change.ts";
import { KeyedLock } from "../keyed-lock.ts";
import { isAmbiguous, isDiskError, isFileOf, isListed, unlessElsewhere } from "./disk.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { hashFile } from "./hashing.ts";
import { ASIDE_DIRECTORY, asideName, directoryOf, isReserved, sideName, trashName } from "./layout.ts";
import type { Settler } from "./settle.ts";
import type { StagedFile, Staging } from "./staging.ts";
import type { Trash } from "./trash.ts";
import type { Vanished } from "./vanished.ts";

/**
 * What a look at a copy's file found: the right bytes; wrong ones, which are set aside; no file, so that the holding is
 * withdrawn; none among so many that it is in doubt (S8). "unknown": the catalog has gone on meanwhile.
 */
export type Inspection = "right" | "wrong" | "missing" | "doubtful" | "unknown";

export interface OpenCopy {
  readonly file: ReadableFile;
  readonly sizeBytes: number;
  /** As recorded; a read is of these bytes only while the file has this time (P4). */
  readonly modifiedNs: bigint;
}

export class Copies {
  readonly #catalog: Catalog;
  readonly #files: FileStore;
  readonly #staging: Staging;
  readonly #settler: Settler;
  readonly #trash: Trash;
  readonly #vanished: Vanished;
  readonly #disk: DiskWatch;
  readonly #log: Log;
  readonly #restoring = new KeyedLock();
  readonly #inspecting = new Map<VersionId, Promise<Inspection>>();

  constructor(
    catalog: Catalog,
    files: FileStore,
    staging: Staging,
    settler: Settler,
    trash: Trash,
    vanished: Vanished,
    disk: DiskWatch,
    log: Log,
  ) {
    this.#disk = disk;
    this.#trash = trash;
    this.#vanished = vanished;
    this.#catalog = catalog;
    this.#files = files;
    this.#staging = staging;
    this.#settler = settler;
    this.#log = log;
  }

  has(version: VersionId): boolean {
    return readCopy(this.#catalog.read(), version) !== undefined;
  }

  /** Sees to it that a copy lies durably in its place. Answers whether there is one then. */
  async settled(version: VersionId): Promise<boolean> {
    if (this.#catalog.origin === undefined) return false; // What settling finds could not be stated yet.
    await this.#settler.settle(version);
    return this.has(version);
  }

  /** In a change: the staged file becomes this server's copy. False when it has one already. */
  enter(change: Change, version: VersionId, path: FilePath, staged: StagedFile): boolean {
    if (readCopy(change.view, version) !== undefined) return false;
    addCopy(change.transaction, version, {
      path,
      location: path,
      staged: staged.name,
      sizeBytes: staged.sizeBytes,
      inode: staged.stat.inode,
      modifiedNs: staged.stat.modifiedNs,
    });
    change.writeHolding(version, true);
    return true;
  }

  /**
   * A version that is wanted at a path becomes this server's copy, durably and in its place, or is one already; the staged file is
   * gone then. False when it is no longer wanted.
   */
  async commit(version: VersionId, staged: StagedFile): Promise<boolean> {
    let entered: boolean;
    try {
      entered = await this.#catalog.change((change) => {
        const path = change.transaction.version(version).paths[0];
        return path !== undefined && this.enter(change, version, path, staged);
      });
    } catch (error) {
      await this.#staging.discard(staged);
      throw error;
    }
    if (!entered) {
      await this.#staging.discard(staged);
      return await this.settled(version);
    }
    this.#staging.handOver(staged);
    await this.#catalog.flushed();
    await this.#settler.settle(version);
    return true;
  }

  /** Opens a copy after comparing its file with what the catalog recorded; undefined when there is none to be trusted. */
  async open(version: VersionId): Promise<OpenCopy | undefined> {
    const opened = await this.openAsRecorded(version);
    if (opened !== undefined || !this.has(version)) return opened;
    await this.inspect(version);
    const copy = readCopy(this.#catalog.read(), version);
    return copy === undefined ? undefined : await this.#openIfRight(version, copy.location, copy);
  }

  /** The same, but what is not as it was recorded is left to the caller. */
  async openAsRecorded(version: VersionId): Promise<OpenCopy | undefined> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const copy = readCopy(this.#catalog.read(), version);
      if (copy === undefined) return undefined;
      for (const name of [copy.location, copy.staged]) {
        if (name === undefined) continue;
        const opened = await this.#openIfRight(version, name, copy);
        if (opened !== undefined) return opened;
      }
      const now = readCopy(this.#catalog.read(), version);
      if (now?.location === copy.location && now.staged === copy.staged) break; // It was not merely being renamed.
    }
    return undefined;
  }

  /** Whether the file on the disk is still the one that was recorded, and was read well the last time (D2). */
  async check(version: VersionId): Promise<boolean> {
    if (this.#disk.isUnreadable(version)) return false;
    const opened = await this.open(version);
    await opened?.file.close();
    return opened !== undefined;
  }

  /** Looks at a copy that is not as recorded: right bytes are recorded anew, wrong ones are set aside (S8). */
  async inspect(version: VersionId): Promise<Inspection> {
    if (this.#catalog.origin === undefined) return "unknown"; // Nothing can be stated yet; it is looked at when it is read again.
    const running = this.#inspecting.get(version);
    if (running !== undefined) return await running;
    const inspection = this.#inspect(version).finally(() => this.#inspecting.delete(version));
    this.#inspecting.set(version, inspection);
    return await inspection;
  }

  async #inspect(version: VersionId): Promise<Inspection> {
    const view = this.#catalog.read();
    const copy = readCopy(view, version);
    const content = contentOfVersion(view, version);
    if (copy === undefined || content === undefined) return "unknown";
    return await this.#settler.withPaths([copy.path], async () => {
      // A file on its way may be at either end of it: settling knows, and what was read before the lock says nothing.
      const now = this.#catalog.read();
      if (hasTodo(now, version) || !isSamePlace(readCopy(now, version), copy)) return "unknown";
      try {
        return await this.#inspectFile(version, copy, content);
      } catch (error) {
        this.#disk.readFailed(version, copy.path, error);
        throw error;
      }
    });
  }

  async #inspectFile(version: VersionId, copy: CopyRow, content: FileContent): Promise<Inspection> {
    const isBack = async () => await this.#settler.putBack(version, copy);
    const found =
      (await this.#hashFile(copy.location)) ?? ((await isBack()) ? await this.#hashFile(copy.location) : undefined);
    if (found !== undefined) this.#vanished.isSettled(version);
    if (found?.sha256 === content.sha256) {
      await this.#record(version, copy, found.stat);
      return "right";
    }
    if (found === undefined && !this.#vanished.isGone(version)) return "doubtful";
    const state = found === undefined ? "missing" : "changed";
    this.#log.warn("a copy is not as it was recorded", { path: copy.path, state });
    const isStrange = found !== undefined && !(await this.#settler.isOfAnother(version, copy.location, found.stat));
    if (isStrange) {
      await this.#setAside(copy.location, found.sha256).catch(unlessElsewhere);
      // By a catalog from before it was overwritten here it is a copy still, and lies in the trash (C6).
      if (await isBack()) return await this.#inspectFile(version, copy, content);
    }
    await this.withdraw(version, copy);
    return isStrange ? "wrong" : "missing";
  }

  /** Looks again at copies whose files had vanished in numbers. */
  async recheckDoubtful(): Promise<void> {
    for (const version of this.#vanished.doubtful()) {
      if (this.has(version)) await this.inspect(version);
      else this.#vanished.isSettled(version);
    }
  }

  /**
   * A file that lies at a path without the catalog knowing of it, or aside, where copies lie whose path this disk cannot hold (S7):
   * whether it is this content (C9), and if so, a copy. A hand's second name for it, or another file system, is put up with only
   * where `evenShared`: it was stated by this server before, or nobody else can give that content (P3).
   */
  async adopt(version: VersionId, path: FilePath, content: FileContent, evenShared = false): Promise<boolean> {
    if (!isReserved(path) && (await this.#adoptFrom(path, version, path, content, evenShared))) return true;
    if (!(await this.#adoptFrom(sideName(version), version, path, content, evenShared))) return false;
    await this.#settler.settle(version);
    return this.has(version);
  }

  async #adoptFrom(
    location: string,
    version: VersionId,
    path: FilePath,
    content: FileContent,
    evenShared: boolean,
  ): Promise<boolean> {
    const stat = await this.#statFile(location);
    if (stat === undefined || stat.sizeBytes !== content.sizeBytes) return false;
    return await this.#settler.withPaths([path], async () => {
      const found = await this.#hashCandidate(location);
      if (found?.sha256 !== content.sha256) return false;
      const isShared = found.stat.links > 1 || found.stat.device !== (await this.#files.stat(""))?.device;
      if (isShared && !evenShared) return false;
      if (await this.#settler.isOfAnother(version, location, found.stat)) return false; // Another version's file, on its way to the trash.
      const isAnothersName = await isAmbiguous(this.#files, location, found.stat);
      if (isAnothersName && !(await isListed(this.#files, location))) return false; // It is the copy of that one (S7).
      await this.#files.syncDirectory(directoryOf(location));
      const adopted = await this.#catalog.change((change) => {
        const row = change.transaction.version(version);
        if (!row.paths.includes(path) || readCopy(change.view, version) !== undefined) return false;
        const { sizeBytes, inode, modifiedNs } = found.stat;
        const copy: CopyRow = { path, location, staged: undefined, sizeBytes, inode, modifiedNs };
        addCopy(change.transaction, version, copy);
        if (location === path) placeCopy(change.transaction, version, copy);
        change.writeHolding(version, true);
        return true;
      });
      await this.#catalog.flushed();
      return adopted;
    });
  }

  /** Bytes of a wanted version that lie elsewhere in fsdfs's own directory become its copy: in the trash, or set aside. */
  async restore(version: VersionId, path: FilePath, content: FileContent): Promise<boolean> {
    const trashed = readTrash(this.#catalog.read(), version)?.location ?? trashName(version, path);
    for (const name of [trashed, asideName(content.sha256)]) {
      // One after the other: what lies aside may be wanted as the copies of two, and can be that of one.
      const isBack = await this.#restoring.run([name], () => this.#restoreFrom(name, version, content));
      if (isBack) return this.has(version);
    }
    return false;
  }

  async #restoreFrom(name: string, version: VersionId, content: FileContent): Promise<boolean> {
    const row = readTrash(this.#catalog.read(), version);
    const stat = await this.#statFile(name);
    if (stat === undefined || stat.sizeBytes !== content.sizeBytes) return false;
    if (stat.links > 1 && row?.location !== name) return false; // It may be a copy's second name (T1).
    const found = await this.#hashCandidate(name);
    if (found !== undefined && found.sha256 !== content.sha256) await this.#trash.throwAway(version, name);
    if (found?.sha256 !== content.sha256) return false;
    if (await this.#settler.isOfAnother(version, name, found.stat)) return false; // It has yet to come to its place from here.
    if (!(await this.#trash.giveBack(version, name, stat, row?.location === name ? row : undefined))) return false;
    await this.#catalog.flushed();
    await this.#settler.settle(version);
    return true;
  }

  /**
   * A version in the trash becomes this server's copy again, at a path that `enter` gives it in the same change. Answers whether
   * it did. The catalog may have nothing of the version any more, so its bytes are read first: what is entered is what they are,
   * and what was known of them still holds (P4).
   */
  async bringBack(version: VersionId, enter: (change: Change, sha256: string) => void): Promise<boolean> {
    const row = readTrash(this.#catalog.read(), version);
    const stat = row && (await this.#statFile(row.location));
    if (row === undefined || stat === undefined || stat.sizeBytes !== row.sizeBytes) return false;
    const found = await this.#hashCandidate(row.location);
    if (found === undefined) return false;
    if (found.sha256 !== (row.sha256 ?? found.sha256)) {
      await this.#trash.throwAway(version, row.location);
      return false;
    }
    return await this.#trash.giveBack(version, row.location, stat, row, (change) => {
      if (readTrash(change.view, version) === undefined) throw new FsdfsError("trash-not-found", { what: version });
      enter(change, found.sha256);
    });
  }

  /** States that this server has no copy of a version any more, but for one that is entered meanwhile; `gone` is none. */
  async withdraw(version: VersionId, gone?: CopyRow): Promise<void> {
    this.#vanished.isSettled(version);
    await this.#catalog.change((change) => {
      const now = readCopy(change.view, version);
      if (now !== undefined && (gone === undefined || !isSamePlace(now, gone))) return;
      removeCopy(change.transaction, version);
      change.writeHolding(version, false);
    });
  }

  async #record(version: VersionId, copy: CopyRow, stat: FileStat): Promise<void> {
    await this.#catalog.change(({ view, transaction }) => {
      const now = readCopy(view, version);
      if (now?.location !== copy.location) return;
      writeCopy(transaction, version, { ...now, inode: stat.inode, modifiedNs: stat.modifiedNs });
    });
  }

  /** Under its digest, so that it is found again should its bytes be wanted after all. */
  async #setAside(location: string, sha256: string): Promise<void> {
    await this.#files.rename(location, asideName(sha256));
    await this.#files.syncDirectory(ASIDE_DIRECTORY);
    await this.#files.syncDirectory(directoryOf(location));
  }

  async #openIfRight(version: VersionId, name: string, copy: CopyRow): Promise<OpenCopy | undefined> {
    let file: ReadableFile;
    try {
      file = await this.#files.open(name);
    } catch (error) {
      if (error instanceof FileStoreError) return undefined;
      throw error;
    }
    const { sizeBytes, modifiedNs } = copy;
    if (isFileOf(copy, await file.stat()))
      return { file: this.#disk.watched(file, version, copy.path), sizeBytes, modifiedNs };
    await file.close();
    return undefined;
  }

  async #statFile(name: string): Promise<FileStat | undefined> {
    try {
      const stat = await this.#files.stat(name);
      return stat?.type === "file" ? stat : undefined;
    } catch (error) {
      if (isDiskError(error, "not-a-directory", "symlink", "too-long")) return undefined;
      throw error;
    }
  }

  /** Of what may become a copy. What the disk does not give is none, and keeps no other from being made. */
  async #hashCandidate(name: string): Promise<{ sha256: string; stat: FileStat } | undefined> {
    try {
      return await this.#hashFile(name, "durably");
    } catch (error) {
      if (isDiskError(error, "denied", "io")) return undefined;
      throw error;
    }
  }

  /** "durably" also makes the bytes survive a power cut, whoever wrote them. */
  async #hashFile(name: string, how?: "durably"): Promise<{ sha256: string; stat: FileStat } | undefined> {
    let file: ReadableFile;
    try {
      file = await this.#files.open(name);
    } catch (error) {
      if (isDiskError(error, "missing", "not-a-file", "not-a-directory", "symlink", "too-long")) return undefined;
      throw error;
    }
    try {
      if (how === "durably") await file.sync();
      const stat = await file.stat();
      return { sha256: await hashFile(file), stat };
    } finally {
      await file.close();
    }
  }
}

function isSamePlace(a: CopyRow | undefined, b: CopyRow): boolean {
  return a?.path === b.path && a.location === b.location && a.staged === b.staged;
}

/** The content of a live version: undefined when it is at no path. */
export function contentOfVersion(view: ReadView, version: VersionId): FileContent | undefined {
  for (const path of readVersionRow(view, version).paths) {
    const row = view.get(entryKey(path));
    const content = row === undefined ? undefined : contentOf(decodeRegisters(row));
    if (content?.type === "file" && content.version === version) return content;
  }
  return undefined;
}
