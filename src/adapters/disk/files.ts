/** Open files of the disk, and what the disk tells of them. */
import { type BigIntStats, closeSync, fstatSync } from "node:fs";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FileStat, FileType, ReadableFile, WritableFile } from "../../ports/file-store.ts";
import { closeFile, readFile, syncFile, writeFile } from "./calls.ts";
import { failure, failureOf } from "./failures.ts";
import { Gathered } from "./gathered.ts";

interface Typed {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

export function typeOf(entry: Typed): FileType {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "symlink" : "other";
}

/** As catalogs keep it: file systems have times beyond 2262, which 64 bits with a sign take for others. */
export function modifiedNsOf({ mtimeNs }: Pick<BigIntStats, "mtimeNs">): bigint {
  return BigInt.asIntN(64, mtimeNs);
}

export function statOf(stats: BigIntStats): FileStat {
  return {
    type: typeOf(stats),
    sizeBytes: Number(stats.size),
    // Overlay and network file systems use all 64 bits. The lower 53 tell files apart, and a number holds them exactly.
    inode: Number(BigInt.asUintN(53, stats.ino)),
    modifiedNs: modifiedNsOf(stats),
    changedNs: stats.ctimeNs,
    device: Number(BigInt.asUintN(53, stats.dev)),
    links: Number(stats.nlink),
  };
}

/** Closing the last of a file that was deleted meanwhile gives its blocks back, which takes no time up to this size. */
const LIGHT_BYTES = 64 * 1024;

class DiskFile {
  protected readonly descriptor: number;
  protected readonly name: string;
  #closing: Promise<void> | undefined;
  /** Calls of other threads: until they are back the descriptor must be this file's. */
  #underWay = 0;
  #whenIdle: (() => void) | undefined;
  protected hasFailed = false;

  constructor(descriptor: number, name: string) {
    this.descriptor = descriptor;
    this.name = name;
  }

  /** The kernel has what is open in memory. */
  stat(): Promise<FileStat> {
    return this.guard(async () => statOf(this.statNow()));
  }

  /** S4: a failed fsync is told once by Linux; the next one would succeed without the bytes being there. */
  sync(): Promise<void> {
    if (this.hasFailed) return Promise.reject(failure("io", `${this.name} could not be synced before`));
    return this.guard(async () => {
      try {
        await syncFile(this.descriptor);
      } catch (error) {
        this.hasFailed = true;
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#guardCall(() => this.end());
    return this.#closing;
  }

  /** What is left to do when nothing more may be asked. */
  protected async end(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    if (this.isQuickToClose()) closeSync(this.descriptor);
    else await closeFile(this.descriptor);
  }

  /** Whether closing it waits for nothing. */
  protected isQuickToClose(): boolean {
    return this.statNow().size <= LIGHT_BYTES;
  }

  protected statNow(): BigIntStats {
    return fstatSync(this.descriptor, { bigint: true });
  }

  protected async guard<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw failure("io", `${this.name} is closed`);
    this.#underWay += 1;
    try {
      return await this.#guardCall(call);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#whenIdle?.();
    }
  }

  async #guardCall<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw failureOf(error, this.name);
    }
  }
}

export class WritableDiskFile extends DiskFile implements WritableFile {
  /** Bytes that the system has, or is about to get. */
  #sizeBytes: number;
  /** The disk has all of them. */
  #isSynced = false;
  readonly #gathered = new Gathered();
  readonly #toSystem: typeof writeFile;

  /**
   * @param sizeBytes what the file holds already
   * @param toSystem hands bytes to the system
   */
  constructor(descriptor: number, name: string, sizeBytes = 0, toSystem = writeFile) {
    super(descriptor, name);
    this.#sizeBytes = sizeBytes;
    this.#toSystem = toSystem;
  }

  /** Small pieces are gathered: handing one to the system costs as much as copying many. */
  write(chunk: Bytes): Promise<void> {
    return this.guard(async () => {
      if (this.#gathered.add(chunk)) return;
      const before = this.#writeGathered();
      if (this.#gathered.add(chunk)) return await before;
      await allBack([before, this.#writeAll(chunk)]);
    });
  }

  override stat(): Promise<FileStat> {
    return this.guard(async () => {
      await this.#writeGathered();
      return statOf(this.statNow());
    });
  }

  override async sync(): Promise<void> {
    await this.guard(() => this.#writeGathered());
    const sizeBytes = this.#sizeBytes;
    await super.sync();
    this.#isSynced = sizeBytes === this.#sizeBytes;
  }

  /** It is closed even if what came last cannot be written. */
  protected override async end(): Promise<void> {
    await this.#writeGathered().finally(() => super.end());
  }

  /** What is not on the disk yet may be waited for. */
  protected override isQuickToClose(): boolean {
    return this.#isSynced;
  }

  async #writeGathered(): Promise<void> {
    const { bytes, giveBack } = this.#gathered.take();
    if (bytes.length > 0) await this.#writeAll(bytes).finally(giveBack);
  }

  async #writeAll(bytes: Bytes): Promise<void> {
    const start = this.#sizeBytes;
    this.#sizeBytes += bytes.length;
    this.#isSynced = false;
    try {
      for (let written = 0; written < bytes.length; ) {
        written += await this.#toSystem(this.descriptor, bytes, written, start + written);
      }
    } catch (error) {
      this.hasFailed = true; // A sync must not succeed without these bytes.
      throw error;
    }
  }
}

/** Waits for all of them, also when one has failed: until then they use the descriptor, which must be this file's. */
async function allBack(calls: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(calls)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

export class ReadableDiskFile extends DiskFile implements ReadableFile {
  read(buffer: Bytes, position: number): Promise<number> {
    return this.guard(async () => {
      let filled = 0;
      while (filled < buffer.length) {
        const count = await readFile(this.descriptor, buffer, filled, position + filled);
        if (count === 0) break;
        filled += count;
      }
      return filled;
    });
  }
}
