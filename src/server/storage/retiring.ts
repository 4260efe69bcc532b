/** The rows of a copy whose file has come into the trash: what is kept of it there, for who looks for it or wants it back. */
import { addTrash, readCopy, readTrash, removeCopy, removeTrash } from "../../core/catalog/copies.ts";
import { contentStamp } from "../../core/catalog/entries.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import type { CopyRow, TrashReason } from "../../core/catalog/rows.ts";
import { readTodo } from "../../core/catalog/todo.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Change } from "../catalog/change.ts";
import { contentOfVersion } from "./copies.ts";
import { trashName } from "./layout.ts";
import { movesFrom } from "./moves.ts";

/** A write that becomes known here so long after it was made came from the other side of a cut, or while this server was away. */
export const LATE_MS = 10_000;

export type Retired = "dropped" | "superseded";

/**
 * Takes a copy out of the catalog and enters its file in the trash, if it was `kept` there. Answers names of files in the trash
 * that are to go: of the same version under another name, or of one that was deleted forever.
 */
export function retireRows(change: Change, version: VersionId, copy: CopyRow, how: Retired, kept: boolean): string[] {
  const { view, transaction } = change;
  if (readCopy(view, version) === undefined) return [];
  const todo = readTodo(view, version);
  const known = contentOfVersion(view, version);
  removeCopy(transaction, version);
  change.writeHolding(version, false);
  const location = trashName(version, copy.path);
  const before = readTrash(view, version)?.location;
  const others = before === undefined || before === location ? [] : [before];
  if (known === undefined && (todo?.forever || isGoneForever(view, version, copy.path))) {
    removeTrash(transaction, version);
    return kept ? [...others, location] : others;
  }
  if (!kept) return [];
  const { path, sizeBytes } = copy;
  const sha256 = known?.sha256 ?? todo?.sha256;
  addTrash(transaction, version, { path, location, sizeBytes, sha256, ...whyGone(change, path, how) });
  return others;
}

/** Whether a deletion said so where the file lay last, which this server may have heard of before it heard of the move there. */
function isGoneForever(view: ReadView, version: VersionId, path: FilePath): boolean {
  return [path, ...movesFrom(view, path)].some((place) => {
    const content = contentOf(readRegisters(view, entryKey(place)));
    return content?.forever?.includes(version) === true;
  });
}

function whyGone(change: Change, path: FilePath, how: Retired) {
  const time = change.now();
  if (how === "dropped") return { time, reason: "dropped" as const };
  const stamp = contentStamp(change.view, path);
  const isLate = stamp !== undefined && wallMsOf(time) - wallMsOf(stamp.time) > LATE_MS;
  const successor = contentOf(readRegisters(change.view, entryKey(path)));
  const { by = undefined } = successor?.type === "deleted" ? successor : {};
  const reason: TrashReason = isLate ? "lost" : successor?.type === "deleted" ? "deleted" : "overwritten";
  return { time, reason, by };
}
