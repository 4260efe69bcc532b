/**
 * Versions whose copy on this server's disk became that of another version of the same bytes, and which. Should one of them turn
 * out to be at a path after all, its bytes are where the other's are (C2).
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import type { HybridTime, VersionId } from "../ids.ts";
import { passedOnKey, readVersion, TIME_BYTES, VERSION_BYTES, writeVersion } from "./keys.ts";
import type { Bytes, ReadView, WriteView } from "./kv.ts";

export interface PassedOnRow {
  /** When that was, by the hybrid clock. */
  readonly time: HybridTime;
  readonly successor: VersionId;
}

export function writePassedOn(view: WriteView, version: VersionId, { time, successor }: PassedOnRow): void {
  const writer = new ByteWriter(TIME_BYTES + VERSION_BYTES).uint(time, TIME_BYTES);
  view.put(passedOnKey(version), writeVersion(writer, successor).finish());
}

export function readPassedOn(view: ReadView, version: VersionId): PassedOnRow | undefined {
  const row = view.get(passedOnKey(version));
  return row === undefined ? undefined : decodePassedOn(row);
}

export function decodePassedOn(row: Bytes): PassedOnRow {
  const reader = new ByteReader(row);
  return { time: reader.uint(TIME_BYTES) as HybridTime, successor: readVersion(reader) };
}
