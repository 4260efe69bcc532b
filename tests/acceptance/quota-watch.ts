/**
 * What a server's data directory takes, looked at from outside all the while: apparent sizes of copies, staged files and
 * trash, which is what its quota counts (S3), and of the plain files alone. A file with two names counts once.
 *
 * A look takes time. Bytes move from staged files to copies, from there into the trash, and are gone; looked at in this
 * order, what was thrown away to make room is never added to what came in its place.
 */
import { lstatSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { RealServer } from "./cluster.ts";

const OWN_DIRECTORY = ".fsdfs";
const EVERY_MS = 100;

export interface QuotaUse {
  readonly name: string;
  readonly quotaBytes: number;
  /** The most in any look, of all that counts and of plain files alone. */
  readonly mostBytes: number;
  readonly mostPlainBytes: number;
  /** Of names that came since `begin`, of plain files. */
  readonly arrivedBytes: number;
  readonly looks: number;
}

interface Seen {
  readonly name: string;
  readonly inode: bigint;
  readonly sizeBytes: number;
}

export class QuotaWatch {
  readonly #server: RealServer;
  readonly #quotaBytes: number;
  readonly #timer: NodeJS.Timeout;
  #names: ReadonlySet<string> = new Set();
  #mostBytes = 0;
  #mostPlainBytes = 0;
  #arrivedBytes = 0;
  #looks = 0;
  #changedAtMs = performance.now();

  constructor(server: RealServer, quotaBytes: number) {
    this.#server = server;
    this.#quotaBytes = quotaBytes;
    this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  /** Counts from now on what arrives. */
  begin(): void {
    this.look();
    this.#arrivedBytes = 0;
  }

  /** Of the plain files in the last look. */
  names(): readonly string[] {
    return [...this.#names];
  }

  look(): void {
    const { data } = this.#server;
    const staged = filesIn(join(data, OWN_DIRECTORY, "staged"));
    const plain = [...filesIn(data, OWN_DIRECTORY)];
    const aside = filesIn(join(data, OWN_DIRECTORY, "side"));
    const trash = filesIn(join(data, OWN_DIRECTORY, "trash"));
    const sizes = new Map<bigint, number>();
    for (const each of [staged, plain, aside, trash].flat()) sizes.set(each.inode, each.sizeBytes);
    const plainSizes = new Map(plain.map(({ inode, sizeBytes }) => [inode, sizeBytes]));
    this.#mostBytes = Math.max(this.#mostBytes, sum(sizes.values()));
    this.#mostPlainBytes = Math.max(this.#mostPlainBytes, sum(plainSizes.values()));
    this.#note(plain);
    this.#looks++;
  }

  /** How long no plain file has come or gone. */
  stillMs(): number {
    return performance.now() - this.#changedAtMs;
  }

  use(): QuotaUse {
    return {
      ...{ name: this.#server.name, quotaBytes: this.#quotaBytes, mostBytes: this.#mostBytes },
      ...{ mostPlainBytes: this.#mostPlainBytes, arrivedBytes: this.#arrivedBytes, looks: this.#looks },
    };
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #note(plain: readonly Seen[]): void {
    const names = new Set(plain.map(({ name }) => name));
    const arrived = plain.filter(({ name }) => !this.#names.has(name));
    if (arrived.length > 0 || names.size !== this.#names.size) this.#changedAtMs = performance.now();
    this.#arrivedBytes += sum(arrived.map(({ sizeBytes }) => sizeBytes));
    this.#names = names;
  }
}

/** Regular files below a directory but for one directory in it; what goes meanwhile is left out. */
function filesIn(directory: string, except?: string): Seen[] {
  const found: Seen[] = [];
  const walk = (at: string): void => {
    for (const entry of quietly(() => readdirSync(at, { withFileTypes: true })) ?? []) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && relative(directory, path) !== except) walk(path);
      const stats = entry.isFile() ? quietly(() => lstatSync(path, { bigint: true })) : undefined;
      if (stats !== undefined)
        found.push({ name: relative(directory, path), inode: stats.ino, sizeBytes: Number(stats.size) });
    }
  };
  walk(directory);
  return found;
}

/** @throws unless it is that something is not there */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
