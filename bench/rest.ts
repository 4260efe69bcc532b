/** What a swarm at rest costs: CPU of each server, with its serving processes, while nobody asks for anything. */
import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds } from "./processes.ts";
import { tell } from "./series.ts";
import type { BenchSwarm } from "./swarm.ts";

const WATCHED_MS = 20_000;
/** What a start leaves to do (garbage) is done by then, and what the bench's own question about the servers set going (control/forecast.ts). */
const SETTLED_AFTER_MS = 75_000;

export async function measureRest(swarm: BenchSwarm, runs: number): Promise<void> {
  await delay(SETTLED_AFTER_MS);
  const shares: number[] = [];
  for (let run = 0; run < runs; run++) {
    const before = swarm.servers.map(({ pid }) => cpuSeconds(pid));
    await delay(WATCHED_MS);
    const after = swarm.servers.map(({ pid }) => cpuSeconds(pid));
    shares.push(Math.max(...after.map((seconds, i) => ((seconds - before[i]!) / (WATCHED_MS / 1000)) * 100)));
  }
  tell({ name: "CPU at rest, the busiest server", values: shares, unit: "% of a core", target: 1, atMost: true });
}
