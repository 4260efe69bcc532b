/**
 * Records on their way between servers: a batch and what may be announced with it, read from one snapshot (C4).
 *
 * A sender walks an origin's log from where the receiver is, and announces the origin's number only with the batch that
 * reaches the log's end. Announcing earlier would be wrong: a record behind the walk may be superseded meanwhile by one
 * that is still ahead of it, and the receiver would claim to know what it never saw. And where it has walked over a gap
 * it announces no more than what lay before that: a relay may fill the gap behind the walk while it lasts.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { type HybridTime, SERVER_ID_BYTES, type ServerId, type VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { entryKey, logKey, numberOfLogKey, readVersion, settingKey, writeVersion } from "./keys.ts";
import type { Bytes, ReadView } from "./kv.ts";
import { decodePointer, type LogPointer } from "./log.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { originName, readOrigin } from "./origins.ts";
import {
  decodeRegisters,
  type Mark,
  type OriginRow,
  type Register,
  readStamp,
  times,
  type VersionRow,
  writeStamp,
} from "./rows.ts";
import { readRegister, readVersionRow } from "./transaction.ts";
import type { CatalogRecord, Origin, RegisterKey, Stamp } from "./types.ts";

const FORMAT = 2;

/** What an origin's walk came to. */
export interface LogWalk {
  readonly records: CatalogRecord[];
  /** Where to go on. */
  readonly reached: number;
  /** What the rest of the walk may announce at most. */
  readonly atMost: number;
  /** Set when the log's end was reached: what the receiver may then claim to know. */
  readonly announce: ChainedAnnouncement | undefined;
  /** Why some records are not among these: their rows are damaged, and what is announced is not all of it. */
  readonly unreadable: readonly unknown[];
}

export interface ChainedAnnouncement {
  readonly origin: Origin;
  readonly number: number;
  /** Digest over the origin's records up to `number`; 0 when the sender does not know it (C6). */
  readonly chain: number;
  /** The sender's floor: what it collected up to there is not in its log (C7). */
  readonly floor: number;
}

export interface Batch {
  readonly records: readonly CatalogRecord[];
  readonly announcements: readonly ChainedAnnouncement[];
}

/** A register that many have written is told under the mark of each: fewer rows make a batch then, which must be one message. */
const RECORDS_A_ROW = 10;

/**
 * Reads at most `limit` rows of an origin's log numbered above `after`, fewer where they are many records. A walk of several
 * batches must give each what the one before answered as `atMost`, or the number up to which the origin was known here,
 * without gap, when the walk began.
 */
export function walkLog(
  view: ReadView,
  index: number,
  originAt: (index: number) => OriginRow,
  after: number,
  limit: number,
  atMost = Number.POSITIVE_INFINITY,
): LogWalk {
  const row = readOrigin(view, index);
  const rowsRead = new RowsRead(view, originAt);
  const records: CatalogRecord[] = [];
  const unreadable: unknown[] = [];
  let reached = after;
  let rows = 0;
  const isFull = () => rows === limit || records.length >= limit * RECORDS_A_ROW;
  for (const { key, value } of view.range({ start: logKey(index, after + 1), end: logKey(index + 1, 0), limit })) {
    reached = numberOfLogKey(key);
    rows += 1;
    try {
      records.push(...recordsAt(rowsRead, { origin: index, number: reached }, decodePointer(value)));
    } catch (error) {
      unreadable.push(error);
    }
    if (isFull()) break;
  }
  const isOverGap = reached > row.contiguous;
  const bound = isOverGap ? Math.min(atMost, row.contiguous) : atMost;
  if (isFull()) return { records, reached, atMost: bound, announce: undefined, unreadable };
  const number = Math.min(bound, row.contiguous);
  const chain = number === row.contiguous ? row.chain : 0;
  return { records, reached, atMost: bound, announce: { origin: row, number, chain, floor: row.floor }, unreadable };
}

/** So many numbers at either end of a tail are looked at: a server that joins has a tail of millions for minutes. */
const TAIL_ROWS = 200;

/**
 * Digest over the numbers of an origin that are merged beyond its contiguous number, 0 when there are none. Servers that
 * differ in it have something to tell each other though the origin may be dead and will never close the gap. What
 * differs only in the middle of a long tail is left to the comparison of ranges (C5).
 */
export function tailDigest(view: ReadView, index: number, row: OriginRow): number {
  if (row.seen <= row.contiguous) return 0;
  const tail = { start: logKey(index, row.contiguous + 1), end: logKey(index + 1, 0), limit: TAIL_ROWS };
  const numbers = new Set<number>();
  for (const reverse of [false, true]) {
    for (const { key } of view.range({ ...tail, reverse })) numbers.add(numberOfLogKey(key));
  }
  let digest = 0;
  for (const number of numbers) digest = (digest + Math.imul(number, 0x9e3779b1) + 1) >>> 0;
  return digest;
}

/** What one walk reads, each row once: a content's record and its holding's follow each other and share a version. */
class RowsRead {
  readonly view: ReadView;
  readonly #originAt: (index: number) => OriginRow;
  readonly #origins = new Map<number, Origin>();
  #last: { readonly version: VersionId; readonly row: VersionRow } | undefined;

  constructor(view: ReadView, originAt: (index: number) => OriginRow) {
    this.view = view;
    this.#originAt = originAt;
  }

  /** The same object for the same index. */
  origin(index: number): Origin {
    let origin = this.#origins.get(index);
    if (origin === undefined) {
      const { server, incarnation } = this.#originAt(index);
      origin = { server, incarnation };
      this.#origins.set(index, origin);
    }
    return origin;
  }

  version(version: VersionId): VersionRow {
    if (this.#last?.version === version) return this.#last.row;
    const row = readVersionRow(this.view, version);
    this.#last = { version, row };
    return row;
  }
}

/**
 * The register that a log row points to, as it is now, under every mark that it has: whoever takes in a superseding value
 * learns by whose record it came, and can pass that on should its origin die.
 */
function recordsAt(rows: RowsRead, mark: Mark, pointer: LogPointer): CatalogRecord[] {
  const under = (key: RegisterKey, marks: readonly Mark[], stamp: Stamp | undefined, value: Bytes) =>
    marks.map(({ origin, number }) => ({ key, stamp, value, origin: rows.origin(origin), number }));
  if (pointer.kind === "holding") {
    const { version } = pointer;
    const holding = rows.version(version).holdings.find(({ marks }) => hasMark(marks, mark));
    if (holding === undefined) throw dangling(rows.origin(mark.origin), mark.number);
    const key: RegisterKey = { kind: "holding", version, holder: rows.origin(mark.origin).server };
    return under(key, holding.marks, undefined, Uint8Array.of(holding.held ? 1 : 0));
  }
  const found = registerAt(rows, mark, pointer);
  if (found === undefined) throw dangling(rows.origin(mark.origin), mark.number);
  return under(found.key, found.register.marks, found.register.stamp, found.register.value);
}

function registerAt(
  rows: RowsRead,
  mark: Mark,
  pointer: Exclude<LogPointer, { kind: "holding" }>,
): { key: RegisterKey; register: Register } | undefined {
  const { view } = rows;
  switch (pointer.kind) {
    case "path": {
      const { path, field } = pointer;
      const register = readRegister(view, entryKey(path), field);
      return register && { key: { kind: "path", path, field }, register };
    }
    case "content":
      for (const path of rows.version(pointer.version).paths) {
        const register = readRegister(view, entryKey(path), CONTENT_FIELD);
        if (register !== undefined && hasMark(register.marks, mark)) {
          return { key: { kind: "path", path, field: CONTENT_FIELD }, register };
        }
      }
      return undefined;
    case "setting": {
      const stored = view.get(settingKey(pointer.name));
      const register = stored === undefined ? undefined : decodeRegisters(stored)[0];
      return register && { key: { kind: "setting", name: pointer.name }, register };
    }
  }
}

function hasMark(marks: readonly Mark[], mark: Mark): boolean {
  return marks.some(({ origin, number }) => origin === mark.origin && number === mark.number);
}

function dangling(origin: Origin, number: number): Error {
  return new Error(`the log row ${number} of ${originName(origin)} points nowhere (L1)`);
}

const KEY = { path: 1, holding: 2, setting: 3 } as const;

export function encodeBatch(batch: Batch): Uint8Array {
  const origins: Origin[] = [];
  const indexes = new Map<string, number>();
  let last: { readonly origin: Origin; readonly index: number } | undefined;
  const indexOf = (origin: Origin) => {
    if (last?.origin !== origin) last = { origin, index: enter(origin) };
    return last.index;
  };
  const enter = (origin: Origin) => {
    const name = originName(origin);
    let index = indexes.get(name);
    if (index === undefined) {
      index = origins.length;
      indexes.set(name, index);
      origins.push(origin);
    }
    return index;
  };
  const body = new ByteWriter(4096);
  body.varint(batch.records.length);
  for (const record of batch.records) writeRecord(body, record, indexOf(record.origin));
  body.varint(batch.announcements.length);
  for (const { origin, number, chain, floor } of batch.announcements) {
    body.varint(indexOf(origin)).varint(number).uint(chain, 4).varint(floor);
  }
  const head = new ByteWriter(64 + body.length).u8(FORMAT).varint(origins.length);
  for (const origin of origins) head.hex(origin.server).uint(origin.incarnation, 7);
  return head.raw(body.finish()).finish();
}

/** @throws RangeError when the bytes are no batch this version of fsdfs can read */
export function decodeBatch(bytes: Uint8Array): Batch {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== FORMAT) throw new RangeError(`a batch has the unknown format ${format}`);
  const origins = times(reader.varint(), () => ({
    server: reader.hex(SERVER_ID_BYTES) as ServerId,
    incarnation: reader.uint(7) as HybridTime,
  }));
  const origin = () => {
    const found = origins[reader.varint()];
    if (found === undefined) throw new RangeError("a batch names an origin that it does not have");
    return found;
  };
  const records = times(reader.varint(), () => readRecord(reader, origin));
  const announcements = times(reader.varint(), () => ({
    origin: origin(),
    number: reader.varint(),
    chain: reader.uint(4),
    floor: reader.varint(),
  }));
  if (!reader.done) throw new RangeError("a batch goes on behind its end");
  return { records, announcements };
}

function writeRecord(writer: ByteWriter, record: CatalogRecord, origin: number): void {
  const { key } = record;
  writer.u8(KEY[key.kind]).varint(origin).varint(record.number);
  if (key.kind === "holding") {
    writeVersion(writer, key.version);
    writer.u8(record.value[0]!);
    return;
  }
  if (key.kind === "path") writer.text(key.path).text(key.field);
  else writer.text(key.name);
  writeStamp(writer, record.stamp!);
  writer.bytes(record.value);
}

function readRecord(reader: ByteReader, readOrigin: () => Origin): CatalogRecord {
  const kind = reader.u8();
  const origin = readOrigin();
  const number = reader.varint();
  if (kind === KEY.holding) {
    const key: RegisterKey = { kind: "holding", version: readVersion(reader), holder: origin.server };
    return { key, stamp: undefined, value: Uint8Array.of(heldFlag(reader.u8())), origin, number };
  }
  if (kind !== KEY.path && kind !== KEY.setting) throw new RangeError(`unknown kind of record ${kind}`);
  const key: RegisterKey =
    kind === KEY.path
      ? { kind: "path", path: readName(reader) as FilePath, field: readName(reader) }
      : { kind: "setting", name: readName(reader) };
  const stamp = readStamp(reader);
  return { key, stamp, value: reader.bytes(), origin, number };
}

/** What is no UTF-8 becomes "", which is no name of anything: the record is rejected (soundness.ts), the batch is not. */
function readName(reader: ByteReader): string {
  return reader.textOrUndefined() ?? "";
}

function heldFlag(byte: number): number {
  if (byte > 1) throw new RangeError(`a holding is 0 or 1, not ${byte}`);
  return byte;
}
