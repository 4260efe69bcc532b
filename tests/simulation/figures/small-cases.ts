/**
 * Figure "small": a few servers and files of mixed sizes and N, from a random state to rest, beside the best sorted list
 * of surpluses that a solver finds.
 */
import { SeededRandom } from "../random.ts";
import { solve } from "../solver/solver.ts";
import { type Holdings, Stand, type StandFile, type StandServer } from "./stand.ts";
import { leastBytes, randomState, sortedSurpluses, unevenQuotas } from "./states.ts";

export interface SmallResult {
  readonly seed: number;
  /** Sorted lists of surpluses. */
  readonly reached: readonly number[];
  readonly best: readonly number[];
  readonly movedBytes: number;
  readonly leastBytes: number;
  readonly isQuiet: boolean;
  /** Moves that a server could still make by itself. */
  readonly movesLeft: number;
}

const UNIT_BYTES = 64;
const REST_LIMIT_MS = 1_800_000;
const WATCHED_MS = 20_000;

export async function smallCase(seed: number): Promise<SmallResult> {
  const { files, servers } = drawCase(seed);
  const stand = new Stand({ seed, files, servers, config: { copies: 3, writeCopies: 1, reserve: 0 } });
  const quotas = servers.map(({ quotaBytes }) => quotaBytes);
  const solution = solve(
    files.map(({ sizeBytes, target }) => ({ size: sizeBytes, target: target! })),
    quotas,
  );
  let start: Holdings = [];
  let end: Holdings = [];
  let isQuiet = false;
  let movedBytes = 0;
  let movesLeft = 0;
  await stand.play(async () => {
    await stand.prepare();
    start = stand.holdings();
    stand.letGo();
    await stand.rest(REST_LIMIT_MS);
    movedBytes = stand.movedBytes;
    isQuiet = !(await stand.changesWithin(WATCHED_MS));
    end = stand.holdings();
    movesLeft = stand.movesLeft().length;
  });
  const reached = sortedSurpluses(files, end, 3);
  const least = leastBytes(files, start, end);
  return { seed, reached, best: solution!.surpluses, movedBytes, leastBytes: least, isQuiet, movesLeft };
}

/** What a seed begins with. */
export function drawCase(seed: number): { files: StandFile[]; servers: StandServer[] } {
  const random = SeededRandom.of(seed, "small case");
  for (;;) {
    const files = Array.from({ length: random.between(4, 8) }, () => ({
      sizeBytes: UNIT_BYTES * random.between(1, 6),
      target: random.between(1, 3),
    }));
    const neededBytes = files.reduce((sum, { sizeBytes, target }) => sum + sizeBytes * target, 0);
    const total = neededBytes * (0.6 + random.fraction());
    const quotas = unevenQuotas(random, random.between(3, 4), total).map(
      (quota) => UNIT_BYTES * Math.round(quota / UNIT_BYTES),
    );
    const servers = randomState(random, files, quotas, 0);
    if (servers !== undefined) return { files, servers };
  }
}
