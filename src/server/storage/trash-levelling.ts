/** Levelling the catalog's trash with the directory it lies in: after a crash, and now and then, since hands reach everywhere. */
import { indexTrash, isTrashIndexed, readCopy, readTrash } from "../../core/catalog/copies.ts";
import { slicesOf } from "../../core/slices.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DirectoryEntry, FileStore } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isFileOf, renameOver, statOrNothing } from "./disk.ts";
import { TRASH_DIRECTORY, trashName, versionInTrashName } from "./layout.ts";
import type { Leftovers } from "./leftovers.ts";
import { findTrash, type Trashed } from "./trash.ts";

/** Files that are compared with the catalog without a pause. */
const LEVELLED_AT_ONCE = 100;
/** From one comparison to the next, for each file: a thousandth of a core. */
const LEVEL_REST_MS = 10;

export type Alone = <T>(task: () => Promise<T>) => Promise<T>;
export type Forget = (gone: readonly Trashed[]) => Promise<void>;

export interface TrashLevellingParts {
  readonly catalog: Catalog;
  readonly files: FileStore;
  readonly leftovers: Leftovers;
  readonly clock: Clock;
  /** Does something while nothing else throws files of the trash away, or gives them back. */
  readonly alone: Alone;
  /** Takes rows out of the catalog whose files are gone. */
  readonly forget: Forget;
}

export class TrashLevelling {
  readonly #parts: TrashLevellingParts;
  /** By the monotonic clock. */
  #dueAt = 0;

  constructor(parts: TrashLevellingParts) {
    this.#parts = parts;
  }

  /** As `level`, when it is time: a large trash is gone through seldom. */
  async levelWhenDue(): Promise<void> {
    if (this.#parts.clock.monotonic() >= this.#dueAt) await this.level();
  }

  /** The two are known to differ. */
  bringForward(): void {
    this.#dueAt = 0;
  }

  /**
   * Rows without a file go; and so do files without a row, unless their version is a copy still: then the crash came
   * between the file's leaving and the row, and settling goes on.
   */
  async level(): Promise<void> {
    const { catalog, clock, alone } = this.#parts;
    let named = 0;
    for await (const entries of this.#names()) named += await alone(() => this.#levelNames(entries));
    // While files come and go the numbers may differ though nothing is wrong: then each row is looked at.
    if (named !== catalog.stats().trashFiles) await this.#levelRows();
    this.#dueAt = clock.monotonic() + LEVEL_REST_MS * named;
  }

  /** After a crash and before anything moves files. */
  async levelAtStart(): Promise<void> {
    await this.#indexRows();
    await this.level();
    for await (const entries of this.#names()) {
      for (const { name } of entries) await this.#levelCopy(`${TRASH_DIRECTORY}/${name}`);
    }
  }

  async *#names(): AsyncGenerator<readonly DirectoryEntry[]> {
    for await (const batch of this.#parts.files.listInBatches(TRASH_DIRECTORY))
      yield* slicesOf(batch, LEVELLED_AT_ONCE);
  }

  /** Removes those that the catalog does not know. Answers how many it has in the trash. */
  async #levelNames(entries: readonly DirectoryEntry[]): Promise<number> {
    const locations = entries.map(({ name }) => `${TRASH_DIRECTORY}/${name}`);
    const unnamed = locations.filter((location) => !this.#isNamed(location));
    for (const name of unnamed) if (this.#isOrphan(name)) await this.#parts.leftovers.remove(name);
    return locations.length - unnamed.length;
  }

  #isNamed(location: string): boolean {
    const version = versionInTrashName(location);
    return version !== undefined && readTrash(this.#parts.catalog.read(), version)?.location === location;
  }

  #isOrphan(location: string): boolean {
    const version = versionInTrashName(location);
    if (version === undefined) return true;
    return readCopy(this.#parts.catalog.read(), version) === undefined && !this.#isNamed(location);
  }

  async #levelRows(): Promise<void> {
    const { catalog, files, alone, forget } = this.#parts;
    for (let after: Uint8Array | undefined; ; ) {
      const last = await alone(async () => {
        const page = findTrash(catalog.read(), after, () => true, LEVELLED_AT_ONCE);
        const gone: Trashed[] = [];
        for (const each of page.rows) {
          if ((await statOrNothing(files, each.row.location)) === undefined) gone.push(each);
        }
        if (gone.length > 0) await forget(gone);
        return page.last;
      });
      if (last === undefined) return;
      after = last;
    }
  }

  /** Rows that were written before there was an index by paths. */
  async #indexRows(): Promise<void> {
    const { catalog } = this.#parts;
    for (let after: Uint8Array | undefined; ; ) {
      const view = catalog.read();
      const isMissing = ({ version, row }: Parameters<Parameters<typeof findTrash>[2]>[0]) =>
        !isTrashIndexed(view, version, row);
      const { rows, last } = findTrash(view, after, isMissing, LEVELLED_AT_ONCE);
      if (rows.length > 0) {
        await catalog.change((change) => {
          for (const { version, row } of rows) indexTrash(change.transaction.view, version, row);
        });
      }
      if (last === undefined) return;
      after = last;
    }
  }

  /**
   * A copy that still has its own name loses one that it got here (T1). One that has not, and was moved before it went here,
   * of which a catalog from before that knows nothing (C6), gets the name by which settling looks for it.
   */
  async #levelCopy(name: string): Promise<void> {
    const { catalog, files, leftovers } = this.#parts;
    const version = versionInTrashName(name);
    const view = catalog.read();
    const copy = version && readCopy(view, version);
    if (version === undefined || copy === undefined || copy.staged === name) return;
    const row = readTrash(view, version);
    if (row?.location === name) return;
    const own = await statOrNothing(files, copy.location);
    const stat = await files.stat(name);
    if (own !== undefined && own.inode === stat?.inode) return await leftovers.remove(name);
    const wanted = trashName(version, copy.path);
    if (name === wanted || row !== undefined || stat === undefined || !isFileOf(copy, stat)) return;
    await renameOver(files, name, wanted, copy);
    await files.syncDirectory(TRASH_DIRECTORY);
  }
}
