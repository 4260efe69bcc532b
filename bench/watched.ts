/**
 * Loaded before the program in each process that a bench watches (`--import`): measures the turns of its event loop. On
 * SIGUSR2 it writes what they took into the file `BENCH_TURNS` + its process id, and begins anew.
 */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { TurnMeter } from "./turns.ts";

const file = `${process.env.BENCH_TURNS}${process.pid}`;
const turns = new TurnMeter();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on("SIGUSR2", () => {
  const clockMs = { p999: delay.percentile(99.9) / 1e6, max: delay.max / 1e6 };
  writeFileSync(`${file}.part`, JSON.stringify({ cpuMs: turns.turnMs, clockMs }));
  renameSync(`${file}.part`, file);
  turns.reset();
  delay.reset();
});
