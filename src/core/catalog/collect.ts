/**
 * Collecting deletions, withdrawals and removed variables (C7): rows that say only that something is no more go, once every server of the
 * roster has had them for long enough.
 *
 * G1. A register is collected only when all its marks are old (checkpoints.ts): then every server of the roster has it,
 *     or what superseded it, and none can send again what it superseded. What one writes from then on is newer.
 * G2. Collecting raises the floor of each origin whose mark went, in the same transaction. A catalog that knows an origin
 *     only up to below another's floor may still hold what that one has forgotten the deletion of, and is *below* it:
 *     nothing is taken from it, and it is replaced (discard.ts).
 * G3. A floor may be too high, never too low: it says what a catalog does not vouch for.
 * G4. A register that says something is not collected: what else was written at a deleted path (N, variables that are set)
 *     stays. It would differ between servers if only some had dropped it, and what is brought back from the trash has its
 *     variables again. They are removed when another file comes to the path (V2), and are collected then; N becomes that
 *     of the swarm when any file does (Y1).
 */

import { isAbsence } from "./absences.ts";
import { type Numbers, readCheckpoints } from "./checkpoints.ts";
import { readCopy } from "./copies.ts";
import { entryKey, logKey, numberOfLogKey, tableRange } from "./keys.ts";
import type { ReadView } from "./kv.ts";
import { decodePointer, type LogPointer } from "./log.ts";
import { CONTENT_FIELD } from "./merge.ts";
import type { Holding, Mark, Register } from "./rows.ts";
import { type CatalogTransaction, readRegisters, readVersionRow } from "./transaction.ts";

/** A row of the log that may point at something to be collected. */
export interface Collectable {
  readonly mark: Mark;
  readonly pointer: LogPointer;
}

export interface LogStretch {
  readonly collectable: Collectable[];
  /** The last number that was looked at; undefined when the stretch ended first. */
  readonly reached: number | undefined;
}

/** Looks through at most `limit` rows of an origin's log numbered above `after`, up to what is old. */
export function findCollectable(
  view: ReadView,
  origin: number,
  after: number,
  old: Numbers,
  limit: number,
): LogStretch {
  const collectable: Collectable[] = [];
  let rows = 0;
  let reached: number | undefined;
  const range = { start: logKey(origin, after + 1), end: logKey(origin, (old.get(origin) ?? 0) + 1), limit };
  for (const { key, value } of view.range(range)) {
    rows += 1;
    reached = numberOfLogKey(key);
    const mark = { origin, number: reached };
    const pointer = decodePointer(value);
    if (findAt(rowsIn(view), mark, pointer, old) !== undefined) collectable.push({ mark, pointer });
  }
  return { collectable, reached: rows === limit ? reached : undefined };
}

/** Files of this server that have yet to move or go are led by the deletions at their paths (T3 in settle.ts). */
export function isSettling(view: ReadView): boolean {
  for (const _ of view.range({ ...tableRange("todo"), limit: 1 })) return true;
  return false;
}

/** Collects what is still there to be collected. Answers how many registers went. */
export function collect(transaction: CatalogTransaction, rows: readonly Collectable[], old: Numbers): number {
  if (isSettling(transaction.view)) return 0;
  let count = 0;
  for (const { mark, pointer } of rows) {
    const found = findAt(transaction, mark, pointer, old);
    if (found === undefined || isOwnCopy(transaction, found)) continue;
    remove(transaction, found);
    raiseFloors(transaction, found.marks);
    if (found.kind === "holding" || found.pointer.field === CONTENT_FIELD) transaction.stats.deletions -= 1;
    count += 1;
  }
  return count;
}

/** Rows as a transaction has them, which may not be in its view yet; or as they are in a view. */
type Rows = Pick<CatalogTransaction, "registers" | "version">;

function rowsIn(view: ReadView): Rows {
  return {
    registers: (path) => readRegisters(view, entryKey(path)),
    version: (version) => readVersionRow(view, version),
  };
}

type Found =
  | { readonly kind: "path"; readonly pointer: LogPointer & { kind: "path" }; readonly marks: readonly Mark[] }
  | { readonly kind: "holding"; readonly pointer: LogPointer & { kind: "holding" }; readonly marks: readonly Mark[] };

/** The deletion or withdrawal that a row of the log points at, if all its marks are old. */
function findAt(rows: Rows, mark: Mark, pointer: LogPointer, old: Numbers): Found | undefined {
  if (pointer.kind === "path") {
    const register = rows.registers(pointer.path).find(({ field }) => field === pointer.field);
    const isOld = register !== undefined && isAbsence(register) && areOld(register, old);
    return isOld ? { kind: "path", pointer, marks: register.marks } : undefined;
  }
  if (pointer.kind !== "holding") return undefined; // A file's content, or a setting.
  const holding = rows.version(pointer.version).holdings.find((other) => bears(other, mark));
  const isOld = holding !== undefined && !holding.held && areOld(holding, old);
  return isOld ? { kind: "holding", pointer, marks: holding.marks } : undefined;
}

/** Whether a deletion that came after this register may have been collected, so that nothing is known of it any more. */
export function mayOutliveDeletion(view: ReadView, register: Register): boolean {
  const [oldest] = readCheckpoints(view);
  return oldest !== undefined && areOld(register, oldest.numbers);
}

function areOld({ marks }: Register | Holding, old: Numbers): boolean {
  return marks.every(({ origin, number }) => number <= (old.get(origin) ?? 0));
}

function bears({ marks }: Holding, { origin, number }: Mark): boolean {
  return marks.some((mark) => mark.origin === origin && mark.number === number);
}

/** A withdrawal of a copy that is there after all is about to be corrected. */
function isOwnCopy({ view, context, origins }: CatalogTransaction, found: Found): boolean {
  if (found.kind === "path" || origins.at(found.marks[0]!.origin).server !== context.self) return false;
  return readCopy(view, found.pointer.version) !== undefined;
}

function remove(transaction: CatalogTransaction, { kind, pointer, marks }: Found): void {
  for (const { origin, number } of marks) transaction.view.remove(logKey(origin, number));
  if (kind === "path") {
    const registers = transaction.registers(pointer.path);
    transaction.setRegisters(
      pointer.path,
      registers.filter(({ field }) => field !== pointer.field),
    );
    return;
  }
  const row = transaction.version(pointer.version);
  const holdings = row.holdings.filter((holding) => !bears(holding, marks[0]!));
  transaction.setVersion(pointer.version, { ...row, holdings });
}

function raiseFloors({ origins }: CatalogTransaction, marks: readonly Mark[]): void {
  for (const { origin, number } of marks) {
    const row = origins.at(origin);
    if (number > row.floor) origins.set(origin, { ...row, floor: number });
  }
}
