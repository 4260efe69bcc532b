/** Reading what is at a path (C12: a directory exists while it was made or has a live descendant). */
import type { FilePath } from "../paths.ts";
import { descendantsRange, entryKey, keyAfter, keyAfterSubtree, pathOfEntryKey } from "./keys.ts";
import type { KeyValue, ReadView } from "./kv.ts";
import { CONTENT_FIELD, contentOf } from "./merge.ts";
import { decodeRegisters, type Register } from "./rows.ts";
import { readRegister, readRegisters } from "./transaction.ts";
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
  return hasLiveDescendant(view, path) ? { type: "directory", path, stamp: undefined } : undefined;
}

/** The time of the last write to what is at a path, deletions included. */
export function contentStamp(view: ReadView, path: FilePath): Stamp | undefined {
  return readRegister(view, entryKey(path), CONTENT_FIELD)?.stamp;
}

export function hasLiveDescendant(view: ReadView, directory: FilePath): boolean {
  for (const { key, value } of view.range(descendantsRange(directory))) {
    if (entryOf(pathOfEntryKey(key), decodeRegisters(value)) !== undefined) return true;
  }
  return false;
}

/** Every live entry below a directory, in order of path, from behind `after` on. */
export function* descendants(view: ReadView, directory: FilePath | "", after?: FilePath): Generator<Entry> {
  const range = descendantsRange(directory);
  const start = after === undefined ? range.start : keyAfter(entryKey(after));
  for (const row of view.range({ ...range, start })) {
    const entry = entryOfRow(row);
    if (entry !== undefined) yield entry;
  }
}

/**
 * The live entries directly in a directory, in order of name, from behind `after` on. What lies deeper is skipped by
 * seeking, so a page costs what it shows and not what is below it.
 */
export function* children(view: ReadView, directory: FilePath | "", after?: FilePath): Generator<Entry> {
  const range = descendantsRange(directory);
  const nameAt = directory === "" ? 0 : directory.length + 1;
  let start = after === undefined ? range.start : keyAfterSubtree(entryKey(after));
  for (;;) {
    const next = firstLive(view, start, range.end);
    if (next === undefined) return;
    const slash = next.path.indexOf("/", nameAt);
    const child = (slash === -1 ? next.path : next.path.slice(0, slash)) as FilePath;
    yield slash === -1 ? next : { type: "directory", path: child, stamp: undefined };
    start = keyAfterSubtree(entryKey(child));
  }
}

function firstLive(view: ReadView, start: Uint8Array, end: Uint8Array): Entry | undefined {
  for (const row of view.range({ start, end })) {
    const entry = entryOfRow(row);
    if (entry !== undefined) return entry;
  }
  return undefined;
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
