/**
 * The trash: a plain directory of what was deleted, overwritten or dropped. It counts against the quota, is purged when
 * room is wanted or after its days, and never before a superseded version's successor is safe (S2).
 */

import { ByteReader } from "../../core/bytes.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import { tableRange, versionOfTrashKey } from "../../core/catalog/keys.ts";
import { decodeTrashRow, type TrashRow } from "../../core/catalog/rows.ts";
import { holdersOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import type { HybridTime } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileStore } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Settings } from "../settings.ts";
import { TRASH_DIRECTORY } from "./layout.ts";
import type { Leftovers } from "./leftovers.ts";
import type { Purpose, Space } from "./space.ts";

export const TRASH_KEPT_MS = 7 * 24 * 3600 * 1000;
/** Rows looked at in one go; the rest waits for the next. */
const PURGE_BATCH = 100;

export class Trash {
  readonly #catalog: Catalog;
  readonly #files: FileStore;
  readonly #space: Space;
  readonly #settings: Settings;
  readonly #leftovers: Leftovers;
  readonly #clock: Clock;
  #purging: Promise<void> = Promise.resolve();

  constructor(
    catalog: Catalog,
    files: FileStore,
    space: Space,
    settings: Settings,
    leftovers: Leftovers,
    clock: Clock,
  ) {
    this.#leftovers = leftovers;
    this.#catalog = catalog;
    this.#files = files;
    this.#space = space;
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Purges the oldest until `bytes` can be claimed or nothing more may go. */
  async makeRoom(bytes: number, purpose: Purpose): Promise<void> {
    await this.#purgeWhile(() => this.#space.freeBytes(purpose) < bytes);
  }

  /** Purges what has been kept long enough. */
  async purgeOld(): Promise<void> {
    const bound = this.#clock.wall() - TRASH_KEPT_MS;
    await this.#purgeWhile((time) => wallMsOf(time) < bound);
  }

  /** One purge at a time: two would unlink the same files. */
  async #purgeWhile(wanted: (time: HybridTime) => boolean): Promise<void> {
    const before = this.#purging;
    this.#purging = (async () => {
      await before.catch(() => undefined);
      for (;;) {
        const next = this.#oldestPurgeable();
        if (next === undefined || !wanted(next.time)) return;
        await this.#purge(next.key, next.row);
      }
    })();
    await this.#purging;
  }

  #oldestPurgeable(): { key: Uint8Array; time: HybridTime; row: TrashRow } | undefined {
    const view = this.#catalog.read();
    for (const { key, value } of view.range({ ...tableRange("trash"), limit: PURGE_BATCH })) {
      const row = decodeTrashRow(value);
      if (this.#isPurgeable(row, key)) return { key, time: new ByteReader(key.subarray(1)).uint(7) as HybridTime, row };
    }
    return undefined;
  }

  /** S2. A version that was dropped, deleted, or moved has no successor to wait for. */
  #isPurgeable(row: TrashRow, key: Uint8Array): boolean {
    const view = this.#catalog.read();
    const entry = readEntry(view, row.path);
    if (entry?.type !== "file" || entry.content.version === versionOfTrashKey(key)) return true;
    const successor = readVersionRow(view, entry.content.version);
    const holders = holdersOf(successor, (origin) => this.#catalog.serverOf(origin));
    return holders.length >= this.#settings.safeCopies(view, successor);
  }

  async #purge(key: Uint8Array, row: TrashRow): Promise<void> {
    await this.#leftovers.remove(row.location);
    await this.#files.syncDirectory(TRASH_DIRECTORY);
    await this.#forget([key]);
  }

  /** Levels the catalog with the directory after a crash: rows without a file go, and so do files without a row. */
  async recover(): Promise<void> {
    const lying = new Set((await this.#files.list(TRASH_DIRECTORY)).map(({ name }) => `${TRASH_DIRECTORY}/${name}`));
    const gone: Uint8Array[] = [];
    for (const { key, value } of this.#catalog.read().range(tableRange("trash"))) {
      if (!lying.delete(decodeTrashRow(value).location)) gone.push(key);
    }
    if (gone.length > 0) await this.#forget(gone);
    for (const name of lying) await this.#leftovers.remove(name);
  }

  async #forget(keys: readonly Uint8Array[]): Promise<void> {
    await this.#catalog.change(({ transaction: { view, stats } }) => {
      for (const key of keys) {
        const row = view.get(key);
        if (row === undefined) continue;
        view.remove(key);
        stats.trashFiles -= 1;
        stats.trashBytes -= decodeTrashRow(row).sizeBytes;
      }
    });
  }
}
