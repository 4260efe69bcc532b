/**
 * How large a random run is. Most are short: what finds bugs is how seeds differ and how much happens at once, less how long it
 * goes on. Some are long, for what takes its time: servers that count as absent, old backups, pulls that crawl.
 */
import { SeededRandom } from "./random.ts";

export interface Span {
  readonly low: number;
  readonly high: number;
}

export interface RunSize {
  /** One of them is picked. */
  readonly servers: readonly number[];
  /** One of them is picked: after so long a silent server does not count for K any more. */
  readonly graceMs: readonly number[];
  /** Of the undisturbed work before the faults. */
  readonly calmMs: Span;
  readonly faultsMs: Span;
  /** One of them is picked: clients rest for so long at most between two operations. */
  readonly pauseMs: readonly number[];
  /** From one fault to the next, on average. */
  readonly intervalMs: Span;
  /** How long faults last that heal: one of these spans is picked each time. */
  readonly lastingMs: readonly Span[];
  /** Of the undisturbed work after the faults. */
  readonly lastWorkMs: number;
  /** Of runs in which what clients put does not fit N times, nor even twice. */
  readonly tightChance: number;
  /** Quota of one server in these: the largest content fits. */
  readonly tightBytes: Span;
  /** From one thing that an operator has servers drop, or drain, to the next. */
  readonly dropsMs: Span;
  readonly drainsMs: Span;
}

const LONG: RunSize = {
  servers: [3, 4, 5],
  graceMs: [10_000, 600_000, 600_000],
  calmMs: { low: 500, high: 4_500 },
  faultsMs: { low: 8_000, high: 25_000 },
  pauseMs: [60, 400, 1_500],
  intervalMs: { low: 200, high: 4_000 },
  lastingMs: [
    { low: 50, high: 1_000 },
    { low: 1_000, high: 5_000 },
    { low: 4_000, high: 25_000 },
  ],
  lastWorkMs: 1_000,
  tightChance: 0.25,
  tightBytes: { low: 15_000, high: 40_000 },
  dropsMs: { low: 20, high: 2_000 },
  drainsMs: { low: 200, high: 6_000 },
};

const SHORT: RunSize = {
  servers: [3, 3, 3, 3, 4, 4, 5],
  graceMs: [5_000, 600_000, 600_000],
  calmMs: { low: 200, high: 1_500 },
  faultsMs: { low: 3_000, high: 8_000 },
  pauseMs: [60, 200, 700],
  intervalMs: { low: 100, high: 1_500 },
  lastingMs: [
    { low: 50, high: 600 },
    { low: 600, high: 3_000 },
    { low: 2_500, high: 9_000 },
  ],
  lastWorkMs: 400,
  // Less is put in less time, and fewer servers hold it: as full as long runs are.
  tightChance: 0.4,
  tightBytes: { low: 13_000, high: 26_000 },
  dropsMs: { low: 20, high: 600 },
  drainsMs: { low: 100, high: 2_000 },
};

/** Of runs that are long. */
const LONG_CHANCE = 0.1;

export function drawSize(seed: number, isLong: boolean): RunSize {
  return isLong || SeededRandom.of(seed, "size").chance(LONG_CHANCE) ? LONG : SHORT;
}
