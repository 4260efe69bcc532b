/**
 * Comparing two catalogs range by range (C5): a digest over what the rows of a range say, without marks and indexes,
 * which differ from server to server; and the records of a range, to be merged by whoever differs.
 *
 * Deletions, withdrawals and removed variables have no part in the digest: each server collects them when it may (C7), and whoever lacks one
 * says the same without it, while whoever says something else instead differs in that. They are among the records.
 */
import { ByteWriter, readable } from "../bytes.ts";
import { isAbsence } from "./absences.ts";
import { nameOfSettingKey, pathOfEntryKey, type Table, tableRange, versionOfKey } from "./keys.ts";
import type { Bytes, KeyRange, ReadView } from "./kv.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { decodeRegisters, decodeVersionRow, type Holding, type Mark, type Register, writeStamp } from "./rows.ts";
import type { CatalogRecord, Origin, RegisterKey } from "./types.ts";

/** Tables whose rows every server has alike. */
export const SHARED_TABLES = ["entries", "versions", "settings"] as const satisfies readonly Table[];
export type SharedTable = (typeof SHARED_TABLES)[number];

export interface RangeDigest {
  readonly digest: number;
  /** The last key that was read; undefined when the table ended first. */
  readonly last: Bytes | undefined;
}

const NOTHING: Bytes = new Uint8Array();

/** The digest of at most `limit` rows from `range.start` on. */
export function digestRange(
  view: ReadView,
  table: SharedTable,
  range: KeyRange,
  limit: number,
  originAt: (index: number) => Origin,
): RangeDigest {
  let digest = 0x811c9dc5;
  let rows = 0;
  let last: Bytes | undefined;
  for (const { key, value } of view.range({ ...range, limit })) {
    // One that is damaged says what nobody else says, so that it is told of by who knows it.
    const said = readable(() => canonicalRow(table, key, value, originAt) ?? NOTHING) ?? value;
    if (said !== NOTHING) digest = fnv(digest, said);
    rows += 1;
    last = key;
  }
  return { digest, last: rows === limit ? last : undefined };
}

/** Every record that the rows of a range have taken in, as they are now. */
export function recordsInRange(
  view: ReadView,
  table: SharedTable,
  range: KeyRange,
  originAt: (index: number) => Origin,
): CatalogRecord[] {
  const records: CatalogRecord[] = [];
  const add = (key: RegisterKey, marks: readonly Mark[], record: Pick<CatalogRecord, "stamp" | "value">) => {
    for (const { origin, number } of marks) records.push({ key, ...record, origin: originAt(origin), number });
  };
  for (const { key, value } of view.range(range)) {
    if (table === "versions") {
      const version = versionOfKey(key);
      for (const holding of readable(() => decodeVersionRow(value).holdings) ?? []) {
        const holder = originAt(holding.marks[0]!.origin).server;
        const held = Uint8Array.of(holding.held ? 1 : 0);
        add({ kind: "holding", version, holder }, [newest(holding, originAt)], { stamp: undefined, value: held });
      }
      continue;
    }
    // The content first, by which a row is healed that cannot be read.
    const registers = readable(() => decodeRegisters(value)) ?? [];
    for (const { field, stamp, value: said, marks } of registers.sort(contentFirst)) {
      const of: RegisterKey =
        table === "entries"
          ? { kind: "path", path: pathOfEntryKey(key), field }
          : { kind: "setting", name: nameOfSettingKey(key) };
      add(of, marks, { stamp, value: said });
    }
  }
  return records;
}

function contentFirst(a: Register, b: Register): number {
  return Number(b.field === CONTENT_FIELD) - Number(a.field === CONTENT_FIELD);
}

export function sharedRange(table: SharedTable): KeyRange {
  return tableRange(table);
}

/** What a row says, in bytes that are the same on every server that agrees; undefined when it says nothing that lasts. */
function canonicalRow(
  table: SharedTable,
  key: Bytes,
  row: Bytes,
  originAt: (index: number) => Origin,
): Bytes | undefined {
  const writer = new ByteWriter(256).bytes(key);
  if (table !== "versions") {
    const registers = decodeRegisters(row).filter((register) => !isAbsence(register));
    if (registers.length === 0) return undefined;
    for (const register of registers.sort(byField)) {
      writer.text(register.field);
      writeStamp(writer, register.stamp);
      writer.bytes(register.value);
    }
    return writer.finish();
  }
  const held = decodeVersionRow(row).holdings.filter((holding) => holding.held);
  if (held.length === 0) return undefined;
  const statements = held.map((holding) => {
    const { origin, number } = newest(holding, originAt);
    return { ...originAt(origin), number };
  });
  for (const { server, incarnation, number } of statements.sort((a, b) => (a.server < b.server ? -1 : 1))) {
    writer.hex(server).uint(incarnation, 7).varint(number);
  }
  return writer.finish();
}

/** The statement that counts: that of the latest incarnation and number. */
function newest(holding: Holding, originAt: (index: number) => Origin): Mark {
  return holding.marks.reduce((a, b) => {
    const order = originAt(a.origin).incarnation - originAt(b.origin).incarnation || a.number - b.number;
    return order >= 0 ? a : b;
  });
}

function byField(a: Register, b: Register): number {
  return a.field < b.field ? -1 : 1;
}

function fnv(seed: number, bytes: Bytes): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
