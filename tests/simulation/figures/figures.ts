/** The figures of replication: how each is measured, and what it has to be (docs/FIGURES.md has what was measured last). */
import { type FillingResult, fill } from "./filling.ts";
import { type LostResult, lose } from "./lost-server.ts";
import { type NewFileResult, newFile } from "./new-file.ts";
import { type SmallResult, smallCase } from "./small-cases.ts";

export interface Line {
  readonly what: string;
  readonly value: string;
  /** Undefined: it is told only. */
  readonly target: string | undefined;
  readonly isMet: boolean;
}

export interface Run {
  readonly seed: number;
  readonly result: unknown;
}

interface Figure {
  readonly title: string;
  /** As many as are measured unless said otherwise. */
  readonly runs: number;
  readonly measure: (seed: number) => Promise<unknown>;
  readonly judge: (runs: readonly Run[]) => Line[];
}

export const FIGURES = {
  filling: {
    title: "12 servers of uneven quota, 1,500 files, from a random state to rest",
    runs: 12,
    measure: (seed) => fill(seed),
    judge: (runs) => judgeFilling(runs.map(({ result }) => result as FillingResult)),
  },
  small: {
    title: "3 to 4 servers, 4 to 8 files of mixed sizes and N, from a random state to rest",
    runs: 1_000,
    measure: smallCase,
    judge: (runs) => judgeSmall(runs.map(({ result }) => result as SmallResult)),
  },
  "new-file": {
    title: "a file of some seconds is put into a swarm of 50 idle servers, N = 3",
    runs: 1,
    measure: (seed) => newFile(seed),
    judge: (runs) => judgeNewFile(runs.map(({ result }) => result as NewFileResult)),
  },
  lost: {
    title: "one of 20 servers of uneven quota with 1,000 files is lost for good",
    runs: 1,
    measure: (seed) => lose(seed),
    judge: (runs) => judgeLost(runs.map(({ result }) => result as LostResult)),
  },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof FIGURES;

export function isFigureName(text: string): text is FigureName {
  return Object.hasOwn(FIGURES, text);
}

export function measure(figure: FigureName, seed: number): Promise<unknown> {
  return FIGURES[figure].measure(seed);
}

/** Shares are told as of the worst run. */
const USED_MIN = 0.99;
const MOVED_MAX = 1.5;
const OPTIMAL_MIN = 0.98;
const OFF_MAX = 1;
const COPIES = 3;
const AT_ONCE_MAX = 4;

function judgeFilling(results: readonly FillingResult[]): Line[] {
  const used = Math.min(...results.map(({ usedShare }) => usedShare));
  const moved = Math.max(...results.map(({ movedRatio }) => movedRatio));
  const equal = results.filter(({ isEqual }) => isEqual);
  const optimal = equal.filter(({ minSurplus, optimum }) => minSurplus === optimum);
  const noisy = results.filter(({ isQuiet }) => !isQuiet);
  const restS = Math.max(...results.map(({ restMs }) => restMs)) / 1_000;
  const cpuS = results.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / results.length / 1_000;
  return [
    line("usable quota in use at rest, least", percent(used), `>= ${percent(USED_MIN)}`, used >= USED_MIN),
    line(
      "minSurplus is the optimum, sizes and N being equal",
      `${optimal.length} of ${equal.length}`,
      "all",
      optimal.length === equal.length,
    ),
    line("bytes moved beside the least, most", `${moved.toFixed(3)} x`, `<= ${MOVED_MAX} x`, moved <= MOVED_MAX),
    line("runs with traffic after rest", `${noisy.length}`, "0", noisy.length === 0),
    movesLine(results),
    line("until rest, longest (simulated)", `${restS.toFixed(1)} s`),
    line("a run takes (real time)", `${cpuS.toFixed(1)} s`),
  ];
}

function judgeSmall(results: readonly SmallResult[]): Line[] {
  const off = results.map(({ best, reached }) => best[0]! - reached[0]!);
  const optimal = off.filter((each) => each === 0).length / results.length;
  const whole = results.filter(({ best, reached }) => best.join() === reached.join()).length / results.length;
  const widest = results.map(({ best, reached }) => Math.max(...best.map((each, i) => Math.abs(each - reached[i]!))));
  const moved = sum(results.map(({ movedBytes }) => movedBytes)) / sum(results.map(({ leastBytes }) => leastBytes));
  const noisy = results.filter(({ isQuiet }) => !isQuiet).length;
  const worst = results.filter((_, i) => off[i]! > OFF_MAX).map(({ seed }) => seed);
  return [
    line("minSurplus is the solver's", percent(optimal), `>= ${percent(OPTIMAL_MIN)}`, optimal >= OPTIMAL_MIN),
    line("minSurplus below the solver's, most", `${Math.max(...off)}`, `<= ${OFF_MAX}`, Math.max(...off) <= OFF_MAX),
    ...(worst.length === 0 ? [] : [line("  seeds further off", worst.slice(0, 10).join(" "))]),
    line("the whole sorted list of surpluses is the solver's", percent(whole)),
    line("difference at any place of that list, most", `${Math.max(...widest)}`),
    line("bytes moved beside the least, all together", `${moved.toFixed(3)} x`),
    line("runs with traffic after rest", `${noisy}`, "0", noisy === 0),
    movesLine(results),
  ];
}

function judgeNewFile(results: readonly NewFileResult[]): Line[] {
  const early = Math.max(...results.map((result) => result.early));
  const atOnce = Math.max(...results.map(({ mostAtOnce }) => mostAtOnce));
  const copies = Math.min(...results.map((result) => result.copies));
  const allS = Math.max(...results.map(({ allMs }) => allMs)) / 1_000;
  return [
    line("pulls begun within a heartbeat of the first", `${early}`, `<= N + 2 = ${COPIES + 2}`, early <= COPIES + 2),
    line("pulls begun before there are N copies", `${Math.max(...results.map(({ beforeCopies }) => beforeCopies))}`),
    line("pulls that one source serves at once", `${atOnce}`, `<= ${AT_ONCE_MAX}`, atOnce <= AT_ONCE_MAX),
    line("servers that have it in the end", `${copies}`, "50", copies === 50),
    line("until all have it (simulated)", `${allS.toFixed(1)} s`),
  ];
}

function judgeLost(results: readonly LostResult[]): Line[] {
  const needless = Math.max(...results.map(({ movedBytes, leastBytes }) => movedBytes - leastBytes));
  const moved = sum(results.map(({ movedBytes }) => movedBytes));
  const optimal = results.filter(({ minSurplus, optimum }) => minSurplus === optimum).length;
  const restS = Math.max(...results.map(({ restMs }) => restMs)) / 1_000;
  return [
    line("bytes copied beyond the least, most", `${needless} of ${moved}`, "0", needless <= 0),
    line("minSurplus is the optimum again", `${optimal} of ${results.length}`, "all", optimal === results.length),
    line("until rest, grace included (simulated)", `${restS.toFixed(1)} s`),
  ];
}

function movesLine(results: readonly { readonly movesLeft: number }[]): Line {
  const moves = sum(results.map(({ movesLeft }) => movesLeft));
  return line("moves that a server could still make by itself (R1)", `${moves}`, "0", moves === 0);
}

function line(what: string, value: string, target?: string, isMet = true): Line {
  return { what, value, target, isMet };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
