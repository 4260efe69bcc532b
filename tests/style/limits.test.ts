/** docs/LIMITS.md says what the code does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./sources.ts";

interface Limit {
  readonly value: string;
  readonly name: string;
  readonly path: string;
}

const page = readFileSync(join(ROOT, "docs/LIMITS.md"), "utf8");
const rows = page.split("\n").filter((line) => /^\| (?!limit|---)/.test(line));

function limitOf(row: string): Limit {
  const [value, , constant] = row.split(" | ").slice(1);
  const named = /^`(\w+)` in `([\w/.-]+)` \|$/.exec(constant ?? "");
  if (value === undefined || named === null) throw new Error(`not a row of limits: ${row}`);
  return { value, name: named[1]!, path: named[2]! };
}

/** Factors to the unit that a name ends in. */
const UNITS: Readonly<Record<string, number>> = {
  bytes: 1,
  KB: 1024,
  MB: 1024 ** 2,
  ms: 1,
  s: 1000,
  min: 60_000,
  days: 24 * 3600 * 1000,
  "%": 0.01,
  characters: 1,
};

/** "16 MB" in bytes, "10 min" in milliseconds. */
function amountOf(value: string): number {
  const [, digits, unit] = /^([\d,.]+)(?: (\S+))?$/.exec(value) ?? [];
  const factor = unit === undefined ? 1 : UNITS[unit];
  if (digits === undefined || factor === undefined) throw new Error(`no amount: ${value}`);
  return Number(digits.replaceAll(",", "")) * factor;
}

/** What a constant or a member of a table of limits is set to: numbers, joined by "*", "**" and "-" at most. */
function valueIn(text: string, name: string): number {
  const set = new RegExp(`(?:const ${name} =|^ {2}${name}:) ([\\d_.*\\s-]+)[;,]$`, "m").exec(text);
  if (set === null) throw new Error(`${name} is not set to a number`);
  return set[1]!
    .split(" - ")
    .map(productOf)
    .reduce((a, b) => a - b);
}

function productOf(text: string): number {
  return text
    .split(/(?<!\*)\*(?!\*)/)
    .map((factor) => factor.split("**").map((each) => Number(each.replaceAll("_", "").trim())))
    .map(([base, exponent]) => base! ** (exponent ?? 1))
    .reduce((a, b) => a * b);
}

const inMilliseconds = (name: string, value: number) => (/(_S|_SECONDS)$/.test(name) ? value * 1000 : value);

function differences(limits: readonly Limit[], read: (path: string) => string): string[] {
  return limits.flatMap(({ value, name, path }) => {
    const actual = inMilliseconds(name, valueIn(read(path), name));
    return Math.abs(actual - amountOf(value)) < 1e-9 ? [] : [`${name} is ${actual}, and the page says ${value}`];
  });
}

describe("docs/LIMITS.md", () => {
  test("says of every limit what the code has", () => {
    const limits = rows.map(limitOf);
    expect(limits.length).toBeGreaterThan(50);
    expect(differences(limits, (path) => readFileSync(join(ROOT, path), "utf8"))).toEqual([]);
  });

  test("this can fail", () => {
    const row = "| a wait | 2 s | why | `WAIT_MS` in `src/a.ts` |";
    const read = (text: string) => () => text;
    expect(differences([limitOf(row)], read("const WAIT_MS = 2 * 1000;"))).toEqual([]);
    expect(differences([limitOf(row)], read("const WAIT_MS = 2_001;"))).toHaveLength(1);
    expect(differences([limitOf(row.replaceAll("WAIT_MS", "WAIT_S"))], read("export const WAIT_S = 2;"))).toEqual([]);
    expect(() => differences([limitOf(row)], read("const OTHER_MS = 1;"))).toThrow(/WAIT_MS is not set/);
    expect(valueIn("const A = 255 - 28;", "A")).toBe(227);
    expect(valueIn("const A = 2 * 1024 ** 2;", "A")).toBe(2 * 1024 ** 2);
  });

  test("has every limit of the two doors, HTTP and the swarm's port", () => {
    for (const path of ["src/gateways/http/limits.ts", "src/adapters/mesh/limits.ts"]) {
      const table = /_LIMITS: \w+ = \{([\s\S]*?)\n\};/.exec(readFileSync(join(ROOT, path), "utf8"))![1]!;
      const names = [...table.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1]!);
      expect(names.length).toBeGreaterThan(5);
      expect(names.filter((name) => !page.includes(`\`${name}\` in \`${path}\``))).toEqual([]);
    }
  });
});
