/**
 * S2: the bytes of what was overwritten or deleted may go. A server whose catalog is one from before still lists such a file; while
 * it is alone it moves it for a client, and that move is the later word. The file is back then, and nobody can have kept its bytes.
 */
import type { History, Operation } from "../history.ts";
import type { RollBack } from "../losses.ts";
import { type Change, canLeave, changesOf } from "./order.ts";

/** Whether a put's content may be at a path because it was moved there, or on its way there, through an old catalog. */
export function mayBeBroughtBack(
  history: History,
  rollBacks: readonly RollBack[],
  put: Operation,
  path: string,
  seen: ReadonlySet<string> = new Set(),
): boolean {
  if (seen.has(path)) return false;
  return changesOf(history, path).some(({ operation: move }) => {
    const from = sourceOf(move, path);
    if (from === undefined) return false;
    const changes = changesOf(history, from);
    const wasForgotten = rollBacks.some(
      (rollBack) => move.endMs >= rollBack.atMs && hadGone(changes, put, move, rollBack),
    );
    return wasForgotten || mayBeBroughtBack(history, rollBacks, put, from, new Set([...seen, path]));
  });
}

/** Whether the content may have been there, until something took its place that the old catalog knows nothing of. */
function hadGone(changes: readonly Change[], put: Operation, move: Operation, { ofMs, atMs }: RollBack): boolean {
  const makers = changes
    .filter((change) => canLeave(change, put.sha256 ?? "") && change.operation.endMs >= put.startMs)
    .map(({ operation }) => operation);
  return changes.some(({ operation }) => {
    if (operation === put || operation === move || operation.endMs < put.startMs) return false;
    const isForgotten = operation.endMs >= ofMs && operation.startMs <= atMs;
    return isForgotten && makers.some((maker) => maker !== operation && maker.startMs <= operation.endMs);
  });
}

/** Where a move took from what it may have brought to a path. */
function sourceOf({ kind, path: from, to }: Operation, path: string): string | undefined {
  if (kind !== "move" || to === undefined || (path !== to && !path.startsWith(`${to}/`))) return undefined;
  return `${from}${path.slice(to.length)}`;
}
