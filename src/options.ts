/**
 * How a command declares its options: one declaration gives the flag, the environment variable, the type, the parsing,
 * the default and the help text. It knows no option itself: `start` declares its own in config.ts, the other commands
 * beside their code.
 *
 * A flag beats an environment variable, which beats the default.
 */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { FsdfsError } from "./errors.ts";

export interface Option<T> {
  /** The long flag without its dashes. */
  readonly flag: string;
  readonly short?: string;
  /** The environment variable; none when undefined. */
  readonly env?: string;
  /** What the help shows for the value, "SIZE"; undefined for a switch, which takes none. */
  readonly placeholder?: string;
  readonly repeatable?: boolean;
  /** Flags of the options that say the same in another way: naming one switches the others' variables off. */
  readonly excludes?: readonly string[];
  readonly help: string;
  /** The default in words; undefined when there is none. */
  readonly defaultText?: string;
  /** What the texts that were given mean; none were given when it is empty. @throws Error with a reason */
  readonly parse: (texts: readonly string[]) => T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;
export type ValuesOf<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never };

export interface ParsedArguments<O extends Options> {
  readonly values: ValuesOf<O>;
  readonly positionals: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface Declared {
  readonly flag: string;
  readonly short?: string;
  readonly env?: string;
  readonly placeholder: string;
  readonly excludes?: readonly string[];
  readonly help: string;
  readonly defaultText?: string;
}

/** An option with one value. @param parse throws an Error whose message says what is wrong with the text */
export function option<T, D>(declared: Declared, parse: (text: string) => T, fallback: D): Option<T | D> {
  return { ...declared, parse: (texts) => (texts[0] === undefined ? fallback : parse(texts[0])) };
}

/** An option that may be given several times; its environment variable separates values by commas. */
export function repeatable<T>(declared: Declared, parse: (text: string) => T): Option<readonly T[]> {
  return { ...declared, repeatable: true, parse: (texts) => texts.map(parse) };
}

/** An option without a value. */
export function flagOption(declared: Omit<Declared, "placeholder" | "defaultText">): Option<boolean> {
  return { ...declared, parse: (texts) => texts[0] !== undefined && yesOrNo(texts[0]) };
}

/** @throws FsdfsError `option-invalid` */
export function parseOptions<O extends Options>(
  options: O,
  args: readonly string[],
  environment: Environment,
): ParsedArguments<O> {
  const { texts, positionals } = readFlags(options, args);
  const excluded = new Set(
    Object.values(options).flatMap((each) => (texts.has(each.flag) ? (each.excludes ?? []) : [])),
  );
  for (const flag of excluded) {
    if (texts.has(flag)) invalid(`--${flag}`, "the same is said by another option");
  }
  const values = Object.entries(options).map(([name, each]) => {
    const given = texts.get(each.flag) ?? (excluded.has(each.flag) ? [] : fromEnvironment(each, environment));
    return [name, parseOne(each, given, texts.has(each.flag))];
  });
  return { values: Object.fromEntries(values) as ValuesOf<O>, positionals };
}

/** The lines of the help that describe the options, in the order of their declaration. */
export function describeOptions(options: Options, widthColumns = 100): string {
  const rows = Object.values(options).map((each) => ({ left: usageOf(each), right: helpOf(each) }));
  const leftColumns = Math.min(24, Math.max(...rows.map((row) => row.left.length))) + 2;
  return rows
    .map(({ left, right }) => {
      const lines = wrap(right, widthColumns - leftColumns - 2);
      const indent = " ".repeat(leftColumns + 2);
      const first = left.length + 2 <= leftColumns ? `  ${left.padEnd(leftColumns)}` : `  ${left}\n${indent}`;
      return first + lines.join(`\n${indent}`);
    })
    .join("\n");
}

function readFlags(options: Options, args: readonly string[]) {
  const config: NonNullable<ParseArgsConfig["options"]> = {};
  for (const each of Object.values(options)) {
    config[each.flag] = {
      type: each.placeholder === undefined ? "boolean" : "string",
      multiple: true,
      ...(each.short === undefined ? {} : { short: each.short }),
    };
  }
  const parsed = checked(() => parseArgs({ args: [...args], options: config, allowPositionals: true }), options);
  const texts = new Map<string, string[]>();
  for (const each of Object.values(options)) {
    const given = parsed.values[each.flag];
    if (!Array.isArray(given)) continue;
    if (given.length > 1 && !each.repeatable && each.placeholder) invalid(`--${each.flag}`, "it is given twice");
    texts.set(each.flag, given.map(String));
  }
  return { texts, positionals: parsed.positionals };
}

/** Turns the errors of `parseArgs` into ours. */
function checked<T>(parse: () => T, options: Options): T {
  try {
    return parse();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The message reads "Unknown option '--x'" or "Option '-s, --size <value>' argument missing".
    const flag = /'(?:-\w, )?(--?[^'\s=,]+)/.exec(message)?.[1] ?? "The command line";
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
      const near = nearest(
        flag.replace(/^-+/, ""),
        Object.values(options).map((each) => each.flag),
      );
      return invalid(flag, `there is no such option${near ? `; did you mean --${near}` : ""}`);
    }
    const known = Object.values(options).find((each) => [`--${each.flag}`, `-${each.short}`].includes(flag));
    if (known?.placeholder === undefined) return invalid(flag, "it takes no value");
    const dashed = message.includes("ambiguous")
      ? `; one that begins with '-' is written as in --${known.flag}=-1`
      : "";
    return invalid(`--${known.flag}`, `it needs a value, as in ${usageOf(known)}${dashed}`);
  }
}

function fromEnvironment(each: Option<unknown>, environment: Environment): readonly string[] {
  const text = each.env === undefined ? undefined : environment[each.env];
  if (text === undefined || text === "") return [];
  return each.repeatable ? text.split(",").map((part) => part.trim()) : [text];
}

function parseOne(each: Option<unknown>, texts: readonly string[], isFlag: boolean): unknown {
  try {
    return each.parse(texts);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return invalid(isFlag ? `--${each.flag}` : (each.env ?? `--${each.flag}`), reason);
  }
}

function invalid(option: string, reason: string): never {
  throw new FsdfsError("option-invalid", { option, reason });
}

function usageOf(each: Option<unknown>): string {
  const short = each.short === undefined ? "" : `-${each.short}, `;
  return `${short}--${each.flag}${each.placeholder === undefined ? "" : ` ${each.placeholder}`}`;
}

function helpOf(each: Option<unknown>): string {
  const notes = [
    each.repeatable ? "may be given several times" : "",
    each.defaultText === undefined ? "" : `default: ${each.defaultText}`,
    each.env ?? "",
  ].filter((note) => note !== "");
  return notes.length === 0 ? each.help : `${each.help} (${notes.join("; ")})`;
}

function wrap(text: string, widthColumns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= widthColumns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The name that was probably meant: at most two letters away, and less than half of it. */
export function nearest(text: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(text, name) }))
    .filter(({ name, distance }) => distance <= 2 && distance * 2 < name.length)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name;
}

/** Levenshtein's, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + (a[i] === b[j] ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** "10G" = 10^10, "10Gi" = 10 * 2^30; plain numbers are bytes. */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kKMGTP])(i?))?B?$/.exec(text.trim());
  if (!match) throw new Error(`'${text}' is not a size; write 500M, 10G or 2Ti`);
  const power = " kMGTP".indexOf((match[2] ?? " ").replace("K", "k"));
  const bytes = Math.floor(Number(match[1]) * (match[3] === "i" ? 1024 : 1000) ** power);
  if (!Number.isSafeInteger(bytes)) throw new Error(`'${text}' is too large`);
  return bytes;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };

/** "10m", "90s", "500ms", "2h", "7d". */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text.trim());
  if (!match) throw new Error(`'${text}' is not a duration; write 90s, 10m or 2h`);
  return Math.round(Number(match[1]) * (UNITS_MS[match[2] ?? "s"] ?? 0));
}

export function parseInteger(text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) throw new Error(`'${text}' is not a whole number from ${least} to ${most}`);
  return number;
}

export function parseChoice<const T extends string>(text: string, choices: readonly T[]): T {
  const choice = choices.find((each) => each === text);
  if (choice === undefined) throw new Error(`'${text}' is none of ${choices.join(", ")}`);
  return choice;
}

function yesOrNo(text: string): boolean {
  if (["true", "1", "yes", "on"].includes(text.toLowerCase())) return true;
  if (["false", "0", "no", "off"].includes(text.toLowerCase())) return false;
  throw new Error(`'${text}' is neither yes nor no`);
}
