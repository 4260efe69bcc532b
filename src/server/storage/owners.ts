/** Whose a file is that lies where another is to be put: the catalog knows copies by their versions, not by where they lie. */
import { readCopy } from "../../core/catalog/copies.ts";
import { entryKey, keyAfter, tableRange, todoKey, versionOfKey } from "../../core/catalog/keys.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import type { FileStat } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { sleep } from "../timers.ts";
import { isFileOf } from "./disk.ts";

/** Copies that have yet to move or go, looked at without a pause: after a directory was moved there may be millions. */
const LOOKED_AT_ONCE = 200;

export interface Owner {
  readonly version: VersionId;
  readonly copy: CopyRow;
}

/** A copy whose place another took. */
export interface Displaced extends Owner {
  /** The second name that its file has got. */
  readonly trash: string;
}

export class Owners {
  readonly #catalog: Catalog;
  readonly #clock: Clock;

  constructor(catalog: Catalog, clock: Clock) {
    this.#catalog = catalog;
    this.#clock = clock;
  }

  /**
   * The other copy, still to be moved or just come to its place, whose file lies at `location`, be it on its way; is to lie there, where it is not
   * told which file does. The caller has its lock.
   */
  async of(version: VersionId | undefined, location: string, occupant?: FileStat): Promise<Owner | undefined> {
    const content = contentOf(readRegisters(this.#catalog.read(), entryKey(location as FilePath)));
    let some = content?.type === "file" ? [content.version] : [];
    let after: VersionId | undefined;
    do {
      if (after !== undefined) await sleep(this.#clock, 0);
      const next = this.#leaving(after);
      const owner = this.#among([...some, ...next], version, location, occupant);
      if (owner !== undefined) return owner;
      some = [];
      after = next.length < LOOKED_AT_ONCE ? undefined : next.at(-1);
    } while (after !== undefined);
    return undefined;
  }

  /** The next of those that have yet to move or go. */
  #leaving(after: VersionId | undefined): VersionId[] {
    const range = { ...tableRange("todo"), ...(after && { start: keyAfter(todoKey(after)) }), limit: LOOKED_AT_ONCE };
    return Array.from(this.#catalog.read().range(range), ({ key }) => versionOfKey(key));
  }

  #among(
    versions: readonly VersionId[],
    version: VersionId | undefined,
    location: string,
    occupant: FileStat | undefined,
  ): Owner | undefined {
    const view = this.#catalog.read();
    for (const other of versions) {
      const copy = readCopy(view, other);
      if (other === version || copy === undefined) continue;
      if (occupant === undefined ? isToLie(copy, location) : lies(copy, location, occupant))
        return { version: other, copy };
    }
    return undefined;
  }
}

function isToLie({ location, staged }: CopyRow, place: string): boolean {
  return location === place && staged === undefined;
}

/** It may have yet to come to its place from there. */
function lies(copy: CopyRow, place: string, occupant: FileStat): boolean {
  return (copy.location === place || copy.staged === place) && isFileOf(copy, occupant);
}
