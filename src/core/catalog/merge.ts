/**
 * How records meet (C1, C2). Merging is commutative, associative and idempotent in what a register says.
 *
 * L1. For each origin and each register, the log has a row for the highest number of that origin that was merged into
 *     the register, and the register has a mark of it; unless it was collected, being at or below the origin's floor
 *     (C7, collect.ts). So whoever is streamed an origin's log from its floor on, and then told its number, knows for
 *     every record up to that number the record or what superseded it, whoever wrote that.
 * L2. A version's row lists exactly the paths whose content register says that version.
 *
 * A deletion, withdrawal or removal of a variable at or below the floor whose register is not here was collected here, and
 * is not taken in again: others may collect it later and send it meanwhile. Whatever else is at or below the floor is taken in.
 */
import { compareBytes, readable } from "../bytes.ts";
import type { VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { isAbsence } from "./absences.ts";
import { lookAgain } from "./checkpoints.ts";
import { noteConflict } from "./conflicts.ts";
import { decodeContent, fileVersionIn } from "./content.ts";
import { copyKey, logKey, settingKey, todoKey, trashKey } from "./keys.ts";
import { encodePointer, type LogPointer } from "./log.ts";
import { noteContent } from "./notes.ts";
import { decodeCopyRow, decodeRegisters, encodeRegisters, type Holding, type Mark, type Register } from "./rows.ts";
import { writeTodo } from "./todo.ts";
import type { CatalogTransaction } from "./transaction.ts";
import type { CatalogRecord, Content, Stamp } from "./types.ts";
import { isVariableField } from "./variables.ts";

export const CONTENT_FIELD = "content";

/** Takes in one record. Answers whether the register now says what the record says and did not before. */
export function merge(transaction: CatalogTransaction, record: CatalogRecord): boolean {
  const origin = transaction.origins.intern(record.origin);
  const row = transaction.origins.at(origin);
  if (record.number > row.seen) transaction.origins.set(origin, { ...row, seen: record.number });
  const mark: Mark = { origin, number: record.number };
  switch (record.key.kind) {
    case "path":
      return mergePathRegister(transaction, record.key.path, asRegister(record, record.key.field, mark), mark);
    case "holding":
      return mergeHolding(transaction, record.key.version, record.value[0] === 1, mark);
    case "setting":
      return mergeSetting(transaction, record.key.name, asRegister(record, "", mark), mark);
  }
}

/** The order of two writes to one register: negative when `a` is the older. */
export function compareWrites(a: { stamp: Stamp; value: Uint8Array }, b: { stamp: Stamp; value: Uint8Array }): number {
  return (
    a.stamp.rank - b.stamp.rank ||
    a.stamp.time - b.stamp.time ||
    (a.stamp.server < b.stamp.server ? -1 : a.stamp.server > b.stamp.server ? 1 : 0) ||
    compareBytes(a.value, b.value)
  );
}

export function contentOf(registers: readonly Register[]): Content | undefined {
  const register = registers.find(({ field }) => field === CONTENT_FIELD);
  return register === undefined ? undefined : decodeContent(register.value);
}

function asRegister(record: CatalogRecord, field: string, mark: Mark): Register {
  if (record.stamp === undefined) throw new RangeError("a record without a stamp");
  return { field, stamp: record.stamp, value: record.value, marks: [mark] };
}

function mergePathRegister(transaction: CatalogTransaction, path: FilePath, written: Register, mark: Mark): boolean {
  const isContent = written.field === CONTENT_FIELD;
  const registers = transaction.registers(path, isContent);
  const present = registers.find(({ field, value }) => field === written.field && !(isContent && isUnreadable(value)));
  const wins = present === undefined || compareWrites(written, present) > 0;
  const known = present !== undefined && knows(present.marks, mark);
  if (known && !wins) return false;
  if (present === undefined && isAbsence(written) && isCollected(transaction, mark)) return false;
  if (isContent && !known && wasMerged(transaction, mark)) transaction.doubt(path);
  const marks = known ? present.marks : withMark(transaction, present?.marks ?? [], mark);
  const merged: Register = { ...(wins ? written : present), marks };
  transaction.setRegisters(path, [...registers.filter(({ field }) => field !== written.field), merged]);

  if (!known && isAbsence(merged)) noteLate(transaction, mark);
  const pathPointer = { kind: "path", path, field: written.field } as const;
  if (!isContent) {
    if (!known) point(transaction, [mark], pathPointer);
    if (wins) noteChange(transaction, written.field, registers);
    return wins;
  }
  const content = decodeContent(merged.value);
  point(transaction, marks, pathPointer);
  if (content.type === "file" && !known) point(transaction, [mark], { kind: "content", version: content.version });
  if (!wins) return false;
  const before = present && decodeContent(present.value);
  noteContent(transaction, path, before, content);
  replaceContent(transaction, path, before, content);
  noteConflict(transaction, path, before, content);
  return true;
}

/** By the log (L1): a register that has no mark of it has lost a write. */
function wasMerged({ view }: CatalogTransaction, { origin, number }: Mark): boolean {
  return view.get(logKey(origin, number)) !== undefined;
}

/** A content that is damaged is as if it were lost: whatever is said of the path heals it (C5). */
function isUnreadable(value: Uint8Array): boolean {
  return readable(() => decodeContent(value)) === undefined;
}

/** Brings everything that follows from a path's content in line with its change. */
function replaceContent(
  transaction: CatalogTransaction,
  path: FilePath,
  before: Content | undefined,
  after: Content,
): void {
  if (before?.type === "deleted") transaction.stats.deletions -= 1;
  if (after.type === "deleted") transaction.stats.deletions += 1;
  if (before?.type === "file") {
    transaction.stats.files -= 1;
    transaction.stats.bytes -= before.sizeBytes;
    if (after.type !== "file" || after.version !== before.version) {
      const row = transaction.version(before.version);
      transaction.setVersion(before.version, { ...row, paths: row.paths.filter((other) => other !== path) });
      planCopy(transaction, before.version, before.sha256);
    }
  }
  if (after.type === "file") {
    transaction.stats.files += 1;
    transaction.stats.bytes += after.sizeBytes;
    const row = transaction.version(after.version);
    if (!row.paths.includes(path)) transaction.setVersion(after.version, { ...row, paths: [...row.paths, path] });
    planCopy(transaction, after.version, after.sha256);
  }
  for (const version of after.forever ?? []) planForever(transaction, version);
}

/** Notes that a copy on this disk may have to move or go. What has to be done is decided when it is done. */
function planCopy(transaction: CatalogTransaction, version: VersionId, sha256: string): void {
  const copy = transaction.view.get(copyKey(version));
  if (copy === undefined) return;
  const { path, staged } = decodeCopyRow(copy);
  const { paths } = transaction.version(version);
  if (staged === undefined && paths.includes(path)) transaction.view.remove(todoKey(version));
  else writeTodo(transaction.view, version, { sha256 });
}

/** Notes that a version is to lie in no trash, whether its copy has yet to go there or is there already. */
function planForever(transaction: CatalogTransaction, version: VersionId): void {
  const { view } = transaction;
  const isHere = view.get(copyKey(version)) !== undefined || view.get(trashKey(version)) !== undefined;
  if (isHere && transaction.version(version).paths.length === 0) writeTodo(view, version, { forever: true });
}

function mergeHolding(transaction: CatalogTransaction, version: VersionId, held: boolean, mark: Mark): boolean {
  const { origins } = transaction;
  const row = transaction.version(version);
  const { server } = origins.named(mark.origin);
  const isHolders = (holding: Holding) => origins.named(holding.marks[0]!.origin).server === server;
  const present = row.holdings.find(isHolders);
  if (present !== undefined && knows(present.marks, mark)) return false;
  if (present === undefined && !held && isCollected(transaction, mark)) return false;
  const wins = present === undefined || present.marks.every((other) => compareStatements(transaction, other, mark) < 0);
  const marks = withMark(transaction, present?.marks ?? [], mark);
  const merged: Holding = { held: wins ? held : present.held, marks };
  transaction.setVersion(version, { ...row, holdings: [...row.holdings.filter((h) => !isHolders(h)), merged] });
  if (!merged.held) noteLate(transaction, mark);
  if (present?.held === false) transaction.stats.deletions -= 1;
  if (!merged.held) transaction.stats.deletions += 1;
  point(transaction, [mark], { kind: "holding", version });
  const changes = wins && held !== (present?.held ?? false);
  if (changes) transaction.notes?.push({ kind: "copy", version, server, held });
  return changes;
}

function isCollected({ origins }: CatalogTransaction, mark: Mark): boolean {
  return mark.number <= origins.at(mark.origin).floor;
}

/** A deletion that is no news of its origin may lie where nobody looks for what can be collected any more (C7). */
function noteLate({ origins, view }: CatalogTransaction, mark: Mark): void {
  if (mark.number <= origins.at(mark.origin).contiguous) lookAgain(view, mark);
}

function compareStatements({ origins }: CatalogTransaction, a: Mark, b: Mark): number {
  return origins.named(a.origin).incarnation - origins.named(b.origin).incarnation || a.number - b.number;
}

function mergeSetting(transaction: CatalogTransaction, name: string, written: Register, mark: Mark): boolean {
  const { view } = transaction;
  const row = view.get(settingKey(name));
  const present = row === undefined ? undefined : decodeRegisters(row)[0];
  const wins = present === undefined || compareWrites(written, present) > 0;
  const known = present !== undefined && knows(present.marks, mark);
  if (known && !wins) return false;
  const marks = known ? present.marks : withMark(transaction, present?.marks ?? [], mark);
  view.put(settingKey(name), encodeRegisters([{ ...(wins ? written : present), marks }]));
  if (!known) point(transaction, [mark], { kind: "setting", name });
  return wins;
}

/**
 * The mark, or a later one of its origin, is there already. What comes with it may say something newer all the same: a
 * record carries its register as it was when it was sent, and a damaged register is healed by it (C5).
 */
function knows(marks: readonly Mark[], mark: Mark): boolean {
  return marks.some(({ origin, number }) => origin === mark.origin && number >= mark.number);
}

/** The marks with a new one in the place of its origin's last; keeps L1 by taking that one's row out of the log. */
function withMark({ view }: CatalogTransaction, marks: readonly Mark[], mark: Mark): Mark[] {
  const kept: Mark[] = [];
  for (const other of marks) {
    if (other.origin === mark.origin) view.remove(logKey(other.origin, other.number));
    else kept.push(other);
  }
  return [...kept, mark];
}

function point({ view }: CatalogTransaction, marks: readonly Mark[], pointer: LogPointer): void {
  const row = encodePointer(pointer);
  for (const { origin, number } of marks) view.put(logKey(origin, number), row);
}

/** Of a register that is not the content. Variables come in great numbers, and change nothing that is indexed (C13). */
function noteChange(transaction: CatalogTransaction, field: string, registers: readonly Register[]): void {
  const content = registers.find((other) => other.field === CONTENT_FIELD);
  const version = content && fileVersionIn(content.value);
  if (version === undefined) return;
  if (isVariableField(field)) transaction.describe(version);
  else transaction.touch(version);
}
