/**
 * A file that is overwritten by its own bytes, as when a PUT is asked for again elsewhere. Who has it need not copy it: its copy is
 * one of the version that took its place from then on, and stays where it is. So that version is as safe as the one before, though
 * who took it may be lost with the only other copy (P3). Which that was is remembered (passed-on.ts), should the version before
 * turn out to be at another path (C2).
 */
import { addCopy, placeCopy, readCopy, removeCopy } from "../../core/catalog/copies.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { writePassedOn } from "../../core/catalog/passed-on.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import { readTodo } from "../../core/catalog/todo.ts";
import { readRegisters, readVersionRow } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FileStore } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isFileOf, statOrNothing } from "./disk.ts";
import type { DiskWatch } from "./disk-watch.ts";

export interface PassingParts {
  readonly catalog: Catalog;
  readonly files: FileStore;
  readonly disk: Pick<DiskWatch, "passedOn">;
}

/** The copy of a version that is at no path any more goes over to the one at its path. False unless that is of the same bytes. */
export async function passOn(parts: PassingParts, version: VersionId, copy: CopyRow): Promise<boolean> {
  const { catalog, files, disk } = parts;
  if (successorOf(catalog.read(), version, copy) === undefined) return false;
  const stat = await statOrNothing(files, copy.location);
  if (stat?.type !== "file" || !isFileOf(copy, stat)) return false;
  return await catalog.change((change) => {
    const successor = successorOf(change.view, version, copy);
    if (successor === undefined) return false;
    removeCopy(change.transaction, version);
    change.writeHolding(version, false);
    addCopy(change.transaction, successor, copy);
    placeCopy(change.transaction, successor, copy);
    change.writeHolding(successor, true);
    writePassedOn(change.transaction.view, version, { time: change.now(), successor });
    disk.passedOn(version, successor);
    return true;
  });
}

function successorOf(view: ReadView, version: VersionId, copy: CopyRow): VersionId | undefined {
  if (copy.location !== copy.path || copy.staged !== undefined || readCopy(view, version) === undefined)
    return undefined;
  if (readVersionRow(view, version).paths.length > 0) return undefined; // It came to another path meanwhile.
  const content = contentOf(readRegisters(view, entryKey(copy.path)));
  if (content?.type !== "file" || content.sha256 !== readTodo(view, version)?.sha256) return undefined;
  return readCopy(view, content.version) === undefined ? content.version : undefined;
}
