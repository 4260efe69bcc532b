/**
 * The data directory in memory, complete, for the simulator and for tests: the answers of a Linux file system, and power
 * cuts, full disks, flipped bits and an operator's hands on demand.
 *
 * It stands for the disk: `kill()` and `powerCut()` end the process that used it, and the next one uses the same object.
 * inodes.ts says what a power cut leaves. Inode numbers count up, times come from the clock that is given or count up:
 * the same calls give the same answers.
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  type DirectoryEntry,
  type FileStat,
  type FileStore,
  FileStoreError,
  LIST_BATCH,
  type ReadableFile,
  type SourceDirectory,
  type WritableFile,
} from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";
import {
  append,
  contentOf,
  type DirectoryInode,
  type FileInode,
  type Inode,
  type NameChange,
  NameJournal,
  newDirectory,
  newFile,
  recount,
  statOf,
  syncContent,
  type TreeEntry,
  tear,
  treeOf,
  walk,
} from "./inodes.ts";
import {
  change,
  failure,
  found,
  isAbsence,
  lookUp,
  type Place,
  refuseLink,
  refuseNesting,
  refuseTaken,
  refuseUnlike,
  regularFile,
  segmentsOf,
} from "./places.ts";
import { OUTSIDE, openMemorySource, outsideName } from "./sources.ts";

export interface MemoryFileStoreOptions {
  /** Gives files their times. Without one they are counted up from 1. */
  readonly clock?: Pick<Clock, "wall">;
  /** Size of the disk; content and nothing else takes room on it. */
  readonly totalBytes?: number;
}

const TOTAL_BYTES_DEFAULT = 1024 ** 4;
const NANOSECONDS_PER_MS = 1_000_000n;

export class MemoryFileStore implements FileStore {
  readonly #clock: Pick<Clock, "wall"> | undefined;
  readonly #root: DirectoryInode;
  readonly #journal: NameJournal;
  /** Files with content that was not synced. */
  readonly #unsynced = new Set<FileInode>();
  #totalBytes: number;
  #usedBytes = 0;
  #inodeCount = 0;
  #timeCount = 0n;
  /** Counts processes: the files that an ended one had open are closed. */
  #process = 0;

  constructor(options: MemoryFileStoreOptions = {}) {
    this.#clock = options.clock;
    this.#totalBytes = options.totalBytes ?? TOTAL_BYTES_DEFAULT;
    this.#root = newDirectory(this.#nextInode(), this.#now());
    this.#journal = new NameJournal(this.#root);
  }

  async create(name: string): Promise<WritableFile> {
    const place = this.#place(name);
    refuseTaken(place, name);
    const inode = newFile(this.#nextInode(), this.#now());
    this.#record([change(place, inode)]);
    return this.#writable(inode);
  }

  async open(name: string): Promise<ReadableFile> {
    return this.#readable(regularFile(name === "" ? this.#root : found(this.#place(name), name), name));
  }

  async append(name: string): Promise<WritableFile> {
    return this.#writable(regularFile(found(this.#place(name), name), name));
  }

  async stat(name: string): Promise<FileStat | undefined> {
    if (name === "") return statOf(this.#root);
    try {
      const { inode } = this.#place(name);
      return inode === undefined ? undefined : statOf(inode);
    } catch (error) {
      if (error instanceof FileStoreError && isAbsence(error.code)) return undefined;
      throw error;
    }
  }

  async list(name: string): Promise<DirectoryEntry[]> {
    const entries = Array.from(this.#directory(name).names, ([each, inode]) => ({ name: each, type: inode.type }));
    return name === "" ? entries.filter((entry) => entry.name !== OUTSIDE) : entries;
  }

  async *listInBatches(name: string): AsyncGenerator<DirectoryEntry[]> {
    const entries = await this.list(name);
    for (let at = 0; at < entries.length; at += LIST_BATCH) yield entries.slice(at, at + LIST_BATCH);
  }

  async makeDirectory(name: string): Promise<void> {
    const place = this.#place(name);
    refuseTaken(place, name);
    this.#record([change(place, newDirectory(this.#nextInode(), this.#now()))]);
  }

  async removeDirectory(name: string): Promise<void> {
    const place = this.#place(name);
    const inode = found(place, name);
    refuseLink(inode, name);
    if (inode.type !== "directory") throw failure("not-a-directory", name);
    if (inode.names.size > 0) throw failure("not-empty", name);
    this.#record([change(place, undefined)]);
  }

  async syncDirectory(name: string): Promise<void> {
    this.#journal.sync(this.#directory(name));
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#place(from);
    const target = this.#place(to);
    const inode = found(source, from);
    refuseLink(inode, from);
    if (target.inode !== undefined) refuseLink(target.inode, to);
    refuseNesting(from, to);
    // As POSIX has it: two names of one file both stay.
    if (target.inode === inode) return;
    refuseUnlike(inode, target.inode, to);
    this.#record([change(source, undefined), change(target, inode)]);
  }

  async link(from: string, to: string): Promise<void> {
    const inode = found(this.#place(from), from);
    refuseLink(inode, from);
    if (inode.type !== "file") throw failure("not-a-file", from);
    const target = this.#place(to);
    refuseTaken(target, to);
    this.#record([change(target, inode)]);
  }

  async remove(name: string): Promise<void> {
    const place = this.#place(name);
    const inode = found(place, name);
    refuseLink(inode, name);
    if (inode.type === "directory") throw failure("not-a-file", name);
    this.#record([change(place, undefined)]);
  }

  openSource(path: string, marker: string): Promise<SourceDirectory> {
    return openMemorySource(this, path, marker);
  }

  async capacity(): Promise<{ totalBytes: number; freeBytes: number }> {
    return { totalBytes: this.#totalBytes, freeBytes: Math.max(0, this.#totalBytes - this.#usedBytes) };
  }

  // For the simulator.
  /** The process ends: the files it had open are closed, nothing visible is lost. */
  kill(): void {
    this.#process++;
    this.#recount();
  }

  /** As kill(), and what was not synced is lost or survives by chance, step by step, block by block. */
  powerCut(random: Random): void {
    this.#process++;
    this.#journal.powerCut(random);
    for (const inode of this.#unsynced) tear(inode, random);
    this.#unsynced.clear();
    this.#recount();
  }

  /** A sync fails: what was not synced is lost with the power, however often it is synced again (S4). */
  failSync(name: string): void {
    const { inode } = this.#place(name);
    if (inode?.type === "file") inode.syncFailed = inode.syncedBytes < inode.sizeBytes;
  }

  /** Another size of the disk. When it is less than what is there, the disk is full. */
  setCapacity(totalBytes: number): void {
    this.#totalBytes = totalBytes;
  }

  /** Flips one bit of a file, durably and without a trace in its times. Answers false when there is no such bit. */
  corrupt(name: string, bitOffset: number): boolean {
    const { inode } = this.#place(name);
    const byteOffset = Math.floor(bitOffset / 8);
    if (inode?.type !== "file" || byteOffset >= inode.sizeBytes) return false;
    inode.buffer[byteOffset]! ^= 1 << (bitOffset % 8);
    return true;
  }

  /** All that is there, by name. */
  tree(): TreeEntry[] {
    return treeOf(this.#root).filter(({ name }) => name !== OUTSIDE && !name.startsWith(`${OUTSIDE}/`));
  }

  /** All that is in a directory outside of the data directory, by name. */
  treeOutside(path: string): TreeEntry[] {
    return treeOf(this.#directory(outsideName(path)));
  }

  // An operator's hands: durable at once. Directories on the way are made.

  /** A new file takes the place of what is there; `inPlace` rewrites the file that is there, under all its names. */
  writeExternally(name: string, bytes: Bytes, options: { readonly inPlace?: boolean } = {}): void {
    const place = this.#placeExternally(name);
    if (place.inode?.type === "directory") throw failure("not-a-file", name);
    const inode =
      options.inPlace === true && place.inode?.type === "file" ? place.inode : newFile(this.#nextInode(), this.#now());
    this.#usedBytes += bytes.length - inode.sizeBytes;
    inode.sizeBytes = 0;
    append(inode, bytes);
    inode.syncedBytes = inode.sizeBytes;
    inode.syncFailed = false;
    inode.modifiedNs = this.#now();
    this.#unsynced.delete(inode);
    if (place.inode !== inode) this.#recordExternally(place, inode);
  }

  makeDirectoryExternally(name: string): void {
    const place = this.#placeExternally(name);
    if (place.inode === undefined) this.#recordExternally(place, newDirectory(this.#nextInode(), this.#now()));
  }

  /** Puts a symbolic link or another thing that is no file there. */
  plantExternally(name: string, type: "symlink" | "other"): void {
    const place = this.#placeExternally(name);
    this.#recordExternally(place, { type, number: this.#nextInode(), modifiedNs: this.#now() });
  }

  /** Removes a file, or a directory with all that is in it. Answers false when nothing was there. */
  removeExternally(name: string): boolean {
    const place = this.#place(name);
    if (place.inode === undefined) return false;
    this.#recordExternally(place, undefined);
    if (place.inode.type === "directory") walk(place.inode, "", (_name, inode) => this.#unlink(inode));
    return true;
  }

  renameExternally(from: string, to: string): void {
    const source = this.#place(from);
    const inode = found(source, from);
    const target = this.#placeExternally(to);
    this.#record([change(source, undefined), change(target, inode)]);
    this.#journal.sync(target.directory);
  }

  #placeExternally(name: string): Place {
    const segments = segmentsOf(name);
    for (let depth = 1; depth < segments.length; depth++) {
      const place = this.#place(segments.slice(0, depth).join("/"));
      if (place.inode === undefined) this.#recordExternally(place, newDirectory(this.#nextInode(), this.#now()));
    }
    return this.#place(name);
  }

  #recordExternally(place: Place, after: Inode | undefined): void {
    this.#record([change(place, after)]);
    this.#journal.sync(place.directory);
  }

  #writable(inode: FileInode): WritableFile {
    const handle = this.#handle(inode);
    return {
      write: async (chunk) => {
        handle.check();
        const fittingBytes = Math.max(0, Math.min(chunk.length, this.#totalBytes - this.#usedBytes));
        append(inode, chunk.subarray(0, fittingBytes));
        this.#usedBytes += fittingBytes;
        inode.modifiedNs = this.#now();
        this.#unsynced.add(inode);
        if (fittingBytes < chunk.length) throw new FileStoreError("no-space", "the disk is full");
      },
      sync: handle.sync,
      stat: handle.stat,
      close: handle.close,
    };
  }

  #readable(inode: FileInode): ReadableFile {
    const handle = this.#handle(inode);
    return {
      read: async (buffer, position) => {
        handle.check();
        const bytes = contentOf(inode).subarray(position, position + buffer.length);
        buffer.set(bytes);
        return bytes.length;
      },
      sync: handle.sync,
      stat: handle.stat,
      close: handle.close,
    };
  }

  #handle(inode: FileInode) {
    const process = this.#process;
    let isOpen = true;
    const check = (): void => {
      if (!isOpen || process !== this.#process) throw new FileStoreError("io", "the file is closed");
    };
    inode.openHandles++;
    return {
      check,
      sync: async (): Promise<void> => {
        check();
        if (syncContent(inode)) this.#unsynced.delete(inode);
      },
      stat: async (): Promise<FileStat> => {
        check();
        return statOf(inode);
      },
      close: async (): Promise<void> => {
        if (!isOpen || process !== this.#process) return;
        isOpen = false;
        inode.openHandles--;
        this.#freeWhenUnused(inode);
      },
    };
  }

  #record(changes: readonly NameChange[]): void {
    this.#journal.record(changes);
    for (const { after } of changes) if (after?.type === "file") after.links++;
    for (const { before } of changes) if (before !== undefined) this.#unlink(before);
  }

  #unlink(inode: Inode): void {
    if (inode.type !== "file") return;
    inode.links--;
    this.#freeWhenUnused(inode);
  }

  #freeWhenUnused(inode: FileInode): void {
    if (inode.links === 0 && inode.openHandles === 0) this.#usedBytes -= inode.sizeBytes;
  }

  #recount(): void {
    this.#usedBytes = recount(this.#root);
  }

  #directory(name: string): DirectoryInode {
    if (name === "") return this.#root;
    const inode = found(this.#place(name), name);
    refuseLink(inode, name);
    if (inode.type !== "directory") throw failure("not-a-directory", name);
    return inode;
  }

  /** @throws FileStoreError when an ancestor is missing, a link or no directory, or a segment is too long */
  #place(name: string): Place {
    const segments = segmentsOf(name);
    const last = segments.pop()!;
    let directory = this.#root;
    for (const segment of segments) {
      const inode = lookUp(directory, segment, name);
      if (inode === undefined) throw failure("missing", name);
      refuseLink(inode, name);
      if (inode.type !== "directory") throw failure("not-a-directory", name);
      directory = inode;
    }
    return { directory, name: last, inode: lookUp(directory, last, name) };
  }

  #nextInode(): number {
    return ++this.#inodeCount;
  }

  #now(): bigint {
    this.#timeCount++;
    if (this.#clock === undefined) return this.#timeCount;
    // The count keeps two changes within a simulated millisecond apart, as a real clock would.
    return BigInt(Math.floor(this.#clock.wall())) * NANOSECONDS_PER_MS + (this.#timeCount % NANOSECONDS_PER_MS);
  }
}
