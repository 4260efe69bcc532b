/**
 * P3 and "deleted never returns": at rest each path holds what an acknowledged change left there, unless a later change
 * took its place.
 */
import type { History } from "../history.ts";
import type { Losses } from "../losses.ts";
import type { RestView } from "../rest.ts";
import { type Change, canLeave, certainlyBefore, changesOf, tell } from "./order.ts";

export function winners(history: History, view: RestView, losses: Losses, writeCopies: number): string[] {
  const listed = view.servers[0]?.locations;
  if (!listed) return [];
  return history.paths.flatMap((path) => {
    // What was destroyed need not have lasted, but it may have.
    const changes = changesOf(history, path).map((change) =>
      losses.excuses(change.operation, writeCopies) ? { ...change, certain: false } : change,
    );
    const found = listed.get(path);
    const problem = found ? wrongContent(changes, found.sha256) : wrongAbsence(changes);
    return problem ? [`${path} ${problem}; it is ${found ? `${found.version}` : "absent"}`] : [];
  });
}

function wrongContent(changes: readonly Change[], sha256: string): string | undefined {
  const makers = changes.filter((change) => canLeave(change, sha256));
  if (makers.length === 0) return "holds what nobody put there";
  const beaten = makers.map((maker) => changes.find((change) => change !== maker && certainlyBefore(maker, change)));
  if (beaten.includes(undefined)) return undefined;
  return `holds what ${tell(makers[0]!)} left, in spite of ${tell(beaten[0]!)}`;
}

function wrongAbsence(changes: readonly Change[]): string | undefined {
  const removals = changes.filter((change) => change.leaves.kind === "nothing");
  const lost = changes.filter((change) => change.certain && change.leaves.kind !== "nothing");
  const last = lost.findLast((change) => !removals.some((removal) => !certainlyBefore(removal, change)));
  return last && `lost what ${tell(last)} left`;
}
