/**
 * P4 for every read at any time: it tells of something that was put, at that path. And P5 in the stretches without
 * faults: a read sees every change that was acknowledged before it began, or a later one.
 */
import type { History, Operation, Seen } from "../history.ts";
import { answeredBefore, type Change, canLeave, changesOf, tell } from "./order.ts";

/** Calm from one moment to another: no fault is under way, and what earlier ones did is mended. */
export interface Calm {
  readonly fromMs: number;
  readonly toMs: number;
}

export function rightContents(history: History): string[] {
  return reads(history).flatMap((operation) =>
    [...operation.seen].flatMap(([path, seen]) => {
      if (seen.kind !== "file") return [];
      const put = history.putOf(seen.sha256);
      if (!put || put.startMs > operation.endMs)
        return [`#${operation.id} ${operation.kind} ${path} told of a content that was never put`];
      return changesOf(history, path).some((change) => canLeave(change, seen.sha256))
        ? []
        : [`#${operation.id} ${operation.kind} ${path} told of the content of ${put.path}`];
    }),
  );
}

export function readAfterWrite(history: History, calms: readonly Calm[]): string[] {
  return calms.flatMap((calm) => {
    const within = reads(history).filter(({ startMs, endMs }) => startMs >= calm.fromMs && endMs <= calm.toMs);
    return within.flatMap((operation) => staleParts(history, operation, calm));
  });
}

function reads(history: History): Operation[] {
  return history.operations.filter(
    ({ kind, outcome }) =>
      outcome === "acknowledged" && (kind === "get" || kind === "head" || kind === "list" || kind === "locate"),
  );
}

function staleParts(history: History, operation: Operation, calm: Calm): string[] {
  return history.paths
    .filter((path) => tellsOf(operation, path))
    .flatMap((path) => {
      const seen = operation.seen.get(path) ?? { kind: "absent" };
      const missed = missedChange(changesOf(history, path), operation, seen, calm);
      return missed
        ? [
            `#${operation.id} ${operation.kind} ${path} at ${operation.server} told ${told(seen)}, not of ${tell(missed)}`,
          ]
        : [];
    });
}

/** Whether a read's answer says anything about that path. A list tells of the names in one directory. */
function tellsOf({ kind, path: asked, seen }: Operation, path: string): boolean {
  if (kind !== "list") return asked === path;
  if (seen.get(asked)?.kind === "absent") return false;
  const slash = path.lastIndexOf("/");
  return (slash === -1 ? "" : path.slice(0, slash)) === asked;
}

/** An acknowledged change of this calm that what was read must be older than. */
function missedChange(changes: readonly Change[], read: Operation, seen: Seen, calm: Calm): Change | undefined {
  const acknowledged = changes.filter(
    ({ certain, operation }) => certain && operation.startMs >= calm.fromMs && operation.endMs < read.startMs,
  );
  if (acknowledged.length === 0 || seen.kind === "directory") return undefined;
  const makers = changes.filter(
    (change) =>
      change.operation.startMs < read.endMs &&
      (seen.kind === "file" ? canLeave(change, seen.sha256) : change.leaves.kind === "nothing"),
  );
  const missed = makers.map((maker) =>
    acknowledged.find((change) => change !== maker && answeredBefore(maker, change)),
  );
  if (makers.length > 0 && missed.includes(undefined)) return undefined;
  return missed[0] ?? acknowledged.at(-1);
}

function told(seen: Seen): string {
  return seen.kind === "file" ? `${seen.version}` : `that it is ${seen.kind === "absent" ? "absent" : "a directory"}`;
}
