/** The turns of another process's event loop, which has loaded watched.ts. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { TurnMs } from "./turns.ts";

const ANSWER_MS_MAX = 10_000;

export interface WatchedTurns {
  /** CPU time of its thread: what blocks, however busy the machine is. */
  readonly cpuMs: TurnMs;
  /** By the clock: between two turns, others on the same core included. */
  readonly clockMs: TurnMs;
}

/** What Node.js is given so that a process is watched. */
export const WATCH_OPTIONS: readonly string[] = ["--import", new URL("watched.ts", import.meta.url).href];

/** Since it was last asked. @param prefix of the file it writes, as the process has it in `BENCH_TURNS` */
export async function turnsOf(pid: number, prefix: string): Promise<WatchedTurns> {
  const file = `${prefix}${pid}`;
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (let waitedMs = 0; !existsSync(file); waitedMs += 10) {
    if (waitedMs > ANSWER_MS_MAX) throw new Error(`process ${pid} does not tell of its event loop`);
    await delay(10);
  }
  return JSON.parse(readFileSync(file, "utf8")) as WatchedTurns;
}
