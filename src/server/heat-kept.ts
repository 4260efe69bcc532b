/** What a server keeps of its heat while it does not run: what it sent of the hottest files, in a row of its own. */
import { ByteReader, ByteWriter, readable } from "../core/bytes.ts";
import { metaKey, readVersion, writeVersion } from "../core/catalog/keys.ts";
import type { Bytes, ReadView, WriteView } from "../core/catalog/kv.ts";
import { readsLeft, type ToldReads } from "../core/heat.ts";

const KEY = metaKey("heat");
const FORMAT = 1;
/** Of 16 bytes each, about. */
const ROW_BYTES = 16;

export function writeHeat(view: WriteView, reads: ToldReads, wallMs: number): void {
  const writer = new ByteWriter(32 + ROW_BYTES * reads.length).u8(FORMAT).varint(Math.max(0, Math.floor(wallMs)));
  writer.varint(reads.length);
  for (const [version, count] of reads) writeVersion(writer, version).varint(Math.round(count));
  view.put(KEY, writer.finish());
}

/**
 * What is left of it by now. A clock that was set makes it colder or leaves it as it was; hotter it does not become. A row
 * that is damaged is as if there were none.
 */
export function readHeat(view: ReadView, wallMs: number): ToldReads {
  const row = view.get(KEY);
  if (row === undefined || row[0] !== FORMAT) return [];
  return readable(() => decode(row, wallMs)) ?? [];
}

function decode(row: Bytes, wallMs: number): ToldReads {
  const reader = new ByteReader(row, 1);
  const ageMs = Math.max(0, wallMs - reader.varint());
  const count = reader.varint();
  const reads: ToldReads[number][] = [];
  for (let i = 0; i < count; i++) reads.push([readVersion(reader), readsLeft(reader.varint(), ageMs)]);
  return reads.filter(([, left]) => left >= 1);
}
