/**
 * Staged files: bytes that arrive, are counted against the quota, hashed, and made durable before anything speaks of
 * them. A staged file becomes a copy by the commit (settle.ts) or is thrown away; what a crash leaves is thrown away at
 * the next start, unless the catalog names it.
 */
import { createHash } from "node:crypto";
import { hex } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import type { FileStat, FileStore, WritableFile } from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { STAGED_DIRECTORY, stagedName } from "./layout.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Purpose, Space } from "./space.ts";
import type { Trash } from "./trash.ts";

/** A staged file that is whole and durable. */
export interface StagedFile {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly stat: FileStat;
}

export class Staging {
  readonly #files: FileStore;
  readonly #space: Space;
  readonly #trash: Trash;
  readonly #random: Random;
  readonly #leftovers: Leftovers;
  readonly #disk: DiskWatch;

  constructor(files: FileStore, space: Space, trash: Trash, leftovers: Leftovers, random: Random, disk: DiskWatch) {
    this.#disk = disk;
    this.#leftovers = leftovers;
    this.#files = files;
    this.#space = space;
    this.#trash = trash;
    this.#random = random;
  }

  async begin(purpose: Purpose): Promise<StagedWriter> {
    const id = hex(this.#random.bytes(12));
    try {
      const file = await this.#files.create(stagedName(id));
      return new StagedWriter(id, file, this.#files, this.#space, this.#trash, this.#leftovers, this.#disk, purpose);
    } catch (error) {
      this.#disk.failed(error);
      await this.#leftovers.remove(stagedName(id)); // It may be there all the same.
      throw error;
    }
  }

  /** The catalog counts the file from now on: its claim is over. */
  handOver(staged: StagedFile): void {
    this.#space.release(staged.sizeBytes);
  }

  async discard(staged: StagedFile): Promise<void> {
    await this.#leftovers.remove(staged.name);
    this.#space.release(staged.sizeBytes);
  }

  /** Removes what a crash left behind. `isNamed` tells which staged files the catalog still speaks of. */
  async recover(isNamed: (name: string) => boolean): Promise<void> {
    for (const { name } of await this.#files.list(STAGED_DIRECTORY)) {
      const full = `${STAGED_DIRECTORY}/${name}`;
      if (!isNamed(full)) await this.#leftovers.remove(full);
    }
  }
}

export class StagedWriter {
  readonly id: string;
  readonly #file: WritableFile;
  readonly #files: FileStore;
  readonly #space: Space;
  readonly #trash: Trash;
  readonly #leftovers: Leftovers;
  readonly #disk: DiskWatch;
  readonly #purpose: Purpose;
  readonly #hash = createHash("sha256");
  #sizeBytes = 0;
  #ended = false;

  constructor(
    id: string,
    file: WritableFile,
    files: FileStore,
    space: Space,
    trash: Trash,
    leftovers: Leftovers,
    disk: DiskWatch,
    purpose: Purpose,
  ) {
    this.#disk = disk;
    this.#leftovers = leftovers;
    this.id = id;
    this.#file = file;
    this.#files = files;
    this.#space = space;
    this.#trash = trash;
    this.#purpose = purpose;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** @throws FsdfsError `no-space`, FileStoreError; the caller then aborts */
  async write(chunk: Bytes): Promise<void> {
    if (!this.#space.claim(chunk.length, this.#purpose)) {
      await this.#trash.makeRoom(chunk.length, this.#purpose);
      if (!this.#space.claim(chunk.length, this.#purpose)) throw new FsdfsError("no-space");
    }
    this.#sizeBytes += chunk.length;
    this.#hash.update(chunk);
    try {
      await this.#file.write(chunk);
    } catch (error) {
      this.#disk.failed(error);
      throw error;
    }
  }

  /** Makes the file and its name durable. After a failure it is thrown away (S4). */
  async finish(): Promise<StagedFile> {
    try {
      await this.#file.sync();
      await this.#files.syncDirectory(STAGED_DIRECTORY);
      const stat = await this.#file.stat();
      await this.#file.close();
      this.#ended = true;
      this.#disk.succeeded();
      const sha256 = this.#hash.digest("hex");
      return { id: this.id, name: stagedName(this.id), sizeBytes: this.#sizeBytes, sha256, stat };
    } catch (error) {
      this.#disk.failed(error);
      await this.abort();
      throw error;
    }
  }

  /** Throws the file away. Idempotent, and nothing once `finish` has succeeded. */
  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#file.close().catch(() => undefined);
    await this.#leftovers.remove(stagedName(this.id));
    this.#space.release(this.#sizeBytes);
  }
}
