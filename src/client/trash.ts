/** Emptying the trash, which a server does in steps of some seconds. */
import type { EmptiedTrash, EmptyTrashOptions, TrashCount } from "../server/face.ts";

export interface EmptyTrashWish {
  /** A path: what was there, or below it; all of it unless given. */
  readonly under?: string;
  /** Called after each step, with all that was done until then. */
  readonly onProgress?: (soFar: EmptiedTrash) => void;
}

/** Asks for step after step until nothing is left to be looked at. */
export async function emptyInSteps(
  ask: (options: EmptyTrashOptions) => Promise<EmptiedTrash>,
  { under, onProgress }: EmptyTrashWish,
): Promise<EmptiedTrash> {
  const of = under === undefined ? {} : { under };
  let all = await ask(of);
  while (all.next !== null) {
    onProgress?.(all);
    all = joined(all, await ask({ ...of, after: all.next }));
  }
  return all;
}

function joined(before: EmptiedTrash, step: EmptiedTrash): EmptiedTrash {
  return {
    thrownAway: sum(before.thrownAway, step.thrownAway),
    kept: sum(before.kept, step.kept),
    unreached: [...new Set([...before.unreached, ...step.unreached])],
    next: step.next,
  };
}

function sum(a: TrashCount, b: TrashCount): TrashCount {
  return { copies: a.copies + b.copies, bytes: a.bytes + b.bytes };
}
