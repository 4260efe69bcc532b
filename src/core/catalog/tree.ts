/**
 * Which directories have something in them (C12), without looking through what was deleted there. Of a million deleted files
 * the rows stay for a day (C7), and whoever asked whether a directory is empty walked all of them.
 *
 * A path is there when something was put or made at it, or something below it is. A directory's row says how many of its
 * children are there; without any there is no row.
 */
import { ByteReader, ByteWriter, readable } from "../bytes.ts";
import { ancestorsOf, type FilePath, parentOf } from "../paths.ts";
import { CONTENT_KIND } from "./content.ts";
import { childrenKey, descendantsRange, entryKey, keyAfterSubtree, pathOfEntryKey, tableRange } from "./keys.ts";
import type { Bytes, ReadView, WriteView } from "./kv.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { piecesOf, removeAll } from "./pieces.ts";
import { decodeRegister, type Register } from "./rows.ts";

/** How many of a directory's children are there. */
export function childrenIn(view: ReadView, directory: FilePath | ""): number {
  return childrenToldIn(view, directory) ?? countChildren(view, directory);
}

/** As its row says; undefined where that cannot be read. */
function childrenToldIn(view: ReadView, directory: FilePath | ""): number | undefined {
  const row = view.get(childrenKey(directory));
  return row === undefined ? 0 : readable(() => new ByteReader(row).varint());
}

export function hasLiveDescendant(view: ReadView, directory: FilePath | ""): boolean {
  return childrenIn(view, directory) > 0;
}

/** The highest directory above a path, below `top`, in which nothing is; undefined where something is beside it. */
export function emptyAbove(view: ReadView, path: FilePath, top: FilePath | ""): FilePath | undefined {
  let empty: FilePath | undefined;
  for (let at = parentOf(path); at !== top && at !== "" && !hasLiveDescendant(view, at); at = parentOf(at)) empty = at;
  return empty;
}

/** Whether the registers of a path say that something is at it; undefined when that cannot be read. */
export function isLive(registers: readonly Register[]): boolean | undefined {
  const content = registers.find(({ field }) => field === CONTENT_FIELD);
  return content === undefined ? false : isLiveContent(content.value);
}

function isLiveContent([kind]: Bytes): boolean | undefined {
  switch (kind) {
    case CONTENT_KIND.file:
    case CONTENT_KIND.requestedFile:
    case CONTENT_KIND.directory:
      return true;
    case CONTENT_KIND.deleted:
    case CONTENT_KIND.moved:
      return false;
    default:
      return undefined;
  }
}

/** What is at a path has changed in the view. @param before undefined when its row was damaged: then all is counted anew */
export function noteLive(
  view: WriteView,
  path: FilePath,
  before: boolean | undefined,
  after: boolean | undefined,
): void {
  const parent = parentOf(path);
  if (before === undefined || after === undefined)
    setChildren(view, parent, childrenIn(view, parent), countChildren(view, parent));
  else if (before !== after && !hasLiveDescendant(view, path)) addChildren(view, parent, after ? 1 : -1);
}

/** One has come or gone, in the view already. */
function addChildren(view: WriteView, directory: FilePath | "", change: 1 | -1): void {
  const before = childrenToldIn(view, directory) ?? countChildren(view, directory) - change;
  setChildren(view, directory, before, Math.max(before + change, 0));
}

/** A directory that nobody made is there with its first child, and gone with its last. */
function setChildren(view: WriteView, directory: FilePath | "", before: number, count: number): void {
  writeChildren(view, directory, count);
  if (directory === "" || before > 0 === count > 0 || isLiveAt(view, directory)) return;
  addChildren(view, parentOf(directory), count > 0 ? 1 : -1);
}

function writeChildren(view: WriteView, directory: FilePath | "", count: number): void {
  if (count === 0) view.remove(childrenKey(directory));
  else view.put(childrenKey(directory), new ByteWriter(8).varint(count).finish());
}

function isLiveAt(view: ReadView, path: FilePath): boolean {
  return isLiveRow(view.get(entryKey(path)));
}

/** Of a row that cannot be read nothing is known: it is taken for none, as everywhere (C5). */
function isLiveRow(row: Bytes | undefined): boolean {
  if (row === undefined) return false;
  const content = readable(() => decodeRegister(row, CONTENT_FIELD));
  return content !== undefined && isLiveContent(content.value) === true;
}

/** By its entries; of what is deeper the rows are right. */
function countChildren(view: ReadView, directory: FilePath | ""): number {
  const { start, end } = descendantsRange(directory);
  const nameAt = directory === "" ? 0 : directory.length + 1;
  let count = 0;
  for (let from: Bytes | undefined = start; from !== undefined; ) {
    const range = { start: from, end };
    from = undefined;
    for (const { key, value } of view.range(range)) {
      const path = pathOfEntryKey(key);
      const slash = path.indexOf("/", nameAt);
      if (slash === -1 && !isLiveRow(value)) continue;
      const child = (slash === -1 ? path : path.slice(0, slash)) as FilePath;
      if (slash === -1 || hasLiveDescendant(view, child)) count += 1;
      from = keyAfterSubtree(entryKey(child));
      break;
    }
  }
  return count;
}

/** Counts a whole catalog that has not been counted: one that an earlier version wrote. A second for a million files. */
export function countTree(view: WriteView): void {
  removeAll(view, tableRange("directories"));
  /** From the root down to the last path: how many children of each have been seen, and which was the last. */
  const open: { path: FilePath | ""; children: number; last: FilePath | undefined }[] = [
    { path: "", children: 0, last: undefined },
  ];
  const see = (child: FilePath) => {
    const directory = open.at(-1)!;
    if (directory.last !== child) directory.children += 1;
    directory.last = child;
  };
  const close = () => {
    const { path, children } = open.pop()!;
    writeChildren(view, path, children);
  };
  const add = (path: FilePath) => {
    const ancestors = ancestorsOf(path);
    while (open.length > 1 && open.at(-1)!.path !== ancestors[open.length - 2]) close();
    for (const ancestor of ancestors.slice(open.length - 1)) {
      see(ancestor);
      open.push({ path: ancestor, children: 0, last: undefined });
    }
    see(path);
  };
  for (const rows of piecesOf(view, tableRange("entries"))) {
    for (const { key, value } of rows) if (isLiveRow(value)) add(pathOfEntryKey(key));
  }
  while (open.length > 0) close();
}
