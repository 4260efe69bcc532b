/** Changing many rows in one transaction without holding all of them in memory at once. */
import { keyAfter } from "./keys.ts";
import type { KeyRange, KeyValue, ReadView, WriteView } from "./kv.ts";

/** Some 100 KB. */
const PIECE_ROWS = 1000;

/** The rows of a range, so many at a time; they may be changed meanwhile. */
export function* piecesOf(view: ReadView, { start, end }: KeyRange): Generator<readonly KeyValue[]> {
  for (let from = start; ; ) {
    const piece = [...view.range({ start: from, end, limit: PIECE_ROWS })];
    const last = piece.at(-1);
    if (last === undefined) return;
    yield piece;
    from = keyAfter(last.key);
  }
}

export function removeAll(view: WriteView, range: KeyRange): void {
  for (const piece of piecesOf(view, range)) for (const { key } of piece) view.remove(key);
}
