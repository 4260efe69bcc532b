/** DELETE, making a directory, and moving: changes of names, without bytes. */
import { encodeContent } from "../../core/catalog/content.ts";
import { type Entry, entryOfRow, readEntry } from "../../core/catalog/entries.ts";
import { descendantsRange, keyAfter, pathOfEntryKey } from "../../core/catalog/keys.ts";
import type { KeyRange, KeyValue, ReadView } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD, contentOf } from "../../core/catalog/merge.ts";
import { hasLiveDescendant } from "../../core/catalog/tree.ts";
import type { Conditions } from "../../core/conditions.ts";
import { type FilePath, PATH_BYTES_MAX, parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Change } from "../catalog/change.ts";
import type { RemoveOptions } from "../face.ts";
import { afterChange } from "../failures.ts";
import type { Parts } from "../parts.ts";
import { sleep } from "../timers.ts";
import { requestDigest } from "./decisions.ts";
import { foreverAt, withForever } from "./forever.ts";
import { checkAncestors, checkDirectoryMayBeAt } from "./names.ts";
import { isCarried, removeLeftVariables } from "./variables.ts";

/** Entries moved in one transaction; a larger directory takes several. */
const MOVED_AT_ONCE = 500;
/** Between two looks at so many, when nothing is written: others are served. */
const REST_MS = 1;

export async function remove(parts: Parts, path: FilePath, options: RemoveOptions): Promise<void> {
  const { conditions } = options;
  const request = options.requestId === undefined ? undefined : requestDigest(options.requestId);
  let made = false;
  const apply = (change: Change) => {
    if (conditions !== undefined && parts.decisions.wasRemovedInChange(path, request)) return;
    const entry = readEntry(change.view, path);
    if (entry === undefined) throw new FsdfsError("file-not-found", { path });
    if (options.only === "file" && entry.type === "directory") throw new FsdfsError("is-a-directory", { path });
    if (options.only === "directory" && entry.type === "file") throw new FsdfsError("not-a-directory", { path });
    if (entry.type === "directory" && hasLiveDescendant(change.view, path)) {
      throw new FsdfsError("directory-not-empty", { path });
    }
    if (conditions !== undefined) parts.decisions.decide(change.view, path, entry, conditions);
    const gone = entry.type === "file" && options.forever ? [entry.content.version] : [];
    const forever = foreverAt(change.view, path, undefined, gone);
    const value = encodeContent({ type: "deleted", movedTo: undefined, by: options.by, forever });
    change.writePath(path, CONTENT_FIELD, value, parts.catalog.timeAfter(change, path));
    if (conditions === undefined) return;
    parts.decisions.remember(path, request, "removed");
    made = true;
  };
  const settled = (isDone: boolean) => {
    if (made) parts.decisions.settled(path, request, isDone);
  };
  await changeNames(parts, apply, settled);
}

export async function makeDirectory(parts: Parts, path: FilePath, conditions: Conditions | undefined): Promise<void> {
  await changeNames(parts, (change) => {
    checkDirectoryMayBeAt(change.view, path);
    const entry = readEntry(change.view, path);
    if (conditions !== undefined) parts.decisions.decide(change.view, path, entry, conditions);
    if (entry?.stamp !== undefined) return change.restatePath(path, CONTENT_FIELD);
    const value = encodeContent(withForever(change.view, path, { type: "directory" }));
    change.writePath(path, CONTENT_FIELD, value, parts.catalog.timeAfter(change, path));
  });
}

/**
 * K is the same before and after (C2): the version is at its new path in the same transaction in which it leaves the old.
 * Of a large directory some entries are moved after the other; what is put into it meanwhile may stay where it is.
 */
export async function move(parts: Parts, from: FilePath, to: FilePath): Promise<void> {
  if (from === to) return;
  await checkLengths(parts, from, to);
  let left = await changeNames(parts, (change) => {
    const source = readEntry(change.view, from);
    if (source === undefined) throw new FsdfsError("file-not-found", { path: from });
    checkDestination(change, source, from, to);
    if (source.type === "directory") return moveSome(parts, change, from, to, descendantsRange(from));
    moveEntry(parts, change, source, to);
    return undefined;
  });
  for (let range = left; range !== undefined; range = left) {
    const some = range;
    left = await afterChange(() => changeNames(parts, (change) => moveSome(parts, change, from, to, some)));
  }
}

/** Before anything of a directory is moved: whether all of it can be. @throws FsdfsError `path-invalid` */
async function checkLengths({ catalog, ports, ending }: Parts, from: FilePath, to: FilePath): Promise<void> {
  const addedBytes = Buffer.byteLength(to) - Buffer.byteLength(from);
  let range: KeyRange | undefined = addedBytes > 0 ? descendantsRange(from) : undefined;
  while (range !== undefined) {
    const { rows, left } = someRows(catalog.read(), range);
    for (const row of rows) {
      if (row.key.length + addedBytes > PATH_BYTES_MAX && entryOfRow(row)) movedPath(pathOfEntryKey(row.key), from, to);
    }
    range = left;
    if (left !== undefined) await sleep(ports.clock, REST_MS, ending);
  }
}

function checkDestination(change: Change, source: Entry, from: FilePath, to: FilePath): void {
  if (source.type === "directory" && to.startsWith(`${from}/`)) {
    throw new FsdfsError("argument-invalid", { name: "to", reason: "a directory cannot be moved into itself" });
  }
  checkAncestors(change.view, to);
  if (readEntry(change.view, to) !== undefined) throw new FsdfsError("already-exists", { path: to });
}

/** Moves some of a directory's entries, and the directory itself with the last. Answers where others are left. */
function moveSome(parts: Parts, change: Change, from: FilePath, to: FilePath, range: KeyRange): KeyRange | undefined {
  const { rows, left } = someRows(change.view, range);
  for (const row of rows) {
    const entry = entryOfRow(row);
    if (entry === undefined) continue;
    const destination = movedPath(entry.path as FilePath, from, to);
    checkStillFree(change.view, entry, destination);
    moveEntry(parts, change, entry, destination);
  }
  if (left !== undefined) return left;
  const directory = readEntry(change.view, from);
  if (directory?.type !== "directory" || directory.stamp === undefined) return undefined;
  checkStillFree(change.view, directory, to);
  moveEntry(parts, change, directory, to);
  return undefined;
}

/** Since the first of several changes somebody may have put something there. @throws FsdfsError `already-exists`, `not-a-directory` */
function checkStillFree(view: ReadView, { type }: Entry, destination: FilePath): void {
  checkDirectoryMayBeAt(view, destination);
  if (type === "file" && readEntry(view, destination) !== undefined)
    throw new FsdfsError("already-exists", { path: destination });
}

/** Deletions are among them: of a directory that is being moved there are as many as were moved. */
function someRows(view: ReadView, range: KeyRange): { rows: KeyValue[]; left: KeyRange | undefined } {
  const rows = [...view.range({ ...range, limit: MOVED_AT_ONCE })];
  const last = rows.length === MOVED_AT_ONCE ? rows.at(-1) : undefined;
  return { rows, left: last && { ...range, start: keyAfter(last.key) } };
}

/** @throws FsdfsError `path-invalid` when it would be too long */
function movedPath(path: FilePath, from: FilePath, to: FilePath): FilePath {
  return parsePath(`${to}${path.slice(from.length)}`);
}

function moveEntry(parts: Parts, change: Change, entry: Entry, to: FilePath): void {
  const from = entry.path as FilePath;
  const registers = change.transaction.registers(from);
  const content = contentOf(registers);
  if (content === undefined || content.type === "deleted") throw new Error(`nothing is at ${from}`);
  removeLeftVariables(change, to);
  for (const register of registers) {
    const { field, value } = register;
    if (field !== CONTENT_FIELD && isCarried(register)) change.writePath(to, field, value);
  }
  // The destination has the later time, so that who knows only the tombstone knows that something is to come (T3 in
  // settle.ts), and the earlier number, so that no batch ends between a file's leaving and its arriving.
  const left = parts.catalog.timeAfter(change, from);
  const value = encodeContent(withForever(change.view, to, content));
  change.writePath(to, CONTENT_FIELD, value, parts.catalog.timeAfter(change, to));
  change.writePath(from, CONTENT_FIELD, encodeContent({ type: "deleted", movedTo: to }), left);
}

/**
 * One change of names, acknowledged as a write is: durable here, and on all who may answer readers. `settled` hears whether the
 * disk has taken it.
 */
async function changeNames<T>(
  parts: Parts,
  apply: (change: Change) => T,
  settled = (_isDone: boolean) => {},
): Promise<T> {
  const { catalog, readiness } = parts;
  readiness.checkClock();
  const stillWanted = readiness.stillWanted();
  if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
  const changed = catalog.change((change) => {
    stillWanted(change);
    return { answer: apply(change), number: change.number };
  });
  changed.then(
    () => settled(true),
    () => settled(false),
  );
  const { answer, number } = await changed;
  await afterChange(async () => {
    await catalog.flushed();
    await readiness.known(number);
  });
  return answer;
}
