/** Small steps on the data directory that several parts take. */
import type { CopyRow } from "../../core/catalog/rows.ts";
import { type FileStat, type FileStore, FileStoreError, type FileStoreErrorCode } from "../../ports/file-store.ts";
import { directoryOf, STATE_DIRECTORY } from "./layout.ts";

export async function removeQuietly(files: FileStore, name: string): Promise<void> {
  await files.remove(name).catch((error: unknown) => {
    if (!(error instanceof FileStoreError)) throw error;
  });
}

/** Whether the disk failed in one of these ways. */
export function isDiskError(error: unknown, ...codes: FileStoreErrorCode[]): boolean {
  return error instanceof FileStoreError && codes.includes(error.code);
}

/** Whether a file cannot have a name for what is on the way to it, or in its place: it lies aside (S7). */
export function cannotHold(error: unknown): boolean {
  return isDiskError(error, "not-a-directory", "not-a-file", "too-long", "symlink", "exists", "other-device");
}

/** What lies on another file system that is mounted in the data directory cannot be set aside, and stays. @throws any other error */
export function unlessElsewhere(error: unknown): void {
  if (!isDiskError(error, "other-device")) throw error;
}

export async function syncIfThere(files: FileStore, directory: string): Promise<void> {
  try {
    await files.syncDirectory(directory);
  } catch (error) {
    // Where a copy was to lie, but never did, something else may be on the way.
    if (!isDiskError(error, "missing", "not-a-directory", "symlink", "too-long")) throw error;
  }
}

/** What lies at a name; undefined also where its path leads through something that is no directory. */
export async function statOrNothing(files: FileStore, name: string): Promise<FileStat | undefined> {
  try {
    return await files.stat(name);
  } catch (error) {
    if (isDiskError(error, "not-a-directory", "symlink", "too-long")) return undefined;
    throw error;
  }
}

/**
 * Makes directories, each durable in the one above it. Who finds a directory that another has just made waits until that
 * one's name is durable, since what is put into it is no safer (P3).
 */
export class DirectoryMaker {
  readonly #files: FileStore;
  readonly #making = new Map<string, Promise<void>>();

  constructor(files: FileStore) {
    this.#files = files;
  }

  /** Resolves when the directory and its ancestors are there, durably. @throws FileStoreError `not-a-directory`, … */
  async make(directory: string): Promise<void> {
    if (directory === "") return;
    const making = this.#making.get(directory) ?? this.#begin(directory);
    await making;
  }

  #begin(directory: string): Promise<void> {
    const making = this.#make(directory).finally(() => this.#making.delete(directory));
    this.#making.set(directory, making);
    return making;
  }

  async #make(directory: string): Promise<void> {
    const found = await this.#files.stat(directory);
    if (found?.type === "directory") return;
    if (found !== undefined) throw new FileStoreError("not-a-directory", "a file lies where a directory should be");
    await this.make(directoryOf(directory));
    try {
      await this.#files.makeDirectory(directory);
    } catch (error) {
      if (!isDiskError(error, "exists")) throw error;
    }
    await this.#files.syncDirectory(directoryOf(directory));
  }
}

/** Removes a directory that has become empty, and those above it, but not the data directory. */
export async function removeEmptyDirectories(files: FileStore, directory: string): Promise<void> {
  for (let name = directory; name !== ""; name = directoryOf(name)) {
    try {
      await files.removeDirectory(name);
    } catch {
      return; // Not empty, gone already, or not removable: it may stay.
    }
  }
}

/** Whether the name of what lies there may be another's for the disk: it takes names for equal that differ by case or Unicode form. */
export async function isAmbiguous(files: FileStore, name: string, { inode }: FileStat): Promise<boolean> {
  if (await isCaseBlind(files)) return true;
  // A directory may be blind where the one above it is not.
  const segments = name.split("/");
  for (const [i, segment] of segments.entries()) {
    for (const form of formsOf(segment)) {
      if ((await statOrNothing(files, segments.with(i, form).join("/")))?.inode === inode) return true;
    }
  }
  return false;
}

async function isCaseBlind(files: FileStore): Promise<boolean> {
  const [own, other] = [await files.stat(STATE_DIRECTORY), await files.stat(STATE_DIRECTORY.toUpperCase())];
  return other !== undefined && other.inode === own?.inode;
}

/** The same name as disks that are blind may take it. */
function formsOf(name: string): Set<string> {
  const forms = new Set([name.toUpperCase(), name.toLowerCase(), name.normalize("NFC"), name.normalize("NFD")]);
  forms.delete(name);
  return forms;
}

/** Whether a file is listed under this very name. */
export async function isListed(files: FileStore, name: string): Promise<boolean> {
  if (name === "") return true;
  const directory = directoryOf(name);
  const last = name.slice(directory === "" ? 0 : directory.length + 1);
  for await (const batch of files.listInBatches(directory)) {
    if (batch.some((entry) => entry.name === last)) return await isListed(files, directory);
  }
  return false;
}

/** An edit in place leaves the inode and makes the file another's all the same (S8). */
export function isFileOf(copy: CopyRow, stat: FileStat): boolean {
  return stat.inode === copy.inode && stat.sizeBytes === copy.sizeBytes && stat.modifiedNs === copy.modifiedNs;
}

/** A crash may have left a file with both its old name and its new; rename(2) would keep both. (Or they are one to the disk.) */
export async function renameOver(files: FileStore, from: string, to: string, copy: CopyRow): Promise<void> {
  if (from === to) return;
  const found = await statOrNothing(files, to);
  if (found?.type === "file" && isFileOf(copy, found) && found.links > 1) await files.remove(from);
  else await files.rename(from, to);
}

/** What has the new name already is this file, by a crash; or one that was dropped, before the version came here again. */
export async function linkOver(files: FileStore, from: string, to: string, copy: CopyRow): Promise<void> {
  try {
    return await files.link(from, to);
  } catch (error) {
    if (!isDiskError(error, "exists")) throw error;
  }
  const found = await statOrNothing(files, to);
  if (found !== undefined && isFileOf(copy, found)) return;
  await files.remove(to);
  await files.link(from, to);
}
