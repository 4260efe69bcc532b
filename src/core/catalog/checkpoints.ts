/**
 * How old a record is, as far as collecting must know it (C7). Records have no times of their own. A checkpoint is a
 * moment at which every server of the roster knew each origin up to some number; a record is *old* when a checkpoint that
 * covers it is old enough.
 *
 * Age is time that this server has watched go by, process after process: not the wall clock, which jumps, and not what
 * went by while it was stopped or down, when messages of long ago may still have waited for it.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { metaKey } from "./keys.ts";
import type { Bytes, ReadView, WriteView } from "./kv.ts";
import { type Mark, times } from "./rows.ts";

/** Numbers by the local indexes of their origins. */
export type Numbers = ReadonlyMap<number, number>;

export interface Checkpoint {
  /** By this server's count of time, see `readWatchedMs`. */
  readonly atMs: number;
  /** Up to which number every server of the roster knew each origin. */
  readonly numbers: Numbers;
}

const FORMAT = 1;
const CHECKPOINTS_KEY = metaKey("checkpoints");
const WATCHED_KEY = metaKey("watched");
const COLLECTED_KEY = metaKey("collected");

/** Meta rows that name origins by their indexes, or times of this catalog: void in another one. */
export const CHECKPOINT_KEYS: readonly Bytes[] = [CHECKPOINTS_KEY, WATCHED_KEY, COLLECTED_KEY];

/** Oldest first. */
export function readCheckpoints(view: ReadView): Checkpoint[] {
  const row = view.get(CHECKPOINTS_KEY);
  if (row === undefined) return [];
  const reader = readerOf(row);
  return times(reader.varint(), () => ({ atMs: reader.varint(), numbers: readNumbers(reader) }));
}

/** The numbers of the newest checkpoint that is old enough; none when there is no such. */
export function oldNumbers(checkpoints: readonly Checkpoint[], nowMs: number, keptMs: number): Numbers {
  return checkpoints.findLast(({ atMs }) => nowMs - atMs >= keptMs)?.numbers ?? new Map();
}

/** Adds a checkpoint. Of those that are old only the newest is kept. */
export function addCheckpoint(view: WriteView, checkpoint: Checkpoint, keptMs: number): void {
  const before = readCheckpoints(view);
  const newestOld = before.findLastIndex(({ atMs }) => checkpoint.atMs - atMs >= keptMs);
  const kept = [...before.slice(Math.max(newestOld, 0)), checkpoint];
  const writer = new ByteWriter(4096).u8(FORMAT).varint(kept.length);
  for (const { atMs, numbers } of kept) writeNumbers(writer.varint(atMs), numbers);
  view.put(CHECKPOINTS_KEY, writer.finish());
}

/** How much time this server has watched go by, in milliseconds, as it was last written down. */
export function readWatchedMs(view: ReadView): number {
  const row = view.get(WATCHED_KEY);
  return row === undefined ? 0 : readerOf(row).varint();
}

export function writeWatchedMs(view: WriteView, watchedMs: number): void {
  view.put(WATCHED_KEY, new ByteWriter(10).u8(FORMAT).varint(watchedMs).finish());
}

/** Up to where the log has been looked through for what may be collected. */
export function readCollected(view: ReadView): Numbers {
  const row = view.get(COLLECTED_KEY);
  return row === undefined ? new Map() : readNumbers(readerOf(row));
}

/** A deletion came in at a place of the log that has been looked through already: it is looked through once more. */
export function lookAgain(view: WriteView, { origin, number }: Mark): void {
  const collected = readCollected(view);
  if (number <= (collected.get(origin) ?? 0)) writeCollected(view, new Map([...collected, [origin, number - 1]]));
}

export function writeCollected(view: WriteView, numbers: Numbers): void {
  const writer = new ByteWriter(1024).u8(FORMAT);
  writeNumbers(writer, numbers);
  view.put(COLLECTED_KEY, writer.finish());
}

function writeNumbers(writer: ByteWriter, numbers: Numbers): void {
  writer.varint(numbers.size);
  for (const [origin, number] of numbers) writer.uint(origin, 2).varint(number);
}

function readNumbers(reader: ByteReader): Numbers {
  return new Map(times(reader.varint(), () => [reader.uint(2), reader.varint()] as const));
}

function readerOf(row: Bytes): ByteReader {
  const reader = new ByteReader(row);
  const format = reader.u8();
  if (format !== FORMAT) throw new RangeError(`a row of checkpoints has the unknown format ${format}`);
  return reader;
}
