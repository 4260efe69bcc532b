/** The storage of one server over adapters in memory, without a swarm: for tests of what a disk may look like. */

import { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import { MemoryFileStore } from "../../src/adapters/memory/file-store.ts";
import { encodeContent } from "../../src/core/catalog/content.ts";
import { readEntry } from "../../src/core/catalog/entries.ts";
import { CONTENT_FIELD } from "../../src/core/catalog/merge.ts";
import type { FileContent } from "../../src/core/catalog/types.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../src/core/ids.ts";
import type { FilePath } from "../../src/core/paths.ts";
import type { FileStore } from "../../src/ports/file-store.ts";
import { Catalog } from "../../src/server/catalog/catalog.ts";
import { Settings, writeRosterEntry } from "../../src/server/settings.ts";
import { Copies } from "../../src/server/storage/copies.ts";
import { DiskWatch } from "../../src/server/storage/disk-watch.ts";
import { ASIDE_DIRECTORY, SIDE_DIRECTORY, STAGED_DIRECTORY, TRASH_DIRECTORY } from "../../src/server/storage/layout.ts";
import { Leftovers } from "../../src/server/storage/leftovers.ts";
import { Partials } from "../../src/server/storage/partials.ts";
import { Settler } from "../../src/server/storage/settle.ts";
import { Space } from "../../src/server/storage/space.ts";
import { Staging } from "../../src/server/storage/staging.ts";
import { Trash } from "../../src/server/storage/trash.ts";
import { Vanished } from "../../src/server/storage/vanished.ts";
import { loudLog } from "../loud-log.ts";

const SELF = "aaaaaaaaaaaa" as ServerId;
const OTHER = "bbbbbbbbbbbb" as ServerId;
const WALL_MS = 1_767_225_600_000;
const QUOTA_BYTES = 1_000_000;

export class DiskWorld {
  readonly disk = new MemoryFileStore();
  readonly store = new MemoryCatalogStore();
  readonly catalog: Catalog;
  readonly space: Space;
  readonly leftovers: Leftovers;
  readonly partials: Partials;
  readonly staging: Staging;
  readonly settler: Settler;
  readonly trash: Trash;
  readonly copies: Copies;
  readonly watch: DiskWatch;
  #drawn = 0;

  /** `between` stands between the server and its disk. */
  constructor(between: (disk: MemoryFileStore) => FileStore = (disk) => disk) {
    // No time goes by; who lets others have their turn goes on.
    const after = (ms: number, callback: () => void) => {
      if (ms === 0) queueMicrotask(callback);
      return () => {};
    };
    const clock = { monotonic: () => 0, wall: () => WALL_MS, after };
    const random = { bytes: (length: number) => new Uint8Array(length).fill(++this.#drawn), fraction: () => 0.5 };
    const silent = () => {};
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const files = between(this.disk);
    for (const name of [STAGED_DIRECTORY, TRASH_DIRECTORY, ASIDE_DIRECTORY, SIDE_DIRECTORY]) {
      this.disk.makeDirectoryExternally(name);
    }
    const context = { self: SELF, counts: () => true, defaultTarget: 3 };
    this.catalog = new Catalog(this.store, clock, context, loudLog);
    this.watch = new DiskWatch(files, clock, log);
    this.space = new Space(clock, this.catalog, QUOTA_BYTES, 0, this.watch);
    this.leftovers = new Leftovers(files);
    const { leftovers } = this;
    this.trash = new Trash(
      this.catalog,
      files,
      this.space,
      new Settings(this.catalog),
      leftovers,
      clock,
      7 * 24 * 3_600_000,
    );
    this.partials = new Partials(this.space, leftovers, clock);
    this.staging = new Staging({
      ...{ files, space: this.space, trash: this.trash, leftovers, random },
      ...{ disk: this.watch, partials: this.partials, clock },
    });
    const vanished = new Vanished(clock, 1_000, () => this.catalog.stats(), log);
    this.settler = new Settler(this.catalog, files, leftovers, this.trash, vanished, this.watch, random, clock);
    this.copies = new Copies(this.catalog, files, this.staging, this.settler, this.trash, vanished, this.watch, log);
  }

  static async begin(between?: (disk: MemoryFileStore) => FileStore): Promise<DiskWorld> {
    const world = new DiskWorld(between);
    await world.catalog.mintOrigin(0 as HybridTime, 0);
    return world;
  }

  /** Another server belongs to the swarm as well. */
  async isJoined(): Promise<void> {
    const server = { name: "", zone: "", url: undefined, addresses: [], httpPort: 1, softwareVersion: "" };
    await this.catalog.change((change) => {
      for (const id of [SELF, OTHER]) writeRosterEntry(change, { ...server, id });
    });
  }

  /** A version with its copy, settled at its path. */
  async put(path: string, text: string): Promise<FileContent> {
    const content = await this.enter(path, text);
    await this.settleAll();
    return content;
  }

  /** A version with its copy, which has yet to be settled. */
  async enter(path: string, text: string): Promise<FileContent> {
    const writer = await this.staging.begin("upload");
    await writer.write(new TextEncoder().encode(text));
    const staged = await writer.finish();
    const { sizeBytes, sha256 } = staged;
    const content = await this.catalog.change((change): FileContent => {
      const time = this.catalog.timeAfter(change, path as FilePath);
      const made: FileContent = { type: "file", version: versionId(time, SELF), sizeBytes, sha256, request: undefined };
      change.writePath(path as FilePath, CONTENT_FIELD, encodeContent(made), time);
      this.copies.enter(change, made.version, path as FilePath, staged);
      return made;
    });
    this.staging.handOver(staged);
    return content;
  }

  /** The catalog's part of a move; the file is moved when it is settled. */
  async move(from: string, to: string): Promise<void> {
    await this.catalog.change((change) => {
      const entry = readEntry(change.view, from as FilePath);
      if (entry?.type !== "file") throw new Error(`no file is at ${from}`);
      change.writePath(to as FilePath, CONTENT_FIELD, encodeContent(entry.content));
      const left = encodeContent({ type: "deleted", movedTo: to as FilePath });
      change.writePath(from as FilePath, CONTENT_FIELD, left);
    });
  }

  async remove(path: string): Promise<void> {
    const deleted = encodeContent({ type: "deleted", movedTo: undefined });
    await this.catalog.change((change) => change.writePath(path as FilePath, CONTENT_FIELD, deleted));
    await this.settleAll();
  }

  /** A version that this server knows is at a path again: what another server did comes to be known. */
  async learn(path: string, content: FileContent): Promise<void> {
    await this.catalog.change((change) => change.writePath(path as FilePath, CONTENT_FIELD, encodeContent(content)));
  }

  async settleAll(): Promise<void> {
    for (const version of this.settler.pending(100)) await this.settler.settle(version);
  }

  has({ version }: { readonly version: VersionId }): boolean {
    return this.copies.has(version);
  }

  /** Names of the files on the disk, fsdfs's own included. */
  get files(): string[] {
    return this.disk.tree().flatMap(({ name, type }) => (type === "file" ? [name] : []));
  }

  text(name: string): string | undefined {
    const found = this.disk.tree().find((entry) => entry.name === name);
    return found && new TextDecoder().decode(found.content);
  }

  /** What a scan finds of copies, staged files and trash; no operator's files are expected. */
  get scannedBytes(): number {
    const counted = this.disk.tree().filter(({ type, name }) => type === "file" && !name.startsWith(ASIDE_DIRECTORY));
    return counted.reduce((sum, { stat }) => sum + stat.sizeBytes, 0);
  }
}
