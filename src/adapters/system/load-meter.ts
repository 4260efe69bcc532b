/** How busy this process is: CPU and event-loop delay, smoothed over a few seconds. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { LoadMeter } from "../../ports/load-meter.ts";

/** An event loop that answers this late on average is as busy as can be. */
const DELAY_MAX_MS = 100;
const SAMPLE_MS = 1000;
/** Weight of the newest sample. */
const SMOOTHING = 0.3;

export interface SystemLoadMeter extends LoadMeter {
  close(): void;
}

export function createLoadMeter(): SystemLoadMeter {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  let cpu = process.cpuUsage();
  let at = performance.now();
  let smoothed = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const used = process.cpuUsage(cpu);
    const cpuShare = (used.user + used.system) / 1000 / (now - at);
    const lag = Math.max(0, delay.mean / 1e6 - 20) / DELAY_MAX_MS;
    const sample = Math.min(1, Math.max(cpuShare, Number.isFinite(lag) ? lag : 0));
    smoothed += SMOOTHING * (sample - smoothed);
    cpu = process.cpuUsage();
    at = now;
    delay.reset();
  }, SAMPLE_MS);
  timer.unref();
  return {
    load: () => Math.round(smoothed * 100) / 100,
    close() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
