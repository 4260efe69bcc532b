/** Open files of the disk, and what the disk tells of them. */
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FileStat, FileType, ReadableFile, WritableFile } from "../../ports/file-store.ts";
import { failure, failureOf } from "./failures.ts";

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
  #hasFailedSync = false;

  constructor(handle: FileHandle, name: string) {
    this.handle = handle;
    this.name = name;
  }

  stat(): Promise<FileStat> {
    return this.guard(async () => statOf(await this.handle.stat({ bigint: true })));
  }

  /** S4: a failed fsync is told once by Linux; the next one would succeed without the bytes being there. */
  sync(): Promise<void> {
    if (this.#hasFailedSync) return Promise.reject(failure("io", `${this.name} could not be synced before`));
    return this.guard(async () => {
      try {
        await this.handle.sync();
      } catch (error) {
        this.#hasFailedSync = true;
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.guardCall(() => this.handle.close());
    return this.#closing;
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
  #sizeBytes: number;

  /** @param sizeBytes what the file holds already */
  constructor(handle: FileHandle, name: string, sizeBytes = 0) {
    super(handle, name);
    this.#sizeBytes = sizeBytes;
  }

  write(chunk: Bytes): Promise<void> {
    const start = this.#sizeBytes;
    this.#sizeBytes += chunk.length;
    return this.guard(async () => {
      let written = 0;
      while (written < chunk.length) {
        const left = chunk.length - written;
        const { bytesWritten } = await this.handle.write(chunk, written, left, start + written);
        written += bytesWritten;
      }
    });
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
