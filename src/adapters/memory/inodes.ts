/**
 * What the file store in memory is made of: files, directories and links as inodes, apart from their names, and what of
 * them a power cut leaves.
 *
 * A file's content is durable up to its last sync. Names are durable by operation: creating, linking, removing or
 * renaming is one step of a journal, whole or not at all, as ext4, xfs and btrfs keep it. Syncing a directory makes
 * durable every step that touched it, and the earlier steps those rest on. No other order between steps is promised, so
 * after a power cut any of the steps that were not synced may be missing, whatever came after.
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FileStat, FileType } from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";

export interface FileInode {
  readonly type: "file";
  readonly number: number;
  /** Larger than the content, so that appending is cheap. */
  buffer: Uint8Array;
  sizeBytes: number;
  syncedBytes: number;
  modifiedNs: bigint;
  links: number;
  openHandles: number;
  /** A sync failed: the kernel has dropped what was not written, and later syncs succeed without it. */
  syncFailed: boolean;
}

export interface DirectoryInode {
  readonly type: "directory";
  readonly number: number;
  modifiedNs: bigint;
  readonly names: Map<string, Inode>;
  /** What a power cut leaves at least, and at most but for the journal. */
  readonly durableNames: Map<string, Inode>;
  durableParent: DirectoryInode | undefined;
}

/** A symbolic link or a thing that is no file: it is there, and nothing can be done with it. */
export interface OtherInode {
  readonly type: Exclude<FileType, "file" | "directory">;
  readonly number: number;
  modifiedNs: bigint;
}

export type Inode = FileInode | DirectoryInode | OtherInode;

/** One name that is given, taken away or given to something else. */
export interface NameChange {
  readonly directory: DirectoryInode;
  readonly name: string;
  readonly before: Inode | undefined;
  readonly after: Inode | undefined;
}

interface Step {
  readonly changes: readonly NameChange[];
  synced: boolean;
}

/** Beyond so many steps the older half becomes durable by itself, as a kernel writes back after some seconds. */
const STEPS_MAX = 512;
/** Content that was not synced survives or is zeros by blocks of this size. */
const TORN_BLOCK_BYTES = 512;

export function newFile(number: number, modifiedNs: bigint): FileInode {
  const buffer = new Uint8Array(0);
  return {
    type: "file",
    number,
    buffer,
    sizeBytes: 0,
    syncedBytes: 0,
    modifiedNs,
    links: 0,
    openHandles: 0,
    syncFailed: false,
  };
}

export function newDirectory(number: number, modifiedNs: bigint): DirectoryInode {
  return {
    type: "directory",
    number,
    modifiedNs,
    names: new Map(),
    durableNames: new Map(),
    durableParent: undefined,
  };
}

/** The content itself, not a copy. */
export function contentOf(inode: FileInode): Bytes {
  return inode.buffer.subarray(0, inode.sizeBytes);
}

export function append(inode: FileInode, chunk: Bytes): void {
  const sizeBytes = inode.sizeBytes + chunk.length;
  if (sizeBytes > inode.buffer.length) {
    const larger = new Uint8Array(Math.max(sizeBytes, inode.buffer.length * 2));
    larger.set(contentOf(inode));
    inode.buffer = larger;
  }
  inode.buffer.set(chunk, inode.sizeBytes);
  inode.sizeBytes = sizeBytes;
}

/** Makes the content durable; answers whether it is now. */
export function syncContent(inode: FileInode): boolean {
  if (!inode.syncFailed) inode.syncedBytes = inode.sizeBytes;
  return !inode.syncFailed;
}

/** What a power cut makes of content that was not synced: a prefix of it, some of its blocks never written. */
export function tear(inode: FileInode, random: Random): void {
  const unsyncedBytes = inode.sizeBytes - inode.syncedBytes;
  inode.sizeBytes = inode.syncedBytes + Math.floor(random.fraction() * (unsyncedBytes + 1));
  for (let start = inode.syncedBytes; start < inode.sizeBytes; start += TORN_BLOCK_BYTES) {
    const end = Math.min(start + TORN_BLOCK_BYTES, inode.sizeBytes);
    if (random.fraction() < 0.3) inode.buffer.fill(0, start, end);
  }
  inode.syncedBytes = inode.sizeBytes;
  inode.syncFailed = false;
}

/** The steps on names that are not durable yet, oldest first. */
export class NameJournal {
  readonly #root: DirectoryInode;
  #steps: Step[] = [];

  constructor(root: DirectoryInode) {
    this.#root = root;
  }

  /** Makes the changes visible, as one step. */
  record(changes: readonly NameChange[]): void {
    for (const { directory, name, after } of changes) setName(directory.names, name, after);
    this.#steps.push({ changes, synced: false });
    if (this.#steps.length > STEPS_MAX) this.#writeBack();
  }

  sync(directory: DirectoryInode): void {
    const needed = new Map<DirectoryInode, Set<string>>();
    for (const step of this.#steps.toReversed()) {
      if (!step.synced && !step.changes.some((change) => change.directory === directory || isIn(needed, change)))
        continue;
      step.synced = true;
      for (const change of step.changes) addTo(needed, change);
    }
    this.#settle((step) => step.synced);
  }

  /** Leaves what was synced, and by chance more; afterwards all that is there is durable. */
  powerCut(random: Random): void {
    const touched = new Set(this.#steps.flatMap((step) => step.changes.map((change) => change.directory)));
    const survivalChance = random.fraction();
    this.#settle((step) => step.synced || random.fraction() < survivalChance);
    this.#steps = [];
    for (const directory of touched) {
      directory.names.clear();
      for (const [name, inode] of directory.durableNames) directory.names.set(name, inode);
    }
  }

  #writeBack(): void {
    for (const step of this.#steps.slice(0, STEPS_MAX / 2)) step.synced = true;
    this.#settle((step) => step.synced);
  }

  /** Makes durable the chosen steps that can be: their directories are, and nothing they rest on is missing. */
  #settle(isChosen: (step: Step) => boolean): void {
    this.#steps = this.#steps.filter((step) => {
      if (!isChosen(step) || !step.changes.every((change) => this.#canSettle(change))) return true;
      for (const change of step.changes) settle(change);
      return false;
    });
  }

  #canSettle({ directory, name, before, after }: NameChange): boolean {
    return directory.durableNames.get(name) === before && this.#isDurable(directory, after);
  }

  /** Whether a directory is there after a power cut, and not inside of `moved`, which is to go into it. */
  #isDurable(directory: DirectoryInode, moved: Inode | undefined): boolean {
    let ancestor: DirectoryInode | undefined = directory;
    while (ancestor !== undefined && ancestor !== this.#root && ancestor !== moved) ancestor = ancestor.durableParent;
    return ancestor === this.#root;
  }
}

function settle({ directory, name, before, after }: NameChange): void {
  setName(directory.durableNames, name, after);
  if (before?.type === "directory" && before.durableParent === directory) before.durableParent = undefined;
  if (after?.type === "directory") after.durableParent = directory;
}

function setName(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(name);
  else names.set(name, inode);
}

function isIn(needed: Map<DirectoryInode, Set<string>>, { directory, name }: NameChange): boolean {
  return needed.get(directory)?.has(name) === true;
}

function addTo(needed: Map<DirectoryInode, Set<string>>, { directory, name }: NameChange): void {
  const names = needed.get(directory);
  if (names === undefined) needed.set(directory, new Set([name]));
  else names.add(name);
}

/** Visits all that lies in a directory, by name. */
export function walk(directory: DirectoryInode, prefix: string, visit: (name: string, inode: Inode) => void): void {
  for (const [name, inode] of directory.names) {
    visit(prefix + name, inode);
    if (inode.type === "directory") walk(inode, `${prefix}${name}/`, visit);
  }
}

/** Counts links from what is there, no file being open. Answers the bytes of it. */
export function recount(root: DirectoryInode): number {
  const files = new Map<FileInode, number>();
  walk(root, "", (_name, inode) => {
    if (inode.type === "file") files.set(inode, (files.get(inode) ?? 0) + 1);
  });
  let usedBytes = 0;
  for (const [inode, links] of files) {
    inode.links = links;
    inode.openHandles = 0;
    usedBytes += inode.sizeBytes;
  }
  return usedBytes;
}

/** What a stat of the inode tells. */
export function statOf(inode: Inode): FileStat {
  const file = inode.type === "file" ? inode : undefined;
  return {
    type: inode.type,
    sizeBytes: file?.sizeBytes ?? 0,
    inode: inode.number,
    modifiedNs: BigInt.asIntN(64, inode.modifiedNs), // As on a disk.
    changedNs: inode.modifiedNs,
    device: 1,
    links: file?.links ?? 1,
  };
}

/** Something below the data directory, for oracles. */
export interface TreeEntry {
  readonly name: string;
  readonly type: FileType;
  readonly stat: FileStat;
  /** The content itself, not a copy: to be looked at at once. Empty for what is no file. */
  readonly content: Bytes;
}

/** All that is in a directory, by name. */
export function treeOf(directory: DirectoryInode): TreeEntry[] {
  const entries: TreeEntry[] = [];
  walk(directory, "", (name, inode) => {
    const content = inode.type === "file" ? contentOf(inode) : new Uint8Array(0);
    entries.push({ name, type: inode.type, stat: statOf(inode), content });
  });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
