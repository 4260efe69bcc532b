/** The copies on this server's own disk, and their way into the trash: rows and counts, in the caller's transaction. */
import type { VersionId } from "../ids.ts";
import { copyKey, todoKey, trashKey, trashPathKey } from "./keys.ts";
import type { Bytes, ReadView, WriteView } from "./kv.ts";
import { type CopyRow, decodeCopyRow, decodeTrashRow, encodeCopyRow, encodeTrashRow, type TrashRow } from "./rows.ts";
import { writeTodo } from "./todo.ts";
import type { CatalogTransaction } from "./transaction.ts";

export function readCopy(view: ReadView, version: VersionId): CopyRow | undefined {
  const row = view.get(copyKey(version));
  return row === undefined ? undefined : decodeCopyRow(row);
}

export function hasTodo(view: ReadView, version: VersionId): boolean {
  return view.get(todoKey(version)) !== undefined;
}

/** Enters a copy, whose file still has to be brought to its place. */
export function addCopy({ view, stats }: CatalogTransaction, version: VersionId, copy: CopyRow): void {
  if (view.get(copyKey(version)) !== undefined) throw new Error(`a second copy of ${version} on one server`);
  view.put(copyKey(version), encodeCopyRow(copy));
  writeTodo(view, version);
  stats.copies += 1;
  stats.copyBytes += copy.sizeBytes;
}

/** The copy's file is at its place now. */
export function placeCopy(transaction: CatalogTransaction, version: VersionId, copy: CopyRow): void {
  writeCopy(transaction, version, copy);
  transaction.view.remove(todoKey(version));
}

/** What is known of the copy's file; work that is left is left still. */
export function writeCopy({ view }: CatalogTransaction, version: VersionId, copy: CopyRow): void {
  view.put(copyKey(version), encodeCopyRow(copy));
}

export function removeCopy({ view, stats }: CatalogTransaction, version: VersionId): void {
  const copy = readCopy(view, version);
  if (copy === undefined) return;
  view.remove(copyKey(version));
  view.remove(todoKey(version));
  stats.copies -= 1;
  stats.copyBytes -= copy.sizeBytes;
}

/** Enters a file in the trash; one of the same version that lies there already is the same file's place. */
export function addTrash(transaction: CatalogTransaction, version: VersionId, row: TrashRow): void {
  removeTrash(transaction, version);
  transaction.view.put(trashKey(version), encodeTrashRow(row));
  indexTrash(transaction.view, version, row);
  transaction.stats.trashFiles += 1;
  transaction.stats.trashBytes += row.sizeBytes;
  if (row.reason === "dropped") transaction.stats.droppedBytes += row.sizeBytes;
}

/** So that what lay at a path last is found without looking through all of the trash. */
export function indexTrash(view: WriteView, version: VersionId, { path, time }: TrashRow): void {
  view.put(trashPathKey(path, time, version), NOTHING);
}

const NOTHING: Bytes = Uint8Array.of(1);

export function isTrashIndexed(view: ReadView, version: VersionId, { path, time }: TrashRow): boolean {
  return view.get(trashPathKey(path, time, version)) !== undefined;
}

export function readTrash(view: ReadView, version: VersionId): TrashRow | undefined {
  const row = view.get(trashKey(version));
  return row === undefined ? undefined : decodeTrashRow(row);
}

export function removeTrash({ view, stats }: CatalogTransaction, version: VersionId): void {
  const row = readTrash(view, version);
  if (row === undefined) return;
  view.remove(trashKey(version));
  view.remove(trashPathKey(row.path, row.time, version));
  stats.trashFiles -= 1;
  stats.trashBytes -= row.sizeBytes;
  if (row.reason === "dropped") stats.droppedBytes -= row.sizeBytes;
}
