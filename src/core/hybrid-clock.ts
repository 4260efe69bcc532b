/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014) in one integer: milliseconds times 1,024, the
 * rest being the counter. A counter that overflows runs into the next millisecond, which only makes the time a little
 * early.
 */
import type { HybridTime } from "./ids.ts";

const TICKS_PER_MS = 1024;
/**
 * The year 2200. A clock that shows more is wrong, and is taken to show this: times are safe integers until 2248, and behind
 * the last of them there is none, so that all versions would be given one name.
 */
const WALL_MS_MAX = 7_258_118_400_000;
/** The year 2240. No server writes what says more: one whose clock is taken to show 2200 goes on from there by single ticks. */
const TIME_MS_MAX = 8_520_336_000_000;

export function hybridTimeOf(wallMs: number): HybridTime {
  return (Math.floor(Math.min(Math.max(wallMs, 0), WALL_MS_MAX)) * TICKS_PER_MS) as HybridTime;
}

/** Whether a clock can go on from a time that somebody else says. */
export function isHybridTime(time: number): time is HybridTime {
  return Number.isSafeInteger(time) && 0 <= time && time <= TIME_MS_MAX * TICKS_PER_MS;
}

export function wallMsOf(time: HybridTime): number {
  return Math.floor(time / TICKS_PER_MS);
}

/** The time after `latest` that is as near to the wall clock as it can be. */
export function nextHybridTime(latest: HybridTime, wallMs: number): HybridTime {
  return Math.max(hybridTimeOf(wallMs), latest + 1) as HybridTime;
}
