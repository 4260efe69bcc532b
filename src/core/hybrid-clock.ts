/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) in one integer: milliseconds times 1,024, the
 * rest being the counter. A counter that overflows runs into the next millisecond, which only makes the time a little
 * early.
 */
import type { HybridTime } from "./ids.ts";

const TICKS_PER_MS = 1024;

export function hybridTimeOf(wallMs: number): HybridTime {
  return (Math.floor(wallMs) * TICKS_PER_MS) as HybridTime;
}

export function wallMsOf(time: HybridTime): number {
  return Math.floor(time / TICKS_PER_MS);
}

/** The time after `latest` that is as near to the wall clock as it can be. */
export function nextHybridTime(latest: HybridTime, wallMs: number): HybridTime {
  return Math.max(hybridTimeOf(wallMs), latest + 1) as HybridTime;
}
