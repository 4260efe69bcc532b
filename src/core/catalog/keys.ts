/**
 * The catalog's tables and their keys, all in one ordered map. A key is a table's letter and then:
 *
 * entries   e  path (with "/" as a zero byte, so that a directory's entries follow it)  → the path's registers
 * versions  v  version                                       → its paths, its holdings, how it is indexed
 * directories d path (as an entry)                     → how many of its children are there (C12)
 * log       g  origin (2) number (5)                         → the register that this record wrote (C3)
 * origins   o  origin (2)                                    → its server, incarnation and how far it is known
 * work      w  held (1) surplus (2) order (4) version        → about its size; files I lack and files I hold, by surplus (C13)
 * copies    l  version                                       → the copy on this server's own disk
 * todo      t  version                                       → nothing; a copy whose file must move or go
 * trash     x  version                                       → its file in the trash
 * settings  s  name                                          → a register of the swarm
 * meta      m  name                                          → this server's own facts, what may be a file and a directory
 *                                                              (C12), what lies in the trash by its path, and what
 *                                                              became the copy of another version
 */
import { ByteReader, ByteWriter, fromUtf8, utf8 } from "../bytes.ts";
import { type HybridTime, SERVER_ID_BYTES, type VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import type { Bytes, KeyRange } from "./kv.ts";

/** Of a hybrid time as it is written. */
export const TIME_BYTES = 7;
export const VERSION_BYTES = TIME_BYTES + SERVER_ID_BYTES;
/** A server would write a million records a second for twelve days before it needs another incarnation. */
const LOG_NUMBER_BYTES = 5;
export const LOG_NUMBER_MAX = 2 ** (8 * LOG_NUMBER_BYTES) - 1;

const letter = (text: string) => text.charCodeAt(0);
const TABLE = {
  entries: letter("e"),
  versions: letter("v"),
  directories: letter("d"),
  log: letter("g"),
  origins: letter("o"),
  work: letter("w"),
  copies: letter("l"),
  todo: letter("t"),
  trash: letter("x"),
  settings: letter("s"),
  meta: letter("m"),
} as const;

export type Table = keyof typeof TABLE;
/** The first bytes of all keys. */
export const TABLE_LETTERS: readonly number[] = Object.values(TABLE);

export function tableRange(table: Table): KeyRange {
  return { start: Uint8Array.of(TABLE[table]), end: Uint8Array.of(TABLE[table] + 1) };
}

export function entryKey(path: FilePath | ""): Bytes {
  return withPath(TABLE.entries, path);
}

/** The root's has a byte that no path begins with: a letter alone is no table's. */
export function childrenKey(directory: FilePath | ""): Bytes {
  return directory === "" ? Uint8Array.of(TABLE.directories, 0) : withPath(TABLE.directories, directory);
}

export function pathOfEntryKey(key: Bytes): FilePath {
  const bytes = key.slice(1);
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 0) bytes[i] = 0x2f;
  return fromUtf8(bytes) as FilePath;
}

/** Everything below a directory; the directory's own entry is not in it. */
export function descendantsRange(directory: FilePath | ""): KeyRange {
  if (directory === "") return { start: Uint8Array.of(TABLE.entries, 1), end: Uint8Array.of(TABLE.entries + 1) };
  const prefix = entryKey(directory);
  return { start: append(prefix, 0), end: append(prefix, 1) };
}

/** The first key behind an entry and everything below it. */
export function keyAfterSubtree(entry: Bytes): Bytes {
  return append(entry, 1);
}

/** The first key behind `key`. */
export function keyAfter(key: Bytes): Bytes {
  return append(key, 0);
}

export function versionKey(version: VersionId): Bytes {
  return withVersion(TABLE.versions, version);
}

export function copyKey(version: VersionId): Bytes {
  return withVersion(TABLE.copies, version);
}

export function todoKey(version: VersionId): Bytes {
  return withVersion(TABLE.todo, version);
}

export function logKey(origin: number, number: number): Bytes {
  return new ByteWriter(8).u8(TABLE.log).uint(origin, 2).uint(number, LOG_NUMBER_BYTES).finish();
}

export function numberOfLogKey(key: Bytes): number {
  return new ByteReader(key, 3).uint(LOG_NUMBER_BYTES);
}

export function originKey(origin: number): Bytes {
  return new ByteWriter(3).u8(TABLE.origins).uint(origin, 2).finish();
}

export interface WorkPosition {
  readonly held: boolean;
  readonly surplus: number;
  /** By chance, another on each server: see workOrder. */
  readonly order: number;
  readonly version: VersionId;
}

const SURPLUS_ZERO = 0x8000;

export function workKey(position: WorkPosition): Bytes {
  const writer = workPrefix(position.held, position.surplus).uint(position.order, 4);
  return writeVersion(writer, position.version).finish();
}

export function workPositionOf(key: Bytes): WorkPosition {
  const reader = new ByteReader(key, 1);
  return {
    held: reader.u8() === 1,
    surplus: reader.uint(2) - SURPLUS_ZERO,
    order: reader.uint(4),
    version: readVersion(reader),
  };
}

export function workRange(held: boolean): KeyRange {
  return { start: Uint8Array.of(TABLE.work, held ? 1 : 0), end: Uint8Array.of(TABLE.work, held ? 2 : 1) };
}

/** The positions below a surplus. */
export function workRangeBelow(held: boolean, surplus: number): KeyRange {
  return { start: workRange(held).start, end: workPrefix(held, surplus).finish() };
}

export function trashKey(version: VersionId): Bytes {
  return withVersion(TABLE.trash, version);
}

const TRASH_PATH_PREFIX = metaKey("trashed/");

/** What lies in this server's trash and was at a path, by when it came there; no path has a zero byte. */
export function trashPathKey(path: FilePath, time: HybridTime, version: VersionId): Bytes {
  const writer = new ByteWriter(64).raw(TRASH_PATH_PREFIX).raw(utf8(path)).u8(0).uint(time, TIME_BYTES);
  return writeVersion(writer, version).finish();
}

export function trashPathRange(path: FilePath): KeyRange {
  const prefix = new ByteWriter(64).raw(TRASH_PATH_PREFIX).raw(utf8(path)).finish();
  return { start: append(prefix, 0), end: append(prefix, 1) };
}

export function trashPathsRange(): KeyRange {
  return { start: TRASH_PATH_PREFIX, end: append(TRASH_PATH_PREFIX.subarray(0, -1), 0x30) };
}

export function versionOfTrashPathKey(key: Bytes): VersionId {
  return versionOfBytes(key, key.length - VERSION_BYTES);
}

const PASSED_ON_PREFIX = metaKey("passed-on/");

/** Of a version whose copy here became that of another. */
export function passedOnKey(version: VersionId): Bytes {
  return writeVersion(new ByteWriter(32).raw(PASSED_ON_PREFIX), version).finish();
}

export function passedOnRange(): KeyRange {
  return { start: PASSED_ON_PREFIX, end: append(PASSED_ON_PREFIX.subarray(0, -1), 0x30) };
}

export function settingKey(name: string): Bytes {
  return new ByteWriter(32).u8(TABLE.settings).raw(utf8(name)).finish();
}

export function settingsRange(prefix: string): KeyRange {
  const start = settingKey(prefix);
  const end = start.slice();
  end[end.length - 1]! += 1;
  return { start, end };
}

export function nameOfSettingKey(key: Bytes): string {
  return fromUtf8(key.subarray(1));
}

export function metaKey(name: string): Bytes {
  return new ByteWriter(32).u8(TABLE.meta).raw(utf8(name)).finish();
}

const CONFLICT_PREFIX = metaKey("conflict/");

/** A path that may be a file and a directory (C12); nothing else is said of it. */
export function conflictKey(path: FilePath): Bytes {
  return new ByteWriter(32).raw(CONFLICT_PREFIX).raw(utf8(path)).finish();
}

export function conflictsRange(): KeyRange {
  return { start: CONFLICT_PREFIX, end: append(CONFLICT_PREFIX.subarray(0, -1), 0x30) };
}

export function pathOfConflictKey(key: Bytes): FilePath {
  return fromUtf8(key.subarray(CONFLICT_PREFIX.length)) as FilePath;
}

/** Whether this server decides conditions (C14): server/catalog/seat.ts. */
export const SEAT_KEY: Bytes = metaKey("seat");

export function versionOfBytes(bytes: Bytes, from = 0): VersionId {
  return readVersion(new ByteReader(bytes, from));
}

export function versionOfKey(key: Bytes): VersionId {
  return versionOfBytes(key, 1);
}

export function readVersion(reader: ByteReader): VersionId {
  const digits = reader.hex(VERSION_BYTES);
  return `${digits.slice(0, 2 * TIME_BYTES)}-${digits.slice(2 * TIME_BYTES)}` as VersionId;
}

export function writeVersion(writer: ByteWriter, version: VersionId): ByteWriter {
  return writer.hex(version, 0, 2 * TIME_BYTES).hex(version, 2 * TIME_BYTES + 1);
}

function workPrefix(held: boolean, surplus: number): ByteWriter {
  return new ByteWriter(24)
    .u8(TABLE.work)
    .u8(held ? 1 : 0)
    .uint(surplus + SURPLUS_ZERO, 2);
}

function withVersion(table: number, version: VersionId): Bytes {
  return writeVersion(new ByteWriter(1 + VERSION_BYTES).u8(table), version).finish();
}

function withPath(table: number, path: FilePath | ""): Bytes {
  const key = new ByteWriter(path.length + 1).u8(table).raw(utf8(path)).finish();
  for (let i = 1; i < key.length; i++) if (key[i] === 0x2f) key[i] = 0;
  return key;
}

function append(bytes: Bytes, byte: number): Bytes {
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  longer[bytes.length] = byte;
  return longer;
}
