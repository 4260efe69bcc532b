/** The machine's own time. */
import type { Clock } from "../../ports/clock.ts";
import { Beats, WAIT_MS_MIN } from "./beats.ts";

const beats = new Beats();

export const systemClock: Clock = {
  /** CLOCK_MONOTONIC: goes on while the process is stopped, not while the machine sleeps. */
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after(ms, callback, exactness) {
    if (exactness === "about" && ms >= WAIT_MS_MIN) return beats.after(Math.min(ms, TIMER_MS_MAX), callback);
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), TIMER_MS_MAX));
    return () => clearTimeout(timer);
  },
};

/** Node runs a longer timer at once. 24 days are "later" enough for everything that is asked here. */
const TIMER_MS_MAX = 2 ** 31 - 1;
