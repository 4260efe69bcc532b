/** Which servers take a new version first (S1): up, with room, in different zones, the least loaded. Pure. */
import type { ServerId } from "../ids.ts";

export interface Candidate {
  readonly server: ServerId;
  readonly zone: string;
  readonly load: number;
  /** How much the policy prefers it for the file (R5). */
  readonly weight: number;
  /** Bytes it could take. */
  readonly roomBytes: number;
  /** Only when there is nobody else: it is about to leave. */
  readonly isLast?: boolean;
  /** It could make room, by giving up copies (S3). */
  readonly mayMakeRoom: boolean;
}

/**
 * The best `count` servers for a file of `sizeBytes`, given the zones that have it already. Those with room come before
 * those that have to make it, a zone that has none before one that has, then those where the policy prefers the file to be;
 * `tie` (0 to 1 for each server) settles the rest.
 */
export function chooseTargets(
  candidates: readonly Candidate[],
  count: number,
  sizeBytes: number,
  zonesTaken: readonly string[],
  tie: (server: ServerId) => number,
): ServerId[] {
  const chosen: ServerId[] = [];
  const taken = new Set(zonesTaken);
  const hasRoom = ({ roomBytes }: Candidate) => roomBytes >= sizeBytes;
  const left = candidates.filter((each) => hasRoom(each) || each.mayMakeRoom);
  while (chosen.length < count && left.length > 0) {
    left.sort(
      (a, b) =>
        Number(a.isLast ?? false) - Number(b.isLast ?? false) ||
        Number(hasRoom(b)) - Number(hasRoom(a)) ||
        Number(taken.has(a.zone)) - Number(taken.has(b.zone)) ||
        b.weight - a.weight ||
        loadStep(a.load) - loadStep(b.load) ||
        tie(a.server) - tie(b.server),
    );
    const best = left.shift()!;
    chosen.push(best.server);
    taken.add(best.zone);
  }
  return chosen;
}

/** Small differences of load are noise and would send all writes to one server. */
function loadStep(load: number): number {
  return Math.round(load * 5);
}
