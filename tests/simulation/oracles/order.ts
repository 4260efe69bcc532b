/**
 * What clients can know of the order of changes to one path. A register's winner has the greatest hybrid time; an
 * acknowledged put tells its own, of every other change only bounds are known.
 */
import { versionTime } from "../../../src/core/ids.ts";
import type { History, Operation } from "../history.ts";
import { EPOCH_MS } from "../world.ts";

/** Something that set the content of a path, or may have. */
export interface Change {
  readonly operation: Operation;
  readonly certain: boolean;
  /** Bounds of its hybrid time, in milliseconds. */
  readonly lowMs: number;
  readonly highMs: number;
  /** What it leaves at the path: a put's content, something that was moved there, or nothing. */
  readonly leaves:
    | { readonly kind: "content"; readonly sha256: string }
    | { readonly kind: "moved" }
    | { readonly kind: "nothing" };
}

const TICKS_PER_MS = 1_024;

export function changesOf(history: History, path: string): Change[] {
  return history.operations.flatMap((operation) => {
    const leaves = leftAt(operation, path);
    if (leaves === undefined || operation.outcome === "failed") return [];
    const change = { operation, certain: operation.outcome === "acknowledged", ...boundsOf(operation), leaves };
    const hasOther = operation.doubtful && (operation.version !== undefined || operation.restored !== undefined);
    return hasOther ? [change, otherAttempt(change)] : [change];
  });
}

/**
 * A put that was tried at two sides of a partition makes a version at each, since neither knows of the other's (S1). One
 * was told; the other's time may be any while the put lasted, and is no later: what comes after the put must not lose.
 * A restore that was tried twice may have found something else in the trash the first time.
 */
function otherAttempt(change: Change): Change {
  const { kind, clockLowMs, clockHighMs } = change.operation;
  const leaves = kind === "restore" ? leftByRestore() : change.leaves;
  return { ...change, certain: false, lowMs: clockLowMs - 1, highMs: clockHighMs, leaves };
}

function leftAt(operation: Operation, path: string): Change["leaves"] | undefined {
  const { kind, to, sha256 } = operation;
  if (kind === "put" && operation.path === path) return { kind: "content", sha256: sha256 ?? "" };
  if (kind === "restore" && operation.path === path) return leftByRestore(operation.restored);
  // A directory is only removed when it is empty: what is put into it meanwhile stays.
  if (kind === "remove" && operation.path === path) return { kind: "nothing" };
  if (kind !== "move" || to === operation.path) return undefined;
  if (covers(operation.path, path)) return { kind: "nothing" };
  return to !== undefined && covers(to, path) ? { kind: "moved" } : undefined;
}

/** Who was not told does not know what it was. */
function leftByRestore(restored?: string): Change["leaves"] {
  return restored === undefined ? { kind: "moved" } : { kind: "content", sha256: restored };
}

function covers(changed: string, path: string): boolean {
  return path === changed || path.startsWith(`${changed}/`);
}

function boundsOf({ version, clockLowMs, clockHighMs }: Operation): { lowMs: number; highMs: number } {
  if (version !== undefined) {
    const ms = versionTime(version) / TICKS_PER_MS;
    return { lowMs: ms, highMs: ms };
  }
  return { lowMs: clockLowMs - 1, highMs: clockHighMs };
}

/** `change` has lost against `other` in every possible history. */
export function certainlyBefore(change: Change, other: Change): boolean {
  return other.certain && change.highMs < other.lowMs;
}

/** As clients saw it: one was answered before the other was asked for. */
export function answeredBefore(change: Change, other: Change): boolean {
  return change.operation.endMs < other.operation.startMs;
}

/** Whether the change can have left this content there. */
export function canLeave(change: Change, sha256: string): boolean {
  if (change.leaves.kind === "content") return change.leaves.sha256 === sha256;
  return change.leaves.kind === "moved";
}

export function tell(change: Change): string {
  const { id, kind, path, to, outcome, startMs, endMs } = change.operation;
  const when = `${(startMs / 1000).toFixed(3)}-${(endMs / 1000).toFixed(3)} s`;
  const hybrid = `${(change.lowMs - EPOCH_MS).toFixed(0)}..${(change.highMs - EPOCH_MS).toFixed(0)}`;
  return `#${id} ${kind} ${path}${to === undefined ? "" : ` to ${to}`} ${outcome} ${when} [${hybrid}]`;
}
