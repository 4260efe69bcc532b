/**
 * Figure "lost": a swarm at rest loses one of its servers for good. What is copied until it is at rest again, beside the
 * least that leads from what was left to a list of surpluses as good: so a file that two servers copied where one was
 * wanted counts as well, though both copies stay.
 */
import { SeededRandom } from "../random.ts";
import { optimalMinSurplus } from "../solver/solver.ts";
import { Stand, type StandFile } from "./stand.ts";
import { randomState, sortedSurpluses, unevenQuotas } from "./states.ts";

export interface LostResult {
  readonly movedBytes: number;
  readonly leastBytes: number;
  readonly minSurplusBefore: number;
  readonly minSurplus: number;
  readonly optimum: number;
  readonly restMs: number;
}

const COPIES = 3;
const SIZE_BYTES = 1_000;
const RESERVE = 0.02;
const REST_LIMIT_MS = 3_600_000;

export async function lose(seed: number, sizes: { files?: number; servers?: number } = {}): Promise<LostResult> {
  const random = SeededRandom.of(seed, "lost server");
  const files: StandFile[] = Array.from({ length: sizes.files ?? 1_000 }, () => ({ sizeBytes: SIZE_BYTES }));
  const factor = 1 + random.fraction();
  const quotas = unevenQuotas(random, sizes.servers ?? 20, factor * COPIES * files.length * SIZE_BYTES);
  const servers = randomState(random, files, quotas, RESERVE)!;
  const config = { copies: COPIES, writeCopies: 2, reserve: RESERVE, graceMs: 10_000 };
  const stand = new Stand({ seed, files, servers, config });
  let result: LostResult | undefined;
  await stand.play(async () => {
    await stand.prepare();
    stand.letGo();
    await stand.rest(REST_LIMIT_MS);
    const lost = random.pick(stand.machines);
    lost.powerCut();
    const before = sortedSurpluses(files, stand.holdings(), COPIES);
    stand.letGo();
    const restMs = await stand.rest(REST_LIMIT_MS);
    const after = sortedSurpluses(files, stand.holdings(), COPIES);
    const rooms = quotas.map((quota, server) =>
      stand.machines[server] === lost ? 0 : Math.floor((quota * (1 - RESERVE)) / SIZE_BYTES),
    );
    result = {
      movedBytes: stand.movedBytes,
      leastBytes: SIZE_BYTES * risen(before, after),
      minSurplusBefore: before[0]!,
      minSurplus: after[0]!,
      optimum: optimalMinSurplus(files.length, COPIES, rooms),
      restMs,
    };
  });
  return result!;
}

/** By how much together the members of a sorted list have risen: no fewer copies of files of one size lead there. */
function risen(before: readonly number[], after: readonly number[]): number {
  return after.reduce((sum, surplus, i) => sum + Math.max(0, surplus - before[i]!), 0);
}
