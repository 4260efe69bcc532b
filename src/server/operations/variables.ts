/** Setting variables: of a file, all or none; of many files, each by itself. */
import { mayOutliveDeletion } from "../../core/catalog/collect.ts";
import { isFileContent } from "../../core/catalog/content.ts";
import { CONTENT_FIELD, contentOf } from "../../core/catalog/merge.ts";
import type { Register } from "../../core/catalog/rows.ts";
import { encodeTarget, statedTarget, TARGET_FIELD } from "../../core/catalog/surplus.ts";
import { hasLiveDescendant } from "../../core/catalog/tree.ts";
import {
  checkVariable,
  encodeVariable,
  isUnset,
  isVariableField,
  UNSET,
  VARIABLE_NAMES_MAX,
  VARIABLES_MAX,
  type Variables,
  type VariableValue,
  variableField,
  variablesObject,
} from "../../core/catalog/variables.ts";
import type { HybridTime } from "../../core/ids.ts";
import { type FilePath, parsePath } from "../../core/paths.ts";
import { readPolicyMark } from "../../core/policy/mark.ts";
import { slicesOf } from "../../core/slices.ts";
import { FsdfsError } from "../../errors.ts";
import type { Change } from "../catalog/change.ts";
import type { VariableChange, VariableChanges, VariableFailure } from "../face.ts";
import { afterChange } from "../failures.ts";
import type { Parts } from "../parts.ts";

/** For many files in one call; what a call takes in memory, and another server when it is forwarded. */
const CHANGES_MAX = 1000;
/** Made in one change of the catalog: some 1.5 ms of work, so that the event loop is left to others in between. */
const CHANGES_AT_ONCE = 20;

type Wanted = readonly [name: string, value: VariableValue | null];

export async function setVariables(parts: Parts, path: FilePath, changes: VariableChanges): Promise<Variables> {
  const wanted = Object.entries(changes);
  for (const [name, value] of wanted) checkVariable(name, value);
  const [variables] = await acknowledged(parts, [
    (change) => {
      write(change, path, wanted);
      return variablesObject(change.transaction.registers(path));
    },
  ]);
  return variables ?? {};
}

/** @throws FsdfsError what would meet all of them alike; repeated, it does no harm */
export async function setManyVariables(
  parts: Parts,
  changes: readonly VariableChange[],
  onMade?: () => void,
): Promise<(VariableFailure | null)[]> {
  const steps = slicesOf(changes, CHANGES_AT_ONCE).map(
    (slice) => (change: Change) => slice.map((each) => failureOf(() => writeOne(change, each))),
  );
  return (await acknowledged(parts, steps, onMade)).flat();
}

/** @throws FsdfsError `argument-invalid` */
export function checkChanges(changes: readonly VariableChange[]): void {
  if (changes.length <= CHANGES_MAX) return;
  throw new FsdfsError("argument-invalid", { name: "changes", reason: `at most ${CHANGES_MAX} at once` });
}

/** To be called before a file comes to be at a path: what a file that was there before has left is not its own. */
export function removeLeftVariables(change: Change, path: FilePath): void {
  const registers = change.transaction.registers(path);
  const content = contentOf(registers);
  if (content?.type === "file") return;
  removeLeftTarget(change, path);
  const set = registers.filter(({ field, value }) => isVariableField(field) && !isUnset(value));
  // Where nothing is known of a file, their own may be one that is yet to be heard of.
  const left = content === undefined ? set.filter((register) => mayOutliveDeletion(change.view, register)) : set;
  for (const { field } of left) change.writePath(path, field, UNSET);
}

/**
 * N that a policy gave the file that was at a path before, where nobody knows of a policy any more: as long as one is known, or
 * that it was taken away, that is asked about the file that comes (Y1).
 */
export function removeLeftTarget(change: Change, path: FilePath): void {
  const { transaction, view } = change;
  const registers = transaction.registers(path);
  const left = registers.find(({ field }) => field === TARGET_FIELD);
  if (left === undefined || statedTarget(registers) === undefined || readPolicyMark(view) !== undefined) return;
  const { rank, time } = left.stamp;
  const after = Math.max(change.now(), time + 1) as HybridTime;
  const stamp = { rank, time: after, server: transaction.context.self };
  change.writePath(path, TARGET_FIELD, encodeTarget(undefined), stamp);
}

/** Whether a register goes with a file that moves. */
export function isCarried({ field, value }: Pick<Register, "field" | "value">): boolean {
  return !isVariableField(field) || !isUnset(value);
}

function writeOne(change: Change, { path, name, value }: VariableChange): void {
  checkVariable(name, value);
  write(change, parsePath(path), [[name, value]]);
}

/** What it says already is written again: it is to be later than what others have written without being known here (C1). */
function write(change: Change, path: FilePath, wanted: readonly Wanted[]): void {
  const registers = change.transaction.registers(path);
  checkIsFile(change, path, registers);
  checkCounts(path, registers, new Map(wanted.map(([name, value]) => [variableField(name), value])));
  for (const [name, value] of wanted) {
    change.writePath(path, variableField(name), value === null ? UNSET : encodeVariable(value));
  }
}

/** @throws FsdfsError `variables-too-many`, `variable-names-too-many` */
function checkCounts(
  path: FilePath,
  registers: readonly Register[],
  wanted: ReadonlyMap<string, VariableValue | null>,
): void {
  const before = { names: 0, set: 0 };
  const kept = { names: 0, set: 0 };
  for (const { field, value } of registers) {
    if (!isVariableField(field)) continue;
    const set = isUnset(value) ? 0 : 1;
    before.names += 1;
    before.set += set;
    if (wanted.has(field)) continue;
    kept.names += 1;
    kept.set += set;
  }
  const names = kept.names + wanted.size;
  let set = kept.set;
  for (const value of wanted.values()) if (value !== null) set += 1;
  // Two servers that take some at once may bring a file above it; what is there can be changed all the same.
  if (set > VARIABLES_MAX && set > before.set)
    throw new FsdfsError("variables-too-many", { path, limit: VARIABLES_MAX });
  if (names > VARIABLE_NAMES_MAX && names > before.names) {
    throw new FsdfsError("variable-names-too-many", { path, limit: VARIABLE_NAMES_MAX });
  }
}

function checkIsFile(change: Change, path: FilePath, registers: readonly Register[]): void {
  const content = registers.find(({ field }) => field === CONTENT_FIELD);
  if (content !== undefined && isFileContent(content.value)) return;
  const isDirectory = contentOf(registers)?.type === "directory" || hasLiveDescendant(change.view, path);
  throw new FsdfsError(isDirectory ? "is-a-directory" : "file-not-found", { path });
}

function failureOf(task: () => void): VariableFailure | null {
  try {
    task();
    return null;
  } catch (error) {
    if (!(error instanceof FsdfsError) || error.status >= 500) throw error;
    return { code: error.code, message: error.message, hint: error.hint };
  }
}

/** Changes of the catalog, one after the other, acknowledged as a write is: durable here and on all who may answer readers. */
async function acknowledged<T>(
  parts: Parts,
  steps: readonly ((change: Change) => T)[],
  onMade?: () => void,
): Promise<T[]> {
  const { catalog, readiness } = parts;
  readiness.checkClock();
  const stillWanted = readiness.stillWanted();
  if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
  const made = steps.map((apply) =>
    catalog.change((change) => {
      stillWanted(change);
      return { answer: apply(change), number: change.number };
    }),
  );
  const done = await Promise.all(made);
  onMade?.();
  const last = done.at(-1);
  if (last === undefined) return [];
  await afterChange(async () => {
    await catalog.flushed();
    await readiness.known(last.number);
  });
  return done.map(({ answer }) => answer);
}
