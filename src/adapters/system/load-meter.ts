/** How busy this process is: CPU, event-loop delay and outgoing bytes, smoothed over a few seconds (M4). */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { LoadMeter } from "../../ports/load-meter.ts";

/** An event loop that answers this late on average is as busy as can be. */
const DELAY_MAX_MS = 100;
/** Each is a wakeup, also at rest, in each process. */
const DELAY_RESOLUTION_MS = 250;
const SAMPLE_MS = 1000;
/** Weight of the newest sample. */
const SMOOTHING = 0.3;
/** Clients are taken to be there for so long after the last piece of a file. */
const CLIENTS_MS = 5000;

export interface SystemLoadMeter extends LoadMeter {
  /** So many bytes have been handed to the network. */
  readonly sent: (bytes: number) => void;
  /** The same, for a client; 0 when a piece of a file came from one. */
  readonly served: (sentBytes: number) => void;
  close(): void;
}

/** What was seen of one stretch of time. */
export interface Sample {
  /** Of one core, 0 to 1. */
  readonly cpuShare: number;
  readonly delayMs: number;
  readonly sentBytesPerS: number;
}

/** The greatest of the three against its bound, 0 to 1. */
export function loadOf({ cpuShare, delayMs, sentBytesPerS }: Sample, bandwidthBytesPerS: number): number {
  const shares = [cpuShare, delayMs / DELAY_MAX_MS, sentBytesPerS / bandwidthBytesPerS];
  return Math.min(1, Math.max(0, ...shares.filter(Number.isFinite)));
}

/** @param bandwidthBytesPerS what the network takes at most */
export function createLoadMeter(bandwidthBytesPerS: number, sampleMs = SAMPLE_MS): SystemLoadMeter {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();
  let cpu = process.cpuUsage();
  let at = performance.now();
  let sentBytes = 0;
  let servedAt = Number.NEGATIVE_INFINITY;
  let smoothed = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const used = process.cpuUsage(cpu);
    const sample: Sample = {
      cpuShare: (used.user + used.system) / 1000 / (now - at),
      delayMs: delay.mean / 1e6 - DELAY_RESOLUTION_MS,
      sentBytesPerS: (sentBytes / (now - at)) * 1000,
    };
    smoothed += SMOOTHING * (loadOf(sample, bandwidthBytesPerS) - smoothed);
    cpu = process.cpuUsage();
    at = now;
    sentBytes = 0;
    delay.reset();
  }, sampleMs);
  timer.unref();
  const load = () => Math.round(smoothed * 100) / 100;
  return {
    load,
    clientLoad: () => (performance.now() - servedAt < CLIENTS_MS ? load() : 0),
    sent: (bytes) => {
      sentBytes += bytes;
    },
    served: (bytes) => {
      sentBytes += bytes;
      servedAt = performance.now();
    },
    close() {
      clearInterval(timer);
      delay.disable();
    },
  };
}
