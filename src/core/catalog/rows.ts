/** How the catalog's rows look on disk. Each begins with the version of its format. */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { type HybridTime, SERVER_ID_BYTES, type ServerId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { SHA256_BYTES } from "./content.ts";
import { TIME_BYTES, VERSION_BYTES } from "./keys.ts";
import type { Bytes } from "./kv.ts";
import type { Origin, Stamp } from "./types.ts";

export const ROW_FORMAT = 1;
/** Begins the field of a variable's register; its name follows. */
export const VARIABLE_PREFIX = "variable:";

/** Which record of which origin a register has taken in; `origin` is the local index of the origin (table origins). */
export interface Mark {
  readonly origin: number;
  readonly number: number;
}

/** A register of a path or a setting. `marks` has one mark for each origin that ever wrote it (L1 in merge.ts). */
export interface Register {
  readonly field: string;
  readonly stamp: Stamp;
  readonly value: Bytes;
  readonly marks: readonly Mark[];
}

/** One holder's statement about a version; the greatest mark by incarnation and number is the one that counts. */
export interface Holding {
  readonly held: boolean;
  readonly marks: readonly Mark[];
}

export interface VersionRow {
  /** Where the version is the current content: one path, or several after concurrent moves, or none. */
  readonly paths: readonly FilePath[];
  readonly holdings: readonly Holding[];
  /** The place in the work index that was written last. */
  readonly indexed: { readonly held: boolean; readonly surplus: number } | undefined;
}

export const NO_VERSION: VersionRow = { paths: [], holdings: [], indexed: undefined };

export interface OriginRow extends Origin {
  /** Everything up to this number is merged, or something that supersedes it. */
  readonly contiguous: number;
  /** The greatest number that was merged. */
  readonly seen: number;
  /** Every record of up to this number may have been collected (C7). */
  readonly floor: number;
  /** Digest over the origin's records up to `contiguous`, as the origin told it (C6). */
  readonly chain: number;
}

/** The copy of a version on this server's own disk. */
export interface CopyRow {
  /** The path it was made for, or moved to. */
  readonly path: FilePath;
  /** Where the file lies, relative to the data directory. */
  readonly location: string;
  /** Set until the staged file has been renamed to `location`. */
  readonly staged: string | undefined;
  readonly sizeBytes: number;
  readonly inode: number;
  readonly modifiedNs: bigint;
}

export interface TrashRow {
  /** When it was put there, by the hybrid clock. */
  readonly time: HybridTime;
  readonly path: FilePath;
  readonly location: string;
  readonly sizeBytes: number;
  readonly reason: TrashReason;
  /** Digest of its content, hexadecimal; undefined when the catalog said nothing of it any more. */
  readonly sha256?: string | undefined;
  /** Who deleted it, as the deletion says. */
  readonly by?: string | undefined;
}

/** lost: to a write that became known here long after it was made, as after a partition (P5). */
export type TrashReason = "deleted" | "overwritten" | "dropped" | "lost";
const TRASH_REASONS: readonly TrashReason[] = ["deleted", "overwritten", "dropped", "lost"];

/**
 * A register begins with the code of its field, plus STAMP_IN_VALUE where the stamp is not written: the value of a file's
 * content holds its version, which has the time and the server of its `PUT`, and so mostly of the stamp.
 */
export function encodeRegisters(registers: readonly Register[]): Bytes {
  const writer = new ByteWriter(160).u8(ROW_FORMAT).varint(registers.length);
  for (const register of registers) {
    const code = fieldCode(register.field);
    const inValue = isStampIn(register.value, register.stamp);
    writer.u8(code + (inValue ? STAMP_IN_VALUE : 0));
    if (code === OTHER_FIELD) writer.text(register.field);
    if (code === FIELD_CODES.variable) writer.text(register.field.slice(VARIABLE_PREFIX.length));
    if (!inValue) writeStamp(writer, register.stamp);
    writeMarks(writer, register.marks);
    writer.bytes(register.value);
  }
  return writer.finish();
}

export function decodeRegisters(row: Bytes): Register[] {
  const reader = readerOf(row);
  return times(reader.varint(), () => {
    const { field, inValue } = readFieldOf(reader);
    return readRegister(reader, field, inValue);
  });
}

/** One of a row's registers; the others are not made, which is most of the work. */
export function decodeRegister(row: Bytes, wanted: string): Register | undefined {
  const reader = readerOf(row);
  for (let left = reader.varint(); left > 0; left--) {
    const { field, inValue } = readFieldOf(reader);
    if (field === wanted) return readRegister(reader, field, inValue);
    if (!inValue) skipStamp(reader);
    for (let marks = reader.varint(); marks > 0; marks--) skipMark(reader);
    reader.passOver(reader.varint());
  }
  return undefined;
}

function readFieldOf(reader: ByteReader): { field: string; inValue: boolean } {
  const first = reader.u8();
  const inValue = first >= STAMP_IN_VALUE;
  const code = inValue ? first - STAMP_IN_VALUE : first;
  const field = readField(reader, code);
  if (field === undefined) throw new RangeError(`a register has the unknown field ${code}`);
  return { field, inValue };
}

function readRegister(reader: ByteReader, field: string, inValue: boolean): Register {
  const written = inValue ? undefined : readStamp(reader);
  const marks = readMarks(reader);
  const value = reader.bytes();
  return { field, stamp: written ?? stampIn(value), marks, value };
}

const OTHER_FIELD = 0;
/** Their places are their codes; the fields of most rows take one byte. */
const FIELDS: readonly (string | undefined)[] = [undefined, "", "content", "target", "attributes"];
export const STAMP_IN_VALUE = 0x80;
/** Behind that of a variable stands its name. */
export const FIELD_CODES = { content: 2, target: 3, attributes: 4, variable: 5 } as const;

function fieldCode(field: string): number {
  if (field.startsWith(VARIABLE_PREFIX)) return FIELD_CODES.variable;
  return Math.max(OTHER_FIELD, FIELDS.indexOf(field));
}

function readField(reader: ByteReader, code: number): string | undefined {
  if (code === OTHER_FIELD) return reader.text();
  return code === FIELD_CODES.variable ? VARIABLE_PREFIX + reader.text() : FIELDS[code];
}

/** Whether the value has, behind its first byte, the stamp's time and server. */
function isStampIn(value: Bytes, stamp: Stamp): boolean {
  if (stamp.rank !== 0 || value.length < 1 + VERSION_BYTES) return false;
  const { time, server } = stampIn(value);
  return time === stamp.time && server === stamp.server;
}

function stampIn(value: Bytes): Stamp {
  const reader = new ByteReader(value, 1);
  return { rank: 0, time: reader.uint(TIME_BYTES) as HybridTime, server: readServer(reader) };
}

export function encodeVersionRow(row: VersionRow): Bytes {
  const writer = new ByteWriter(160).u8(ROW_FORMAT);
  if (row.indexed === undefined) writer.u8(0);
  else writer.u8(row.indexed.held ? 2 : 1).uint(row.indexed.surplus + 0x8000, 2);
  writer.varint(row.paths.length);
  for (const path of row.paths) writer.text(path);
  writer.varint(row.holdings.length);
  for (const holding of row.holdings) {
    writer.u8(holding.held ? 1 : 0);
    writeMarks(writer, holding.marks);
  }
  return writer.finish();
}

export function decodeVersionRow(row: Bytes): VersionRow {
  const reader = readerOf(row);
  const kind = reader.u8();
  const indexed = kind === 0 ? undefined : { held: kind === 2, surplus: reader.uint(2) - 0x8000 };
  const paths = times(reader.varint(), () => reader.text() as FilePath);
  const holdings = times(reader.varint(), () => ({ held: reader.u8() === 1, marks: readMarks(reader) }));
  return { paths, holdings, indexed };
}

export function encodeOriginRow(row: OriginRow): Bytes {
  return new ByteWriter(48)
    .u8(ROW_FORMAT)
    .hex(row.server)
    .uint(row.incarnation, TIME_BYTES)
    .varint(row.contiguous)
    .varint(row.seen)
    .varint(row.floor)
    .uint(row.chain, 4)
    .finish();
}

export function decodeOriginRow(row: Bytes): OriginRow {
  const reader = readerOf(row);
  return {
    server: reader.hex(SERVER_ID_BYTES) as ServerId,
    incarnation: reader.uint(TIME_BYTES) as HybridTime,
    contiguous: reader.varint(),
    seen: reader.varint(),
    floor: reader.varint(),
    chain: reader.uint(4),
  };
}

export function encodeCopyRow(row: CopyRow): Bytes {
  return new ByteWriter(96)
    .u8(ROW_FORMAT)
    .text(row.path)
    .text(row.location === row.path ? "" : row.location)
    .text(row.staged ?? "")
    .varint(row.sizeBytes)
    .varint(row.inode)
    .uint(Number(BigInt.asUintN(64, row.modifiedNs) >> 32n), 4)
    .uint(Number(BigInt.asUintN(32, row.modifiedNs)), 4)
    .finish();
}

export function decodeCopyRow(row: Bytes): CopyRow {
  const reader = readerOf(row);
  const path = reader.text() as FilePath;
  const location = reader.text();
  const staged = reader.text();
  return {
    path,
    location: location === "" ? path : location,
    staged: staged === "" ? undefined : staged,
    sizeBytes: reader.varint(),
    inode: reader.varint(),
    modifiedNs: BigInt.asIntN(64, (BigInt(reader.uint(4)) << 32n) + BigInt(reader.uint(4))),
  };
}

/** Of rows of the trash; those of format 1 ended behind the reason. */
const TRASH_FORMAT = 2;

export function encodeTrashRow(row: TrashRow): Bytes {
  return new ByteWriter(128)
    .u8(TRASH_FORMAT)
    .uint(row.time, TIME_BYTES)
    .text(row.path)
    .text(row.location)
    .varint(row.sizeBytes)
    .u8(TRASH_REASONS.indexOf(row.reason))
    .text(row.by ?? "")
    .u8(row.sha256 === undefined ? 0 : 1)
    .hex(row.sha256 ?? "")
    .finish();
}

export function decodeTrashRow(row: Bytes): TrashRow {
  const isFirst = row[0] === ROW_FORMAT;
  const reader = readerOf(row, isFirst ? ROW_FORMAT : TRASH_FORMAT);
  return {
    time: reader.uint(TIME_BYTES) as HybridTime,
    path: reader.text() as FilePath,
    location: reader.text(),
    sizeBytes: reader.varint(),
    reason: TRASH_REASONS[reader.u8()] ?? "deleted",
    by: (isFirst ? "" : reader.text()) || undefined,
    sha256: !isFirst && reader.u8() === 1 ? reader.hex(SHA256_BYTES) : undefined,
  };
}

export function writeStamp(writer: ByteWriter, stamp: Stamp): void {
  writer.varint(stamp.rank).uint(stamp.time, TIME_BYTES).hex(stamp.server);
}

export function readStamp(reader: ByteReader): Stamp {
  return {
    rank: reader.varint(),
    time: reader.uint(TIME_BYTES) as HybridTime,
    server: readServer(reader),
  };
}

/** Servers are few and stamps many: the texts of those that were read are kept, by what their bytes are as a number. */
const servers = new Map<number, ServerId>();
const SERVERS_MAX = 1000;

function readServer(reader: ByteReader): ServerId {
  const number = reader.uint(SERVER_ID_BYTES);
  const known = servers.get(number);
  if (known !== undefined) return known;
  const server = number.toString(16).padStart(2 * SERVER_ID_BYTES, "0") as ServerId;
  if (servers.size >= SERVERS_MAX) servers.clear();
  servers.set(number, server);
  return server;
}

function skipStamp(reader: ByteReader): void {
  reader.varint();
  reader.passOver(TIME_BYTES + SERVER_ID_BYTES);
}

export function times<T>(count: number, read: () => T): T[] {
  const list: T[] = [];
  for (let i = 0; i < count; i++) list.push(read());
  return list;
}

function readerOf(row: Bytes, wanted = ROW_FORMAT): ByteReader {
  const reader = new ByteReader(row);
  const format = reader.u8();
  if (format !== wanted) throw new RangeError(`a row has the unknown format ${format}`);
  return reader;
}

function writeMarks(writer: ByteWriter, marks: readonly Mark[]): void {
  writer.varint(marks.length);
  for (const mark of marks) writer.uint(mark.origin, 2).varint(mark.number);
}

function readMarks(reader: ByteReader): Mark[] {
  return times(reader.varint(), () => ({ origin: reader.uint(2), number: reader.varint() }));
}

function skipMark(reader: ByteReader): void {
  reader.passOver(2);
  reader.varint();
}
