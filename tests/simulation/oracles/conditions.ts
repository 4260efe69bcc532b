/**
 * C14: writes with conditions come one after the other, each knowing all before it. So no version is replaced twice by
 * conditional writes, nothing is made where something is, and in the stretches without faults a condition does not hold
 * any more once it was acknowledged that something else is there. For paths of which nothing is moved.
 */
import type { VersionId } from "../../../src/core/ids.ts";
import type { History, Operation } from "../history.ts";
import type { Losses } from "../losses.ts";
import type { Calm } from "./reads.ts";

export function conditionsHeld(
  history: History,
  losses: Losses,
  calms: readonly Calm[],
  writeCopies: number,
): string[] {
  const decided = history.operations.filter(({ condition }) => condition !== undefined);
  return [...new Set(decided.map(({ path }) => path))].flatMap((path) => {
    const changes = history.operations.filter(
      ({ kind, path: other, outcome }) =>
        other === path && (kind === "put" || kind === "remove") && outcome !== "failed" && outcome !== "pending",
    );
    const done = changes.filter(({ outcome }) => outcome === "acknowledged");
    // What was destroyed may have been decided once more.
    const conditional = done.filter((change) => change.condition && !losses.excuses(change, writeCopies));
    return [
      ...replacedTwice(conditional),
      ...madeTwice(conditional, changes),
      ...conditional.flatMap((change) => stale(change, done, calms)),
    ];
  });
}

function replacedTwice(conditional: readonly Operation[]): string[] {
  const replacing = new Map<VersionId, Operation>();
  return conditional.flatMap((change) => {
    if (change.condition === undefined || change.condition === "nothing") return [];
    const before = replacing.get(change.condition);
    replacing.set(change.condition, change);
    return before === undefined ? [] : [`${tell(before)} and ${tell(change)} both replaced ${change.condition}`];
  });
}

/** Between two that found nothing, something was removed. */
function madeTwice(conditional: readonly Operation[], changes: readonly Operation[]): string[] {
  const making = conditional
    .filter(({ condition }) => condition === "nothing")
    .sort((a, b) => (a.version! < b.version! ? -1 : 1));
  return making.slice(1).flatMap((change, i) => {
    const before = making[i]!;
    const removal = changes.find(
      ({ kind, startMs, endMs }) => kind === "remove" && startMs < change.endMs && endMs > before.startMs,
    );
    return removal ? [] : [`${tell(before)} and ${tell(change)} both found nothing`];
  });
}

function stale(change: Operation, done: readonly Operation[], calms: readonly Calm[]): string[] {
  const calm = calms.find(({ fromMs, toMs }) => change.startMs >= fromMs && change.endMs <= toMs);
  const { condition } = change;
  if (calm === undefined || condition === undefined || condition === "nothing") return [];
  const missed = done.find(
    (other) =>
      other !== change &&
      other.endMs < change.startMs &&
      other.startMs >= calm.fromMs &&
      (other.kind === "put" ? other.version! > condition : isAfter(other, condition, done)),
  );
  return missed ? [`${tell(change)} replaced ${condition}, in spite of ${tell(missed)}`] : [];
}

/** A removal that was asked for after the version had been acknowledged. */
function isAfter(removal: Operation, version: VersionId, done: readonly Operation[]): boolean {
  return done.some((put) => put.version === version && put.endMs < removal.startMs);
}

function tell({ id, kind, path, server, startMs, endMs, version }: Operation): string {
  const when = `${(startMs / 1000).toFixed(3)}-${(endMs / 1000).toFixed(3)} s`;
  return `#${id} ${kind} ${path} at ${server} ${when} ${version ?? ""}`;
}
