/** Reading what is at a path (C12: a directory exists while it was made or has a live descendant). */
import { type FilePath, parentOf } from "../paths.ts";
import { descendantsRange, entryKey, keyAfter, keyAfterSubtree, pathOfEntryKey } from "./keys.ts";
import type { KeyValue, ReadView } from "./kv.ts";
import { CONTENT_FIELD, contentOf } from "./merge.ts";
import { decodeRegisters, type Register } from "./rows.ts";
import { readRegister, readRegisters } from "./transaction.ts";
import { emptyAbove, hasLiveDescendant } from "./tree.ts";
import type { FileContent, Stamp } from "./types.ts";

export type Entry =
  | {
      readonly type: "file";
      readonly path: FilePath;
      readonly content: FileContent;
      readonly stamp: Stamp;
      readonly registers: readonly Register[];
    }
  /** `stamp` is undefined for a directory that exists only by what is in it. */
  | { readonly type: "directory"; readonly path: FilePath | ""; readonly stamp: Stamp | undefined };

export function readEntry(view: ReadView, path: FilePath | ""): Entry | undefined {
  if (path === "") return { type: "directory", path, stamp: undefined };
  const entry = entryOf(path, readRegisters(view, entryKey(path)));
  if (entry !== undefined) return entry;
  return directoryOfChildren(view, path);
}

/** The time of the last write to what is at a path, deletions included. */
export function contentStamp(view: ReadView, path: FilePath): Stamp | undefined {
  return readRegister(view, entryKey(path), CONTENT_FIELD)?.stamp;
}

/**
 * Nothing is at `path`, and at some paths before it: what was deleted is passed over row by row, and who looks for entries
 * has to rest at times.
 */
export interface Passed {
  readonly type: "nothing";
  readonly path: FilePath;
}

/** So many deleted rows are told of at once. */
const PASSED_ROWS = 16;

/** Every live entry below a directory, in order of path, from behind `after` on. Directories without any are skipped. */
export function* descendants(view: ReadView, directory: FilePath | "", after?: FilePath): Generator<Entry | Passed> {
  const { start, end } = descendantsRange(directory);
  let from: Uint8Array | undefined = after === undefined ? start : keyAfter(entryKey(after));
  let passed = 0;
  /** A directory in which something is. */
  let inhabited: FilePath | "" = directory;
  while (from !== undefined) {
    const rows = view.range({ start: from, end });
    from = undefined;
    for (const row of rows) {
      const entry = entryOfRow(row);
      if (entry !== undefined) {
        yield entry;
        continue;
      }
      const path = pathOfEntryKey(row.key);
      if (++passed % PASSED_ROWS === 0) yield { type: "nothing", path };
      const parent = parentOf(path);
      const empty = parent === inhabited ? undefined : emptyAbove(view, path, directory);
      if (empty === undefined) {
        inhabited = parent;
        continue;
      }
      from = keyAfterSubtree(entryKey(empty));
      break;
    }
  }
}

/**
 * The live entries directly in a directory, in order of name, from behind `after` on. What lies deeper is skipped by
 * seeking, so a page costs what it shows and not what is below it.
 */
export function* children(view: ReadView, directory: FilePath | "", after?: FilePath): Generator<Entry | Passed> {
  const { start, end } = descendantsRange(directory);
  const nameAt = directory === "" ? 0 : directory.length + 1;
  let from: Uint8Array | undefined = after === undefined ? start : keyAfterSubtree(entryKey(after));
  let passed = 0;
  while (from !== undefined) {
    const rows = view.range({ start: from, end });
    from = undefined;
    for (const row of rows) {
      const path = pathOfEntryKey(row.key);
      const slash = path.indexOf("/", nameAt);
      const child = (slash === -1 ? path : path.slice(0, slash)) as FilePath;
      const entry = slash === -1 ? entryOfRow(row) : directoryOfChildren(view, child);
      if (entry !== undefined) yield entry;
      // Where something was deleted a directory may be, which is found by what is in it: by the next row.
      else if (++passed % PASSED_ROWS === 0 && !hasLiveDescendant(view, child)) yield { type: "nothing", path: child };
      if (slash === -1 && entry === undefined) continue;
      from = keyAfterSubtree(entryKey(child));
      break;
    }
  }
}

/** A directory that is there by what is in it. */
export function directoryOfChildren(view: ReadView, path: FilePath): Entry | undefined {
  return hasLiveDescendant(view, path) ? { type: "directory", path, stamp: undefined } : undefined;
}

/** What a row of the entries' table says is there; undefined when that is nothing. */
export function entryOfRow({ key, value }: KeyValue): Entry | undefined {
  return entryOf(pathOfEntryKey(key), decodeRegisters(value));
}

function entryOf(path: FilePath, registers: readonly Register[]): Entry | undefined {
  const content = contentOf(registers);
  if (content === undefined || content.type === "deleted") return undefined;
  const { stamp } = registers.find(({ field }) => field === CONTENT_FIELD)!;
  return content.type === "file"
    ? { type: "file", path, content, stamp, registers }
    : { type: "directory", path, stamp };
}
