/**
 * The best a swarm could do, worked out from all that is known at once: which server should hold which file so that the
 * sorted list of surpluses (K - N) is as great as can be, its least member first. Oracles and figures measure servers,
 * which decide by themselves and see one file at a time, against it. Pure; knows nothing of how servers decide.
 */

/** Names no unit: sizes and quotas are in the same one. */
export interface SolverFile {
  readonly size: number;
  /** N. */
  readonly target: number;
}

export interface Solution {
  /** The sorted list of surpluses, the least first. */
  readonly surpluses: readonly number[];
  /** Of each file, which servers hold it: the bit of a server is 1 shifted by its index. */
  readonly holders: readonly number[];
}

/** Beyond them the cost of a solution is no exact number any more. */
const FILES_MAX = 15;
const LEVELS_MAX = 12;
const BASE = FILES_MAX + 1;

/**
 * The lexicographically best sorted list of surpluses of which each file has a copy at least; undefined when there is not
 * even room for that.
 *
 * The order of such lists is that of sums: each file costs BASE to the power of what it lies below the greatest surplus, so
 * that one file of some surplus outweighs all files of greater ones. The least sum is looked for file by file, large ones
 * first; what is left of the quotas decides how it goes on, as far as the files that are left could use it.
 *
 * @throws Error for more than 15 files or surpluses that lie 12 apart
 */
export function solve(files: readonly SolverFile[], quotas: readonly number[]): Solution | undefined {
  const targets = files.map(({ target }) => target);
  const top = quotas.length - Math.min(...targets);
  const levels = top - (1 - Math.max(...targets));
  if (files.length > FILES_MAX || levels > LEVELS_MAX) throw new Error("the solver is for small cases");
  const order = files.map((_, index) => index).sort((a, b) => files[b]!.size - files[a]!.size);
  const sorted = order.map((index) => files[index]!);
  const search = new Search(sorted, quotas.length, top);
  const masks = search.best(quotas);
  if (masks === undefined) return undefined;
  const holders = files.map((_, index) => masks[order.indexOf(index)]!);
  return { surpluses: surplusesOf(files, holders), holders };
}

/** The sorted list of surpluses of files that lie so. */
export function surplusesOf(files: readonly SolverFile[], holders: readonly number[]): number[] {
  return files.map(({ target }, index) => bits(holders[index]!) - target).sort((a, b) => a - b);
}

/**
 * The greatest `minSurplus` that there can be with files of one size and one N: every server holds as many as fit, and
 * copies are spread evenly (the condition of Gale and Ryser holds for all files whenever it holds for the sum).
 *
 * @param rooms how many files each server has room for
 */
export function optimalMinSurplus(files: number, target: number, rooms: readonly number[]): number {
  const copies = rooms.reduce((sum, room) => sum + Math.min(room, files), 0);
  return Math.floor(copies / files) - target;
}

interface Found {
  readonly cost: number;
  readonly mask: number;
}

class Search {
  readonly #files: readonly SolverFile[];
  readonly #top: number;
  readonly #masks: readonly number[];
  /** What the files from an index on weigh together. */
  readonly #rest: readonly number[];
  readonly #known: Map<string, Found>[];

  constructor(files: readonly SolverFile[], servers: number, top: number) {
    this.#files = files;
    this.#top = top;
    this.#masks = Array.from({ length: 2 ** servers - 1 }, (_, i) => i + 1);
    this.#rest = files.map((_, index) => files.slice(index).reduce((sum, { size }) => sum + size, 0));
    this.#known = files.map(() => new Map());
  }

  best(quotas: readonly number[]): number[] | undefined {
    if (this.#cost(0, quotas) === Number.POSITIVE_INFINITY) return undefined;
    const masks: number[] = [];
    let free = this.#clipped(0, quotas);
    for (let index = 0; index < this.#files.length; index++) {
      const { mask } = this.#known[index]!.get(free.join())!;
      masks.push(mask);
      free = this.#clipped(index + 1, without(free, mask, this.#files[index]!.size));
    }
    return masks;
  }

  #cost(index: number, quotas: readonly number[]): number {
    if (index === this.#files.length) return 0;
    const free = this.#clipped(index, quotas);
    const key = free.join();
    const known = this.#known[index]!.get(key);
    if (known !== undefined) return known.cost;
    const { size, target } = this.#files[index]!;
    let best: Found = { cost: Number.POSITIVE_INFINITY, mask: 0 };
    for (const mask of this.#masks) {
      if (free.some((room, server) => (mask & (1 << server)) !== 0 && room < size)) continue;
      const own = BASE ** (this.#top - (bits(mask) - target));
      if (own >= best.cost) continue;
      const cost = own + this.#cost(index + 1, without(free, mask, size));
      if (cost < best.cost) best = { cost, mask };
    }
    this.#known[index]!.set(key, best);
    return best.cost;
  }

  /** More room than all files that are left could take makes no difference. */
  #clipped(index: number, quotas: readonly number[]): number[] {
    const rest = this.#rest[index] ?? 0;
    return quotas.map((room) => Math.min(room, rest));
  }
}

function without(free: readonly number[], mask: number, size: number): number[] {
  return free.map((room, server) => ((mask & (1 << server)) === 0 ? room : room - size));
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest > 0; rest &= rest - 1) count += 1;
  return count;
}
