/** P3: in a whole swarm a put is acknowledged on W servers, unless a change that came at the same time took its place. */
import type { History, Operation } from "../history.ts";
import { changesOf } from "./order.ts";
import type { Calm } from "./reads.ts";

export function acknowledgedCopies(history: History, calms: readonly Calm[], wanted: number): string[] {
  return history.operations.flatMap((put) => {
    if (put.kind !== "put" || put.outcome !== "acknowledged" || (put.copies ?? 0) >= wanted) return [];
    if (!calms.some(({ fromMs, toMs }) => put.startMs >= fromMs && put.endMs <= toMs)) return [];
    const contested = changesOf(history, put.path).some(
      ({ operation }) => operation !== put && overlap(operation, put),
    );
    return contested
      ? []
      : [`#${put.id} put ${put.path} at ${put.server} was acknowledged on ${put.copies} servers of ${wanted}`];
  });
}

function overlap(one: Operation, other: Operation): boolean {
  return one.startMs <= other.endMs && other.startMs <= one.endMs;
}
