/**
 * Going to a directory inside the data directory without following a symbolic link (S7).
 *
 * Node has no openat(2), and O_NOFOLLOW guards the last segment only. On Linux a directory is opened as a mere place
 * (O_PATH), the kernel is asked which path it really has (/proc/self/fd), and the caller works below that descriptor,
 * which stays on this directory whatever is renamed or linked meanwhile. The data directory itself is held open as well,
 * so that one unmounted under a running server is not mistaken for the empty directory beneath it (S9).
 *
 * Elsewhere, or without /proc, each ancestor is looked at first. Between that look and the call somebody with access to
 * the data directory could slip a link in.
 */
import { closeSync, constants, open as openCallback, openSync, readlinkSync, realpathSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { promisify } from "node:util";
import type { FileStoreError } from "../../ports/file-store.ts";
import { failure, failureOf, systemCode } from "./failures.ts";

export interface Directories {
  /** Calls `use` with a path that leads to the directory `name`, and to nothing else, until it has settled. */
  within<T>(name: string, use: (path: string) => Promise<T>): Promise<T>;
  /** The root's own path now, with no link in it. */
  realRoot(): string;
  /** Lets go of the root, as soon as nobody works in it: its descriptor may be that of another directory then. */
  close(): void;
}

export interface DirectoriesOptions {
  /** Use /proc where it is there. */
  readonly procfs: boolean;
}

const openDescriptor = promisify(openCallback);

/** Node does not name it. The value of all architectures that Node 24 has Linux builds for. */
const O_PATH = 0o10000000;
const PLACE = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** How often to look again when an ancestor is being renamed under our feet. */
const TRIES_MAX = 5;
/** Directories that stay open when nobody works in them: settling a file comes back to its own for each step. */
const IDLE_MAX = 32;

/** @throws the system's error when there is no such directory */
export function openDirectories(root: string, options: DirectoriesOptions): Directories {
  const realRoot = realpathSync(root);
  if (process.platform !== "linux" || !options.procfs) return new CheckedDirectories(realRoot);
  const descriptor = openSync(realRoot, PLACE);
  if (pathOf(descriptor) === undefined) {
    closeSync(descriptor);
    return new CheckedDirectories(realRoot);
  }
  return new PlacedDirectories(descriptor);
}

/** An open directory, for all who work in it at the same time, and for who does so soon after. */
interface Place {
  readonly descriptor: number;
  users: number;
}

class PlacedDirectories implements Directories {
  readonly #root: number;
  /** Who works in it, or below. */
  #users = 0;
  #isClosed = false;
  #rootPath: string | undefined;
  /** The last one opened of each name. */
  readonly #places = new Map<string, Place>();
  /** Names of those that nobody works in, the one left last at the end. */
  readonly #idle = new Set<string>();

  constructor(root: number) {
    this.#root = root;
  }

  async within<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error("the directory is closed");
    this.#users += 1;
    try {
      return await (name === "" ? use(linkOf(this.#root)) : this.#withinPlace(name, use));
    } finally {
      this.#users -= 1;
      if (this.#isClosed) this.#closeUnused();
    }
  }

  async #withinPlace<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    const place = this.#shared(name) ?? (await this.#open(name));
    try {
      return await use(linkOf(place.descriptor));
    } finally {
      this.#leave(name, place);
    }
  }

  /** One that is open, if it still is what has this name: asking the kernel costs less than opening another. */
  #shared(name: string): Place | undefined {
    const place = this.#places.get(name);
    if (place === undefined) return undefined;
    if (!this.#isNamed(place.descriptor, name)) {
      this.#forget(name);
      return undefined;
    }
    this.#idle.delete(name);
    place.users += 1;
    return place;
  }

  #leave(name: string, place: Place): void {
    place.users -= 1;
    if (place.users > 0) return;
    if (this.#places.get(name) !== place) {
      closeNow(place);
      return;
    }
    this.#idle.add(name);
    const [oldest] = this.#idle;
    if (this.#idle.size > IDLE_MAX && oldest !== undefined) this.#forget(oldest);
  }

  /** Nobody comes to it any more; who works in it closes it. */
  #forget(name: string): void {
    const place = this.#places.get(name);
    this.#places.delete(name);
    if (this.#idle.delete(name) && place !== undefined) closeNow(place);
  }

  realRoot(): string {
    return pathOf(this.#root) ?? "";
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeUnused();
  }

  #closeUnused(): void {
    for (const name of [...this.#idle]) this.#forget(name);
    if (this.#users === 0) closeSync(this.#root);
  }

  async #open(name: string): Promise<Place> {
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const descriptor = await this.#openOnce(name);
      if (descriptor !== undefined) {
        const place = { descriptor, users: 1 };
        this.#forget(name); // Another may have opened it meanwhile.
        this.#places.set(name, place);
        return place;
      }
      const obstacle = await obstacleOn(linkOf(this.#root), name);
      if (obstacle !== undefined) throw obstacle;
    }
    throw failure("missing", name);
  }

  async #openOnce(name: string): Promise<number | undefined> {
    let descriptor: number;
    try {
      descriptor = await openDescriptor(`${linkOf(this.#root)}/${name}`, PLACE);
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(systemCode(error) ?? "")) return undefined;
      throw failureOf(error, name);
    }
    if (this.#isNamed(descriptor, name)) return descriptor;
    closeSync(descriptor);
    return undefined;
  }

  #isNamed(descriptor: number, name: string): boolean {
    const path = pathOf(descriptor);
    return path !== undefined && path === `${this.#rootPathNow()}/${name}`;
  }

  /** Asked for once in a turn of the event loop. */
  #rootPathNow(): string | undefined {
    if (this.#rootPath !== undefined) return this.#rootPath;
    this.#rootPath = pathOf(this.#root);
    setImmediate(() => {
      this.#rootPath = undefined;
    });
    return this.#rootPath;
  }
}

class CheckedDirectories implements Directories {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async within<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
    if (name === "") return use(this.#root);
    const obstacle = await obstacleOn(this.#root, name);
    if (obstacle !== undefined) throw obstacle;
    return use(`${this.#root}/${name}`);
  }

  realRoot(): string {
    return this.#root;
  }

  close(): void {}
}

/** What stands in the way of going to `name` without following a link; undefined when nothing does. */
async function obstacleOn(root: string, name: string): Promise<FileStoreError | undefined> {
  const segments = name.split("/");
  for (let depth = 1; depth <= segments.length; depth++) {
    const type = await typeOf(`${root}/${segments.slice(0, depth).join("/")}`, name);
    if (type !== "directory") return failure(type, name);
  }
  return undefined;
}

async function typeOf(path: string, name: string): Promise<"directory" | "missing" | "symlink" | "not-a-directory"> {
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return "symlink";
    return stats.isDirectory() ? "directory" : "not-a-directory";
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return "missing";
    // What was a directory a moment ago.
    if (code === "ENOTDIR") return "not-a-directory";
    throw failureOf(error, name);
  }
}

/** Of a place nothing is to be written: this never waits for the disk. */
function closeNow({ descriptor }: Place): void {
  closeSync(descriptor);
}

function linkOf(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

function pathOf(descriptor: number): string | undefined {
  try {
    return readlinkSync(linkOf(descriptor));
  } catch {
    return undefined;
  }
}
