/**
 * Staged files: bytes that arrive, are counted against the quota, hashed, and made durable before anything speaks of
 * them. A staged file becomes a copy by the commit (settle.ts) or is thrown away; what a crash leaves is thrown away at
 * the next start, unless the catalog names it or a pull can go on with it.
 */
import { createHash, type Hash } from "node:crypto";
import { hex } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { VersionId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  type FileStat,
  type FileStore,
  FileStoreError,
  type ReadableFile,
  type WritableFile,
} from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { pullId, STAGED_DIRECTORY, stagedName, versionOfPull } from "./layout.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Partial, Partials } from "./partials.ts";
import type { Purpose, Space } from "./space.ts";
import type { Trash } from "./trash.ts";

const ID_BYTES = 12;
const HASH_CHUNK_BYTES = 1024 * 1024;
/** Less than this of a pull that was cut is not worth another attempt's looking at it. */
const PARTIAL_BYTES_MIN = 64 * 1024;
/** What was given up for one upload may be claimed by another that waits beside it. */
const CLAIM_ATTEMPTS = 4;

/** A staged file that is whole and durable. */
export interface StagedFile {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly stat: FileStat;
}

export interface StagingParts {
  readonly files: FileStore;
  readonly space: Space;
  readonly trash: Trash;
  readonly leftovers: Leftovers;
  readonly random: Random;
  readonly disk: DiskWatch;
  readonly partials: Partials;
  readonly clock: Clock;
}

/** Gives up copies for an upload until so many bytes more can be claimed: `missing` is asked when it is its turn. */
export type MakeRoom = (missing: () => number) => Promise<boolean>;

export class Staging {
  readonly #parts: StagingParts & { makeRoom: MakeRoom };

  constructor(parts: StagingParts) {
    this.#parts = { ...parts, makeRoom: async () => false };
  }

  /** What an upload does when there is no room (S3). Known later than the rest. */
  makesRoomBy(makeRoom: MakeRoom): void {
    this.#parts.makeRoom = makeRoom;
  }

  async begin(purpose: Purpose): Promise<StagedWriter> {
    return await this.#create(hex(this.#parts.random.bytes(ID_BYTES)), { purpose });
  }

  /** Whether an earlier attempt has left something of a version. */
  canResume(version: VersionId): boolean {
    return this.#parts.partials.has(version);
  }

  /** For a version's bytes, behind what an earlier attempt has left of them: see `sizeBytes`. */
  async beginPull(version: VersionId, purpose: Purpose): Promise<StagedWriter> {
    const { random, partials } = this.#parts;
    const partial = partials.take(version);
    const use: Use = { purpose, version };
    const resumed = partial === undefined ? undefined : await this.#resume(use, partial);
    return resumed ?? (await this.#create(pullId(version, hex(random.bytes(ID_BYTES))), use));
  }

  async #create(id: string, use: Use): Promise<StagedWriter> {
    const { files, disk, leftovers, clock } = this.#parts;
    try {
      const file = await files.create(stagedName(id));
      return new StagedWriter(this.#parts, id, file, use, {
        sizeBytes: 0,
        hash: createHash("sha256"),
        arrivedAt: clock.monotonic(),
      });
    } catch (error) {
      disk.failed(error);
      await leftovers.remove(stagedName(id)); // It may be there all the same.
      throw error;
    }
  }

  /** Undefined when it is not as it was left, and thrown away. */
  async #resume(use: Use, partial: Partial): Promise<StagedWriter | undefined> {
    const { files, leftovers, space } = this.#parts;
    const { id, name, sizeBytes, arrivedAt } = partial;
    try {
      const start = { sizeBytes, hash: partial.hash ?? (await hashOf(files, name, sizeBytes)), arrivedAt };
      const file = await files.append(name);
      if ((await file.stat()).sizeBytes === sizeBytes) {
        return new StagedWriter(this.#parts, id, file, use, start);
      }
      await file.close();
    } catch (error) {
      if (!(error instanceof FileStoreError)) throw error;
    }
    await leftovers.remove(name);
    space.release(sizeBytes);
    return undefined;
  }

  /** The catalog counts the file from now on: its claim is over. */
  handOver(staged: StagedFile): void {
    this.#parts.space.release(staged.sizeBytes);
  }

  async discard(staged: StagedFile): Promise<void> {
    await this.#parts.leftovers.remove(staged.name);
    this.#parts.space.release(staged.sizeBytes);
  }

  /**
   * Removes what a crash left behind, but for pulls that can go on. `isNamed` tells which staged files the catalog still
   * speaks of, `isWanted` which versions this server has yet to copy.
   */
  async recover(isNamed: (name: string) => boolean, isWanted: (version: VersionId) => boolean): Promise<void> {
    const { files, leftovers } = this.#parts;
    for (const { name: id } of await files.list(STAGED_DIRECTORY)) {
      const name = stagedName(id);
      if (isNamed(name)) continue;
      const version = versionOfPull(id);
      if (version === undefined || !isWanted(version) || !(await this.#keep(version, id))) await leftovers.remove(name);
    }
  }

  async #keep(version: VersionId, id: string): Promise<boolean> {
    const { files, space, partials, clock } = this.#parts;
    const stat = await files.stat(stagedName(id));
    if (stat?.type !== "file" || stat.links > 1 || stat.sizeBytes < PARTIAL_BYTES_MIN) return false;
    const { sizeBytes } = stat;
    if (!space.claim(sizeBytes, "pull")) return false;
    await partials.keep(version, {
      id,
      name: stagedName(id),
      sizeBytes,
      hash: undefined,
      arrivedAt: clock.monotonic(),
    });
    return true;
  }
}

/** Of the first `sizeBytes` of a staged file. @throws FileStoreError */
async function hashOf(files: FileStore, name: string, sizeBytes: number): Promise<Hash> {
  const hash = createHash("sha256");
  const file = await files.open(name);
  try {
    const buffer = new Uint8Array(Math.min(HASH_CHUNK_BYTES, sizeBytes));
    for (let position = 0; position < sizeBytes; ) {
      const count = await file.read(buffer.subarray(0, sizeBytes - position), position);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      position += count;
    }
    return hash;
  } finally {
    await file.close();
  }
}

interface Use {
  readonly purpose: Purpose;
  /** Of pulls. */
  readonly version?: VersionId;
}

interface Start {
  readonly sizeBytes: number;
  /** Of those bytes. */
  readonly hash: Hash;
  readonly arrivedAt: number;
}

export class StagedWriter {
  readonly id: string;
  /** What was there when it was begun. */
  readonly resumedBytes: number;
  readonly #parts: StagingParts & { readonly makeRoom: MakeRoom };
  readonly #file: WritableFile;
  readonly #use: Use;
  readonly #hash: Hash;
  #sizeBytes: number;
  /** Room that was taken for what has not been written yet. */
  #aheadBytes = 0;
  /** Room that copies were given up for and that this upload has not taken yet: pulls leave it. */
  #heldBytes = 0;
  #arrivedAt: number;
  #ended = false;
  /** Whether the file holds all that was written. */
  #isWhole = true;

  constructor(
    parts: StagingParts & { readonly makeRoom: MakeRoom },
    id: string,
    file: WritableFile,
    use: Use,
    start: Start,
  ) {
    this.#parts = parts;
    this.id = id;
    this.#file = file;
    this.#use = use;
    this.#hash = start.hash;
    this.#sizeBytes = start.sizeBytes;
    this.resumedBytes = start.sizeBytes;
    this.#arrivedAt = start.arrivedAt;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What it has taken of the room: for what was written, or is being written, and for the next piece. */
  get claimedBytes(): number {
    return this.#sizeBytes + this.#aheadBytes;
  }

  /** Takes room for the next piece before it is there. @throws FsdfsError `no-space`; the caller then aborts */
  async claimAhead(bytes: number): Promise<void> {
    const missing = bytes - this.#aheadBytes;
    if (missing <= 0) return;
    if (!this.#takeRoom(missing)) await this.#claim(missing);
  }

  /** @throws FsdfsError `no-space`, FileStoreError; the caller then aborts */
  async write(chunk: Bytes): Promise<void> {
    const { disk, clock } = this.#parts;
    await this.claimAhead(chunk.length);
    this.#aheadBytes -= chunk.length;
    this.#sizeBytes += chunk.length;
    this.#arrivedAt = clock.monotonic();
    this.#hash.update(chunk);
    try {
      await this.#file.write(chunk);
    } catch (error) {
      this.#isWhole = false;
      disk.failed(error);
      throw error;
    }
  }

  /** At once in all counts: what is seen amid would count the same bytes twice. Answers whether there was as much. */
  #takeRoom(bytes: number): boolean {
    if (!this.#parts.space.claim(bytes, this.#use.purpose)) return false;
    this.#aheadBytes += bytes;
    this.#hold(-Math.min(bytes, this.#heldBytes));
    return true;
  }

  /** Has what may go make room: pulls that were cut, then the trash, then, for uploads, copies (S3). */
  async #claim(bytes: number): Promise<void> {
    await this.#parts.partials.discardAll();
    if (this.#use.purpose === "upload") this.#hold(bytes);
    if (!(await this.#claimMaking(bytes))) throw new FsdfsError("no-space");
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#parts.space.holdForUpload(bytes);
  }

  async #claimMaking(bytes: number): Promise<boolean> {
    const { space, trash, makeRoom } = this.#parts;
    const { purpose, version } = this.#use;
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      if (this.#takeRoom(bytes)) return true;
      await trash.makeRoom(bytes, purpose, version);
      if (this.#takeRoom(bytes)) return true;
      if (purpose !== "upload") return false;
      const lasting = space.roomBytes(purpose) - space.freeBytes(purpose); // Trash that may not go yet.
      const before = space.roomBytes(purpose);
      if (!(await makeRoom(() => bytes + lasting - space.roomBytes(purpose)))) return false;
      this.#hold(Math.max(0, space.roomBytes(purpose) - before - bytes)); // For what is still to come.
    }
    return false;
  }

  /** What was written, for reading; nothing more can be written. The caller aborts in the end. @throws FileStoreError */
  async reopen(): Promise<ReadableFile> {
    await this.#file.close();
    return await this.#parts.files.open(stagedName(this.id));
  }

  /** Makes the file and its name durable. After a failure it is thrown away (S4). */
  async finish(): Promise<StagedFile> {
    const { files, disk } = this.#parts;
    try {
      await this.#file.sync();
      await files.syncDirectory(STAGED_DIRECTORY);
      const stat = await this.#file.stat();
      await this.#file.close();
      this.#ended = true;
      this.#hold(-this.#heldBytes);
      disk.succeeded();
      const sha256 = this.#hash.digest("hex");
      return { id: this.id, name: stagedName(this.id), sizeBytes: this.#sizeBytes, sha256, stat };
    } catch (error) {
      disk.failed(error);
      await this.abort();
      throw error;
    }
  }

  /** Keeps what has come for another attempt, if it is worth it. Nothing once `finish` or `abort` was called. */
  async suspend(): Promise<void> {
    if (this.#ended) return;
    const { version } = this.#use;
    if (version === undefined || !this.#isWhole || this.#sizeBytes < PARTIAL_BYTES_MIN) return await this.abort();
    this.#ended = true;
    const name = stagedName(this.id);
    try {
      await this.#file.close();
    } catch {
      await this.#parts.leftovers.remove(name);
      return this.#parts.space.release(this.#sizeBytes);
    }
    const [id, sizeBytes, hash, arrivedAt] = [this.id, this.#sizeBytes, this.#hash, this.#arrivedAt];
    await this.#parts.partials.keep(version, { id, name, sizeBytes, hash, arrivedAt });
  }

  /** Throws the file away. Idempotent, and nothing once `finish` has succeeded. */
  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#hold(-this.#heldBytes);
    await this.#file.close().catch(() => undefined);
    await this.#parts.leftovers.remove(stagedName(this.id));
    this.#parts.space.release(this.#sizeBytes + this.#aheadBytes);
  }
}
