/** Open files of the disk, and what the disk tells of them. */
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FileStat, FileType, ReadableFile, WritableFile } from "../../ports/file-store.ts";
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

export function statOf(stats: BigIntStats): FileStat {
  return {
    type: typeOf(stats),
    sizeBytes: Number(stats.size),
    // Overlay and network file systems use all 64 bits. The lower 53 tell files apart, and a number holds them exactly.
    inode: Number(BigInt.asUintN(53, stats.ino)),
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
    device: Number(BigInt.asUintN(53, stats.dev)),
    links: Number(stats.nlink),
  };
}

class DiskFile {
  protected readonly handle: FileHandle;
  protected readonly name: string;
  #closing: Promise<void> | undefined;
  protected hasFailed = false;

  constructor(handle: FileHandle, name: string) {
    this.handle = handle;
    this.name = name;
  }

  stat(): Promise<FileStat> {
    return this.guard(async () => statOf(await this.handle.stat({ bigint: true })));
  }

  /** S4: a failed fsync is told once by Linux; the next one would succeed without the bytes being there. */
  sync(): Promise<void> {
    if (this.hasFailed) return Promise.reject(failure("io", `${this.name} could not be synced before`));
    return this.guard(async () => {
      try {
        await this.handle.sync();
      } catch (error) {
        this.hasFailed = true;
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.guardCall(() => this.end());
    return this.#closing;
  }

  /** What is left to do when nothing more may be asked. */
  protected end(): Promise<void> {
    return this.handle.close();
  }

  protected guard<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(failure("io", `${this.name} is closed`));
    return this.guardCall(call);
  }

  protected async guardCall<T>(call: () => Promise<T>): Promise<T> {
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
  readonly #gathered = new Gathered();

  /** @param sizeBytes what the file holds already */
  constructor(handle: FileHandle, name: string, sizeBytes = 0) {
    super(handle, name);
    this.#sizeBytes = sizeBytes;
  }

  /** Small pieces are gathered: handing one to the system costs as much as copying many. */
  write(chunk: Bytes): Promise<void> {
    return this.guard(async () => {
      if (this.#gathered.add(chunk)) return;
      const before = this.#writeGathered();
      if (this.#gathered.add(chunk)) return await before;
      await Promise.all([before, this.#writeAll(chunk)]);
    });
  }

  override async stat(): Promise<FileStat> {
    await this.guard(() => this.#writeGathered());
    return await super.stat();
  }

  override async sync(): Promise<void> {
    await this.guard(() => this.#writeGathered());
    await super.sync();
  }

  /** It is closed even if what came last cannot be written. */
  protected override async end(): Promise<void> {
    await this.#writeGathered().finally(() => super.end());
  }

  async #writeGathered(): Promise<void> {
    const { bytes, giveBack } = this.#gathered.take();
    await this.#writeAll(bytes).finally(giveBack);
  }

  async #writeAll(bytes: Bytes): Promise<void> {
    const start = this.#sizeBytes;
    this.#sizeBytes += bytes.length;
    try {
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await this.handle.write(bytes, written, bytes.length - written, start + written);
        written += bytesWritten;
      }
    } catch (error) {
      this.hasFailed = true; // A sync must not succeed without these bytes.
      throw error;
    }
  }
}

export class ReadableDiskFile extends DiskFile implements ReadableFile {
  read(buffer: Bytes, position: number): Promise<number> {
    return this.guard(async () => {
      let filled = 0;
      while (filled < buffer.length) {
        const left = buffer.length - filled;
        const { bytesRead } = await this.handle.read(buffer, filled, left, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    });
  }
}
