/** Directories of this machine that files are taken over from, in the data directory or beside it. */
import { lstat, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SourceDirectory, SourcePlace } from "../../ports/file-store.ts";
import { type Directories, openDirectories } from "./directories.ts";
import { failure, failureOf, systemCode } from "./failures.ts";
import { DiskFileStore } from "./file-store.ts";

export interface SourceOptions {
  readonly path: string;
  readonly marker: string;
  readonly procfs: boolean;
}

/** @throws FileStoreError `missing`, `not-a-directory`, `symlink`, `denied` */
export async function openDiskSource(
  data: DiskFileStore,
  dataRoot: string,
  { path, marker, procfs }: SourceOptions,
): Promise<SourceDirectory> {
  let directories: Directories | undefined;
  try {
    if ((await realpath(path)) !== path) throw failure("symlink", path);
    if (!(await lstat(path)).isDirectory()) throw failure("not-a-directory", path);
    directories = openDirectories(path, { procfs });
    // What has been opened is what counts, should the path lead elsewhere by now.
    const root = directories.realRoot();
    return new DiskSource(data, directories, await placeOf(root, dataRoot, marker), procfs);
  } catch (error) {
    directories?.close();
    throw failureOf(error, path);
  }
}

class DiskSource implements SourceDirectory {
  readonly place: SourcePlace;
  readonly #data: DiskFileStore;
  readonly #directories: Directories;
  readonly #files: DiskFileStore;

  constructor(data: DiskFileStore, directories: Directories, place: SourcePlace, procfs: boolean) {
    this.place = place;
    this.#data = data;
    this.#directories = directories;
    this.#files = new DiskFileStore(directories, { procfs });
  }

  listInBatches(name: string) {
    return this.#files.listInBatches(name);
  }

  stat(name: string) {
    return this.#files.stat(name);
  }

  open(name: string) {
    return this.#files.open(name);
  }

  linkTo(name: string, to: string): Promise<void> {
    return this.#files.linkTo(name, this.#data, to);
  }

  remove(name: string): Promise<void> {
    return this.#files.remove(name);
  }

  close(): void {
    this.#directories.close();
  }
}

async function placeOf(path: string, dataRoot: string, marker: string): Promise<SourcePlace> {
  if (path === dataRoot) return { kind: "inside", name: "" };
  if (path.startsWith(`${dataRoot}/`)) return { kind: "inside", name: path.slice(dataRoot.length + 1) };
  if (dataRoot.startsWith(path === "/" ? path : `${path}/`)) return { kind: "around" };
  // A bind mount shows the data directory under another name: it has the marker as well.
  for (let directory = path; ; directory = dirname(directory)) {
    if (await exists(join(directory, marker))) return { kind: "foreign" };
    if (directory === dirname(directory)) return { kind: "outside" };
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(systemCode(error) ?? "")) return false;
    throw error;
  }
}
