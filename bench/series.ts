/** Figures of several runs: median and spread, and what is asked of them. */

export interface Figure {
  readonly name: string;
  /** One value for each run. */
  readonly values: readonly number[];
  readonly unit: string;
  /** The least that is asked for, or the most with `atMost`; undefined: told only. */
  readonly target?: number;
  readonly atMost?: boolean;
}

const figures: Figure[] = [];

/** Prints a figure, and keeps it for the table at the end. */
export function tell(figure: Figure): void {
  figures.push(figure);
  console.log(line(figure));
}

/** Prints all of them again. Answers whether each met what is asked of it. */
export function summary(title: string): boolean {
  console.log(`\n${title}`);
  for (const figure of figures) console.log(line(figure));
  return figures.every((figure) => met(figure) !== false);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function met({ values, target, atMost }: Figure): boolean | undefined {
  if (target === undefined) return undefined;
  return atMost === true ? median(values) <= target : median(values) >= target;
}

function line(figure: Figure): string {
  const { name, values, unit, target, atMost } = figure;
  const shown = (value: number) => (Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2));
  const spread = values.length > 1 ? ` (${shown(Math.min(...values))} to ${shown(Math.max(...values))})` : "";
  const verdict =
    target === undefined
      ? ""
      : `${met(figure) ? "met    " : "NOT met"}  ${atMost ? "at most" : "at least"} ${shown(target)}`;
  return `${name.padEnd(58)} ${`${shown(median(values))} ${unit}${spread}`.padEnd(40)} ${verdict}`.trimEnd();
}
