/**
 * The data directory on a disk. Each call is one step on the file system, made below a directory that directories.ts
 * has reached without following a link. Regular files are opened without waiting (O_NONBLOCK), so that a FIFO that
 * somebody left there hangs nobody.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync } from "node:fs";
import { link, lstat, mkdir, opendir, readdir, rename, rmdir, statfs, unlink } from "node:fs/promises";
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
import { look, lookAtOnce, openFile, syncFile } from "./calls.ts";
import { type Directories, openDirectories } from "./directories.ts";
import { changeFailureOf, failure, failureOf, systemCode } from "./failures.ts";
import { ReadableDiskFile, statOf, typeOf, WritableDiskFile } from "./files.ts";
import { RecentNames } from "./recent.ts";
import { SharedSyncs } from "./shared-syncs.ts";
import { openDiskSource } from "./sources.ts";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const APPEND = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const LIST = constants.O_RDONLY | constants.O_DIRECTORY;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface DiskFileStoreOptions {
  /** False: do without /proc, as on other systems than Linux. */
  readonly procfs?: boolean;
}

/** @throws FileStoreError `missing`, `not-a-directory`, … when `root` is no directory that can be used */
export async function openDiskFileStore(root: string, options: DiskFileStoreOptions = {}): Promise<DiskFileStore> {
  try {
    const stats = await lstat(`${root}/.`);
    if (!stats.isDirectory()) throw failure("not-a-directory", root);
    return new DiskFileStore(openDirectories(root, { procfs: options.procfs ?? true }), options);
  } catch (error) {
    throw failureOf(error, root);
  }
}

/** Below one root; `sources.ts` has another one for a directory that files are taken over from. */
export class DiskFileStore implements FileStore {
  readonly #directories: Directories;
  readonly #options: DiskFileStoreOptions;
  readonly #syncs = new SharedSyncs((name) => this.#syncDirectory(name));
  readonly #recent = new RecentNames();

  constructor(directories: Directories, options: DiskFileStoreOptions = {}) {
    this.#directories = directories;
    this.#options = options;
  }

  /** Nothing can be done with it any more; what is under way is finished. */
  close(): void {
    this.#directories.close();
  }

  create(name: string): Promise<WritableFile> {
    return this.#change(name, async (path) => {
      const descriptor = await this.#insteadOfWhatExists(path, name, () => openFile(path, CREATE));
      this.#recent.add(name);
      return new WritableDiskFile(descriptor, name);
    });
  }

  append(name: string): Promise<WritableFile> {
    return this.#change(name, async (path) => {
      await this.#refuseLink(path, name);
      const descriptor = await openFile(path, APPEND);
      const stats = fstatSync(descriptor);
      if (stats.isFile()) return new WritableDiskFile(descriptor, name, stats.size);
      closeSync(descriptor);
      throw failure("not-a-file", name);
    });
  }

  async open(name: string): Promise<ReadableFile> {
    if (name === "") throw failure("not-a-file", name);
    return this.#at(name, async (path) => {
      const descriptor = await openFile(path, READ);
      if (fstatSync(descriptor).isFile()) return new ReadableDiskFile(descriptor, name);
      closeSync(descriptor);
      throw failure("not-a-file", name);
    });
  }

  async stat(name: string): Promise<FileStat | undefined> {
    try {
      if (name === "")
        return await this.#within(name, async (path) => statOf(await lstat(`${path}/.`, { bigint: true })));
      return await this.#at(name, async (path) => {
        const stats = await this.#look(path, name);
        return stats && statOf(stats);
      });
    } catch (error) {
      if (error instanceof FileStoreError && (error.code === "missing" || error.code === "not-a-directory")) {
        return undefined;
      }
      throw error;
    }
  }

  list(name: string): Promise<DirectoryEntry[]> {
    return this.#within(name, async (path) => {
      const entries = await readdir(path, { withFileTypes: true, encoding: "buffer" });
      return entries.map((entry) => entryOf(entry.name, typeOf(entry)));
    });
  }

  async *listInBatches(name: string): AsyncGenerator<DirectoryEntry[]> {
    // What has been opened stays this directory, whatever becomes of the way to it.
    const options = { encoding: "latin1", bufferSize: LIST_BATCH } as const; // One character a byte.
    const directory = await this.#within(name, (path) => opendir(path, options));
    let batch: DirectoryEntry[] = [];
    for await (const entry of directory) {
      batch.push(entryOf(Buffer.from(entry.name, "latin1"), typeOf(entry)));
      if (batch.length < LIST_BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  makeDirectory(name: string): Promise<void> {
    return this.#change(name, (path) => this.#insteadOfWhatExists(path, name, () => mkdir(path)));
  }

  removeDirectory(name: string): Promise<void> {
    return this.#change(name, async (path) => {
      try {
        await rmdir(path);
      } catch (error) {
        if (systemCode(error) === "ENOTDIR") await this.#refuseLink(path, name);
        throw error;
      }
    });
  }

  syncDirectory(name: string): Promise<void> {
    return this.#syncs.sync(name);
  }

  #syncDirectory(name: string): Promise<void> {
    return this.#within(name, async (path) => {
      const descriptor = openSync(path, LIST); // Whoever leads here has just looked it up.
      try {
        await syncFile(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#change(from, (fromPath) =>
      this.#change(to, async (toPath) => {
        await this.#refuseLink(fromPath, from);
        await this.#refuseLink(toPath, to, { mayBeMissing: true });
        await rename(fromPath, toPath);
        this.#recent.add(to);
      }),
    );
  }

  link(from: string, to: string): Promise<void> {
    return this.linkTo(from, this, to);
  }

  /** Gives a file a second name in another store of the same file system. */
  linkTo(from: string, other: DiskFileStore, to: string): Promise<void> {
    return this.#change(from, async (fromPath) => {
      const stats = await this.#refuseLink(fromPath, from);
      if (stats?.isFile() === false) throw failure("not-a-file", from);
      await other.#change(to, (toPath) => other.#insteadOfWhatExists(toPath, to, () => link(fromPath, toPath)));
    });
  }

  async openSource(path: string, marker: string): Promise<SourceDirectory> {
    return await openDiskSource(this, this.#directories.realRoot(), {
      path,
      marker,
      procfs: this.#options.procfs ?? true,
    });
  }

  remove(name: string): Promise<void> {
    return this.#change(name, async (path) => {
      const stats = await this.#refuseLink(path, name);
      if (stats?.isDirectory() === true) throw failure("not-a-file", name);
      await unlink(path);
    });
  }

  async capacity(): Promise<{ totalBytes: number; freeBytes: number }> {
    return this.#within("", async (path) => {
      const { blocks, bavail, bsize } = await statfs(path);
      return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
    });
  }

  async #within<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    if (name !== "") checkName(name);
    try {
      return await this.#directories.within(name, use);
    } catch (error) {
      throw failureOf(error, name);
    }
  }

  /** Calls `use` with a path to `name`, whose last segment may be anything. */
  async #at<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    checkName(name);
    const slash = name.lastIndexOf("/");
    const directory = name.slice(0, Math.max(0, slash));
    return this.#within(directory, (path) => use(`${path}/${name.slice(slash + 1)}`));
  }

  async #insteadOfWhatExists<T>(path: string, name: string, make: () => Promise<T>): Promise<T> {
    try {
      return await make();
    } catch (error) {
      if (systemCode(error) === "EEXIST") await this.#refuseLink(path, name, { mayBeMissing: true });
      throw error;
    }
  }

  async #refuseLink(path: string, name: string, options: { readonly mayBeMissing?: boolean } = {}) {
    const stats = await this.#look(path, name);
    if (stats?.isSymbolicLink()) throw failure("symlink", name);
    if (stats === undefined && options.mayBeMissing !== true) throw failure("missing", name);
    return stats;
  }

  /** Without another thread where the kernel need not ask the disk. */
  async #look(path: string, name: string): Promise<BigIntStats | undefined> {
    if (this.#recent.has(name)) return lookAtOnce(path);
    const stats = await look(path);
    this.#recent.add(name);
    return stats;
  }

  #change<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    return this.#at(name, (path) =>
      use(path).catch((error: unknown) => {
        throw changeFailureOf(error, name);
      }),
    );
  }
}

/** The path rules are kept long before (S7). This is the last fence: a bug must not leave the data directory. */
function checkName(name: string): void {
  for (const segment of name.split("/")) {
    if (segment === "" || segment === "." || segment === ".." || segment.includes("\0")) {
      throw new RangeError(`not a name inside the data directory: ${JSON.stringify(name)}`);
    }
  }
}

/** What has a name that is no UTF-8 cannot be named here; it is told as something that is no file. */
function entryOf(name: Buffer, type: DirectoryEntry["type"]): DirectoryEntry {
  try {
    return { name: decoder.decode(name), type };
  } catch {
    return { name: name.toString("utf8"), type: "other" };
  }
}
