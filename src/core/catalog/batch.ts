/**
 * Records on their way between servers: a batch and what may be announced with it, read from one snapshot (C4).
 *
 * A sender walks an origin's log from where the receiver is, and announces the origin's number only with the batch that
 * reaches the log's end. Announcing earlier would be wrong: a record behind the walk may be superseded meanwhile by one
 * that is still ahead of it, and the receiver would claim to know what it never saw. And it announces no more than was
 * known here without gap when the walk began: a relay may fill a gap behind the walk while it lasts.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { type HybridTime, SERVER_ID_BYTES, type ServerId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { entryKey, logKey, numberOfLogKey, settingKey } from "./keys.ts";
import type { ReadView } from "./kv.ts";
import { decodePointer, type LogPointer } from "./log.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { originName } from "./origins.ts";
import {
  decodeRegisters,
  type OriginRow,
  type Register,
  readStamp,
  readVersion,
  times,
  writeStamp,
  writeVersion,
} from "./rows.ts";
import { readRegisters, readVersionRow } from "./transaction.ts";
import type { CatalogRecord, Origin, RegisterKey } from "./types.ts";

const FORMAT = 1;

/** What an origin's walk came to. */
export interface LogWalk {
  readonly records: CatalogRecord[];
  /** Where to go on. */
  readonly reached: number;
  /** Set when the log's end was reached: what the receiver may then claim to know. */
  readonly announce: ChainedAnnouncement | undefined;
}

export interface ChainedAnnouncement {
  readonly origin: Origin;
  readonly number: number;
  /** Digest over the origin's records up to `number`; 0 when the sender does not know it (C6). */
  readonly chain: number;
}

export interface Batch {
  readonly records: readonly CatalogRecord[];
  readonly announcements: readonly ChainedAnnouncement[];
}

/**
 * Reads at most `limit` records of an origin numbered above `after`. `complete` is the number up to which the origin was
 * known here when the walk began; a walk of several batches must give it, and announces no more.
 */
export function walkLog(
  view: ReadView,
  index: number,
  row: OriginRow,
  after: number,
  limit: number,
  complete = row.contiguous,
): LogWalk {
  const records: CatalogRecord[] = [];
  let reached = after;
  let rows = 0;
  for (const { key, value } of view.range({ start: logKey(index, after + 1), end: logKey(index + 1, 0), limit })) {
    reached = numberOfLogKey(key);
    rows += 1;
    records.push(recordAt(view, index, row, reached, decodePointer(value)));
  }
  if (rows === limit) return { records, reached, announce: undefined };
  const number = Math.min(complete, row.contiguous);
  const chain = number === row.contiguous ? row.chain : 0;
  return { records, reached, announce: { origin: row, number, chain } };
}

function recordAt(view: ReadView, index: number, row: OriginRow, number: number, pointer: LogPointer): CatalogRecord {
  const origin: Origin = { server: row.server, incarnation: row.incarnation };
  switch (pointer.kind) {
    case "path": {
      const register = readRegisters(view, entryKey(pointer.path)).find(({ field }) => field === pointer.field);
      return ofRegister({ kind: "path", path: pointer.path, field: pointer.field }, register, origin, number);
    }
    case "content": {
      for (const path of readVersionRow(view, pointer.version).paths) {
        const register = readRegisters(view, entryKey(path)).find(({ field }) => field === CONTENT_FIELD);
        const marked = register?.marks.some((mark) => mark.origin === index && mark.number === number);
        if (marked) return ofRegister({ kind: "path", path, field: CONTENT_FIELD }, register, origin, number);
      }
      throw dangling(origin, number);
    }
    case "holding": {
      const holding = readVersionRow(view, pointer.version).holdings.find(({ marks }) =>
        marks.some((mark) => mark.origin === index && mark.number === number),
      );
      if (holding === undefined) throw dangling(origin, number);
      const key: RegisterKey = { kind: "holding", version: pointer.version, holder: row.server };
      return { key, stamp: undefined, value: Uint8Array.of(holding.held ? 1 : 0), origin, number };
    }
    case "setting": {
      const stored = view.get(settingKey(pointer.name));
      const register = stored === undefined ? undefined : decodeRegisters(stored)[0];
      return ofRegister({ kind: "setting", name: pointer.name }, register, origin, number);
    }
  }
}

function ofRegister(key: RegisterKey, register: Register | undefined, origin: Origin, number: number): CatalogRecord {
  if (register === undefined) throw dangling(origin, number);
  return { key, stamp: register.stamp, value: register.value, origin, number };
}

function dangling(origin: Origin, number: number): Error {
  return new Error(`the log row ${number} of ${originName(origin)} points nowhere (L1)`);
}

const KEY = { path: 1, holding: 2, setting: 3 } as const;

export function encodeBatch(batch: Batch): Uint8Array {
  const origins: Origin[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (origin: Origin) => {
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
  for (const { origin, number, chain } of batch.announcements) {
    body.varint(indexOf(origin)).varint(number).uint(chain, 4);
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
      ? { kind: "path", path: reader.text() as FilePath, field: reader.text() }
      : { kind: "setting", name: reader.text() };
  const stamp = readStamp(reader);
  return { key, stamp, value: reader.bytes(), origin, number };
}

function heldFlag(byte: number): number {
  if (byte > 1) throw new RangeError(`a holding is 0 or 1, not ${byte}`);
  return byte;
}
