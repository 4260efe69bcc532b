/** How numbers, times and tables look to people. What programs read is --json. */
import type { Output } from "./command.ts";

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  /** Numbers stand right. */
  readonly right?: boolean;
}

/** Aligned columns with a line of titles; the last one is not padded. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => column.value(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => displayWidth(line[at] ?? ""))));
  return cells
    .map(
      (line) =>
        `${line
          .map((cell, at) => pad(cell, at, columns, widths))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function pad<Row>(cell: string, at: number, columns: readonly Column<Row>[], widths: readonly number[]): string {
  const space = " ".repeat((widths[at] ?? 0) - displayWidth(cell));
  return columns[at]?.right ? space + cell : cell + space;
}

/** Combining marks take no column. Wide scripts are not told apart: their tables are a little off. */
function displayWidth(text: string): number {
  return [...text.replace(/\p{M}/gu, "")].length;
}

const SIZE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** "13 B", "1.5 kB", "150 MB": powers of 1,000, as options take them. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${SIZE_UNITS[unit]}`;
}

export function formatSeconds(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** How far two clocks are apart: "0.2 s", "-90 s", "3650 days". */
export function formatSkew(ms: number): string {
  const [unit, unitMs] = SKEW_UNITS.find(([, each]) => Math.abs(ms) >= 3 * each) ?? ["s", 1000];
  return `${(ms / unitMs).toFixed(unit === "s" && Math.abs(ms) < 10_000 ? 1 : 0)} ${unit}`;
}

const SKEW_UNITS = [
  ["days", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** In the machine's own time zone: "2026-11-23 06:10". */
export function formatTime(iso: string | null): string {
  if (iso === null) return "-";
  const date = new Date(iso);
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** "1 file", "2 files". */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}

/** A name from elsewhere must not steer the terminal. */
export function shown(text: string): string {
  return text.replace(/\p{C}/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** As a shell takes it for one word. */
export function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function writeJson(out: Output, value: unknown): void {
  out.write(`${JSON.stringify(value, null, 2)}\n`);
}
