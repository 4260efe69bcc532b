/**
 * Figure "filling": 12 servers of uneven quota and 1,500 files, from a random state to rest. How much of the quotas is in
 * use then, how near the best minSurplus is, and how many bytes were moved beside the least that leads there.
 */
import { SeededRandom } from "../random.ts";
import { optimalMinSurplus } from "../solver/solver.ts";
import { Stand, type StandFile } from "./stand.ts";
import { bytesOf, leastBytes, randomState, sortedSurpluses, unevenQuotas } from "./states.ts";

export interface FillingResult {
  /** The quotas together, as a multiple of what all N copies need. */
  readonly factor: number;
  readonly isEqual: boolean;
  /** Of what pulls may use: the quotas without the reserve, where a server cannot hold all files. */
  readonly usedShare: number;
  readonly minSurplus: number;
  /** Of files of one size. */
  readonly optimum: number | undefined;
  /** Moved, as a multiple of the least. */
  readonly movedRatio: number;
  readonly restMs: number;
  readonly isQuiet: boolean;
  /** Moves that a server could still make by itself. */
  readonly movesLeft: number;
  readonly cpuMs: number;
}

const SERVERS = 12;
const FILES = 1_500;
const COPIES = 3;
const RESERVE = 0.02;
const SIZE_BYTES = { low: 200, high: 4_000, equal: 1_000 };
const FACTOR = { low: 0.8, high: 3 };
const REST_LIMIT_MS = 3_600_000;
const WATCHED_MS = 60_000;

export async function fill(seed: number, sizes: { files?: number; servers?: number } = {}): Promise<FillingResult> {
  const startMs = performance.now();
  const random = SeededRandom.of(seed, "filling");
  const isEqual = seed % 2 === 0;
  const files: StandFile[] = Array.from({ length: sizes.files ?? FILES }, () => ({
    sizeBytes: isEqual ? SIZE_BYTES.equal : random.between(SIZE_BYTES.low, SIZE_BYTES.high),
  }));
  const factor = FACTOR.low + (FACTOR.high - FACTOR.low) * random.fraction();
  const neededBytes = COPIES * bytesOf(files, files.keys());
  const quotas = unevenQuotas(random, sizes.servers ?? SERVERS, factor * neededBytes);
  const servers = randomState(random, files, quotas, RESERVE);
  if (servers === undefined) throw new Error(`seed ${seed} has no room for a copy of each file`);
  const stand = new Stand({ seed, files, servers, config: { copies: COPIES, writeCopies: 2, reserve: RESERVE } });
  let result: FillingResult | undefined;
  await stand.play(async () => {
    await stand.prepare();
    const start = stand.holdings();
    stand.letGo();
    const restMs = await stand.rest(REST_LIMIT_MS);
    const { movedBytes } = stand;
    const isQuiet = !(await stand.changesWithin(WATCHED_MS));
    const end = stand.holdings();
    const surpluses = sortedSurpluses(files, end, COPIES);
    const told = (await stand.surpluses(random.pick(stand.machines))).sort((a, b) => a - b);
    if (told.join() !== surpluses.join()) throw new Error("the surpluses that are told are not those of the disks");
    const rooms = quotas.map((quota) => Math.min(Math.floor(quota * (1 - RESERVE)), neededBytes / COPIES));
    const used = end.map((held) => bytesOf(files, held));
    const leastMoved = leastBytes(files, start, end);
    result = {
      factor,
      isEqual,
      usedShare: sum(used) / sum(rooms),
      minSurplus: surpluses[0]!,
      optimum: isEqual
        ? optimalMinSurplus(
            files.length,
            COPIES,
            rooms.map((room) => Math.floor(room / SIZE_BYTES.equal)),
          )
        : undefined,
      movedRatio: leastMoved === 0 ? (movedBytes === 0 ? 1 : Number.POSITIVE_INFINITY) : movedBytes / leastMoved,
      restMs,
      isQuiet,
      movesLeft: stand.movesLeft().length,
      cpuMs: performance.now() - startMs,
    };
  });
  return result!;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
