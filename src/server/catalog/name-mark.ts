/**
 * Up to where names of versions may have been given, kept outside of the catalog and ahead of use: a catalog that was put
 * back from a backup, on a machine whose clock was set back, still gives no name twice (P4; T2 of stamp-clock.ts).
 *
 * The mark is the name of an empty file in fsdfs's own directory. To move it is a rename, which needs no room on a full
 * disk, and one sync of the directory; it is moved some seconds at a time, beside the syncs that a `PUT` waits for anyway.
 */
import { hybridTimeOf } from "../../core/hybrid-clock.ts";
import type { HybridTime } from "../../core/ids.ts";
import type { FileStore } from "../../ports/file-store.ts";
import { isDiskError } from "../storage/disk.ts";
import { STATE_DIRECTORY } from "../storage/layout.ts";

const PREFIX = "names-";
/** So far ahead the mark is moved. After a kill names begin so much later at most. */
const AHEAD_MS = 2000;
const AHEAD = hybridTimeOf(AHEAD_MS);
/** With less than this left it is moved, and with less than that waited for. */
const MOVE_BELOW = hybridTimeOf(1000);
const WAIT_BELOW = hybridTimeOf(500);
/** Of names that are ahead of the clock so many are reserved, some 20,000: no more, lest kills push them ever further. */
const FEW = hybridTimeOf(20);

export class NameMark {
  readonly #files: FileStore;
  #file: string | undefined;
  #limit: HybridTime;
  #moving: Promise<void> | undefined;

  private constructor(files: FileStore, file: string | undefined, limit: HybridTime) {
    this.#files = files;
    this.#file = file;
    this.#limit = limit;
  }

  static async load(files: FileStore): Promise<NameMark> {
    const found = await find(files);
    return new NameMark(files, found?.file, found?.limit ?? (0 as HybridTime));
  }

  /** Every name that was ever given is below it, and so must be every one that is given now. */
  get limit(): HybridTime {
    return this.#limit;
  }

  /** Resolves when names after the wall clock's time, and after `last`, may be given for a while. */
  async reach(wall: HybridTime, last: HybridTime): Promise<void> {
    if (this.#limit >= Math.max(wall + MOVE_BELOW, last + FEW / 2)) return;
    const limit = Math.max(wall + AHEAD, last + FEW) as HybridTime;
    this.#moving ??= this.#move(limit).finally(() => {
      this.#moving = undefined;
    });
    const moved = this.#moving;
    if (this.#limit < Math.max(wall + WAIT_BELOW, last + FEW / 4)) await moved;
    else moved.catch(() => undefined); // It is tried again with the next name.
  }

  /** No name is given any more: the next start begins right behind the last. */
  async close(named: HybridTime): Promise<void> {
    await this.#moving?.catch(() => undefined);
    const limit = (named + 1) as HybridTime;
    if (this.#file !== undefined && limit < this.#limit) await this.#move(limit);
  }

  async #move(limit: HybridTime): Promise<void> {
    const to = `${STATE_DIRECTORY}/${PREFIX}${limit}`;
    if (limit < this.#limit) this.#limit = limit; // Not a name more from now on.
    await this.#rename(to).catch(async (error: unknown) => {
      if (!isDiskError(error, "missing")) throw error;
      // It was renamed though that was told as a failure, or somebody removed it.
      this.#file = (await find(this.#files))?.file;
      await this.#rename(to);
    });
    this.#file = to;
    await this.#files.syncDirectory(STATE_DIRECTORY);
    this.#limit = limit;
  }

  async #rename(to: string): Promise<void> {
    if (this.#file !== undefined) return await this.#files.rename(this.#file, to);
    const file = await this.#files.create(to);
    await file.close();
  }
}

/** The mark that reaches furthest. */
async function find(files: FileStore): Promise<{ file: string; limit: HybridTime } | undefined> {
  let found: { file: string; limit: HybridTime } | undefined;
  for (const { name } of await files.list(STATE_DIRECTORY)) {
    const limit = limitOf(name);
    if (limit !== undefined && limit >= (found?.limit ?? 0)) found = { file: `${STATE_DIRECTORY}/${name}`, limit };
  }
  return found;
}

function limitOf(name: string): HybridTime | undefined {
  const digits = /^names-(\d{1,16})$/.exec(name)?.[1];
  return digits === undefined ? undefined : (Number(digits) as HybridTime);
}
