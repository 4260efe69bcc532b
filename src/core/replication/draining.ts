/** How a server that is drained gives up one copy, and what it waits for (D1). Pure. */

/** What is known of a copy and of the servers that stay: those of the roster that neither drain nor are absent. */
export interface DrainedCopy {
  /** N and min(W, N) of the file. */
  readonly target: number;
  readonly safe: number;
  /** Servers that stay, are up, and hold it as well. */
  readonly holders: number;
  readonly staying: number;
  /** Whether one of those that do not hold it has room for it. */
  readonly hasRoom: boolean;
}

/**
 * servers: too few stay to hold it often enough; room: none of those that lack it has room; copies: it is being copied, or
 * will be. "ready": enough others hold it, so that they can be asked.
 */
export type DrainVerdict = "ready" | DrainWait;
export type DrainWait = "servers" | "room" | "copies";

/**
 * The promises it takes: as many as N, or as servers stay when these are fewer, but never below min(W, N) (P3).
 */
export function drainPromises({ target, safe, staying }: Pick<DrainedCopy, "target" | "safe" | "staying">): number {
  return Math.max(1, safe, Math.min(target, staying));
}

export function drainVerdict(copy: DrainedCopy): DrainVerdict {
  const wanted = drainPromises(copy);
  if (copy.holders >= wanted) return "ready";
  if (copy.staying < wanted) return "servers";
  return copy.hasRoom ? "copies" : "room";
}
