/** Random states to begin from, and what it takes at least to come from one state to another. */
import type { SeededRandom } from "../random.ts";
import type { Holdings, StandFile, StandServer } from "./stand.ts";

/**
 * Servers of these quotas, each with a part of the files on its disk: every file on one of those where it fits, then, on
 * each server, others by chance until some share of its room is taken. Undefined when a file fits nowhere.
 *
 * @param reserve share of the quotas that is left free
 */
export function randomState(
  random: SeededRandom,
  files: readonly StandFile[],
  quotas: readonly number[],
  reserve: number,
): StandServer[] | undefined {
  const rooms = quotas.map((quota) => Math.floor(quota * (1 - reserve)));
  const holds = quotas.map(() => new Set<number>());
  const add = (file: number, server: number) => {
    holds[server]!.add(file);
    rooms[server]! -= files[file]!.sizeBytes;
  };
  const order = random.shuffled(files.map((_, file) => file)).sort((a, b) => files[b]!.sizeBytes - files[a]!.sizeBytes);
  for (const file of order) {
    const servers = quotas.map((_, server) => server).filter((server) => rooms[server]! >= files[file]!.sizeBytes);
    if (servers.length === 0) return undefined;
    add(file, random.pick(servers));
  }
  for (const server of quotas.keys()) {
    const leftBytes = rooms[server]! * random.fraction();
    for (const file of random.shuffled(files.map((_, index) => index))) {
      if (holds[server]!.has(file) || rooms[server]! - files[file]!.sizeBytes < leftBytes) continue;
      add(file, server);
    }
  }
  return quotas.map((quotaBytes, server) => ({ quotaBytes, holds: [...holds[server]!] }));
}

/** Quotas that sum up to about `totalBytes`, the greatest some five times the least. */
export function unevenQuotas(random: SeededRandom, servers: number, totalBytes: number): number[] {
  const weights = Array.from({ length: servers }, () => 0.25 + random.fraction());
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => Math.floor((totalBytes * weight) / sum));
}

/** Bytes of the copies that are there at the end and were not at the start: nobody gets there with less. */
export function leastBytes(files: readonly StandFile[], start: Holdings, end: Holdings): number {
  return end.reduce((sum, held, server) => {
    const fetched = [...held].filter((file) => !start[server]!.has(file));
    return sum + bytesOf(files, fetched);
  }, 0);
}

export function bytesOf(files: readonly StandFile[], held: Iterable<number>): number {
  let bytes = 0;
  for (const file of held) bytes += files[file]!.sizeBytes;
  return bytes;
}

/** The sorted list of surpluses as the disks have it. */
export function sortedSurpluses(files: readonly StandFile[], held: Holdings, copies: number): number[] {
  const counts = files.map((_, file) => held.filter((each) => each.has(file)).length);
  return counts.map((count, file) => count - (files[file]!.target ?? copies)).sort((a, b) => a - b);
}
