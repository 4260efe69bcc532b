/** What a swarm at rest costs: CPU of each server, with its serving processes, while nobody asks for anything. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { tell } from "./series.ts";
import type { BenchSwarm } from "./swarm.ts";

const WATCHED_MS = 20_000;
/** The kernel counts in hundredths of a second (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

export async function measureRest(swarm: BenchSwarm, runs: number): Promise<void> {
  const shares: number[] = [];
  for (let run = 0; run < runs; run++) {
    const before = await Promise.all(swarm.servers.map(({ pid }) => cpuSeconds(pid)));
    await delay(WATCHED_MS);
    const after = await Promise.all(swarm.servers.map(({ pid }) => cpuSeconds(pid)));
    shares.push(Math.max(...after.map((seconds, i) => ((seconds - before[i]!) / (WATCHED_MS / 1000)) * 100)));
  }
  tell({ name: "CPU at rest, the busiest server", values: shares, unit: "% of a core", target: 1, atMost: true });
}

/** Of a process and its children. */
async function cpuSeconds(pid: number): Promise<number> {
  let seconds = await ownCpuSeconds(pid);
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const children = await readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "");
    for (const child of children.split(" ").filter(Boolean)) seconds += await cpuSeconds(Number(child));
  }
  return seconds;
}

/** proc_pid_stat(5): utime and stime are the 14th and 15th field; the name before them may hold anything. */
async function ownCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
