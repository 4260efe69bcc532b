/** Where files were moved to, as far as the catalog here knows (T3 of settle.ts). */
import { contentStamp } from "../../core/catalog/entries.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import type { FilePath } from "../../core/paths.ts";

/** How long a chain of moves is followed. */
const MOVES_MAX = 16;

/** Whether what was at `path` has moved somewhere that is not known here yet (T3). */
export function isMoving(view: ReadView, path: FilePath): boolean {
  const places = [path, ...movesFrom(view, path)];
  if (places.length > MOVES_MAX) return true;
  return places.slice(1).some((place, i) => {
    const arrived = contentStamp(view, place);
    return arrived === undefined || arrived.time < contentStamp(view, places[i]!)!.time;
  });
}

/** Where what was at `path` was moved, and from there, and so on. */
export function movesFrom(view: ReadView, path: FilePath): FilePath[] {
  const places: FilePath[] = [];
  for (let at = path; places.length < MOVES_MAX; ) {
    const content = contentOf(readRegisters(view, entryKey(at)));
    if (content?.type !== "deleted" || content.movedTo === undefined) break;
    at = content.movedTo;
    places.push(at);
  }
  return places;
}
