/**
 * Bytes of versions whose copies here became those of others (passing-on.ts). A version may turn out to be at a path after all, as
 * when a file was moved and written anew at once, and the write is heard of first: then nobody has a copy of it, and it is copied
 * from the other's, or from where that lies in the trash (C2). What went over is remembered for as long as the trash is kept.
 */
import { readCopy, readTrash } from "../../core/catalog/copies.ts";
import { keyAfter, passedOnRange } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { decodePassedOn, readPassedOn } from "../../core/catalog/passed-on.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import type { VersionId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileStore } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { onAbort } from "../timers.ts";
import type { Copies, OpenCopy } from "./copies.ts";
import { readCopyRange } from "./streams.ts";

/** A file that is written anew with its own bytes again and again is followed so far. */
const FOLLOWED_MAX = 100;
/** Rows that are looked at in one go; the rest waits for the next. */
const LOOK_AT_MAX = 1000;

export class PassedOn {
  readonly #catalog: Catalog;
  readonly #files: FileStore;
  readonly #copies: Pick<Copies, "open">;
  readonly #clock: Clock;
  readonly #keptMs: number;
  #lookedUpTo: Bytes | undefined;

  constructor(catalog: Catalog, files: FileStore, copies: Pick<Copies, "open">, clock: Clock, keptMs: number) {
    this.#catalog = catalog;
    this.#files = files;
    this.#copies = copies;
    this.#clock = clock;
    this.#keptMs = keptMs;
  }

  /** Whether a version's bytes lie here as another's. */
  has(version: VersionId): boolean {
    return this.#keeper(version) !== undefined;
  }

  /**
   * Bytes of a version; who copies them compares their digest with the version's.
   *
   * @param signal they are not wanted any more, whether or not they were asked for
   * @throws FsdfsError `copy-not-here`, FileStoreError
   */
  async read(
    version: VersionId,
    { start, end }: { start: number; end: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Bytes>> {
    const keeper = this.#keeper(version);
    const copy = keeper && ((await this.#copies.open(keeper)) ?? (await this.#openInTrash(keeper)));
    if (copy === undefined) throw new FsdfsError("copy-not-here", { path: version });
    const bytes = readCopyRange(copy, start, Math.min(end, copy.sizeBytes));
    onAbort(signal, () => void bytes.return(undefined).catch(() => undefined));
    return bytes;
  }

  async #openInTrash(version: VersionId): Promise<OpenCopy | undefined> {
    const row = readTrash(this.#catalog.read(), version);
    if (row === undefined) return undefined;
    const file = await this.#files.open(row.location);
    const { sizeBytes, modifiedNs } = await file.stat();
    return { file, sizeBytes, modifiedNs };
  }

  #keeper(version: VersionId): VersionId | undefined {
    const view = this.#catalog.read();
    let at = version;
    for (let followed = 0; followed < FOLLOWED_MAX; followed++) {
      const row = readPassedOn(view, at);
      if (row === undefined) return undefined;
      at = row.successor;
      if ((readCopy(view, at) ?? readTrash(view, at)) !== undefined) return at;
    }
    return undefined;
  }

  /** A part of them each time it is called. */
  async forgetOld(): Promise<void> {
    const bound = this.#clock.wall() - this.#keptMs;
    const { start, end } = passedOnRange();
    const range = { start: this.#lookedUpTo === undefined ? start : keyAfter(this.#lookedUpTo), end };
    const rows = Array.from(this.#catalog.read().range({ ...range, limit: LOOK_AT_MAX }));
    this.#lookedUpTo = rows.length < LOOK_AT_MAX ? undefined : rows.at(-1)!.key;
    const old = rows.filter(({ value }) => wallMsOf(decodePassedOn(value).time) < bound);
    if (old.length === 0) return;
    await this.#catalog.change(({ transaction: { view } }) => {
      for (const { key } of old) view.remove(key);
    });
  }
}
