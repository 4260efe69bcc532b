import { describe, expect, test } from "vitest";
import { FsdfsError } from "./errors.ts";
import {
  describeOptions,
  flagOption,
  nearest,
  option,
  parseDurationMs,
  parseOptions,
  parseSizeBytes,
  repeatable,
} from "./options.ts";

const OPTIONS = {
  size: option(
    { flag: "size", short: "s", env: "T_SIZE", placeholder: "SIZE", defaultText: "7", help: "A size." },
    parseSizeBytes,
    7,
  ),
  word: option(
    { flag: "word", env: "T_WORD", placeholder: "W", excludes: ["word-file"], help: "A word." },
    String,
    undefined,
  ),
  wordFile: option(
    { flag: "word-file", env: "T_WORD_FILE", placeholder: "F", excludes: ["word"], help: "One in a file." },
    String,
    undefined,
  ),
  join: repeatable({ flag: "join", env: "T_JOIN", placeholder: "HOST", help: "Hosts." }, String),
  strict: flagOption({ flag: "strict", env: "T_STRICT", help: "Is strict." }),
};

const parse = (args: string[], environment = {}) => parseOptions(OPTIONS, args, environment);

function refusal(args: string[], environment = {}): string {
  try {
    parse(args, environment);
  } catch (error) {
    if (error instanceof FsdfsError && error.code === "option-invalid") return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the command line", () => {
  test("a flag beats its environment variable, which beats the default", () => {
    expect(parse([]).values.size).toBe(7);
    expect(parse([], { T_SIZE: "8" }).values.size).toBe(8);
    expect(parse(["-s", "9"], { T_SIZE: "8" }).values.size).toBe(9);
    expect(parse([], { T_SIZE: "" }).values.size).toBe(7);
  });

  test("repeatable options gather, from flags or from the environment", () => {
    expect(parse(["--join", "a", "--join=b"]).values.join).toEqual(["a", "b"]);
    expect(parse([], { T_JOIN: "a, b" }).values.join).toEqual(["a", "b"]);
    expect(parse([]).values.join).toEqual([]);
  });

  test("switches are off, on by flag, or as the environment says", () => {
    expect(parse([]).values.strict).toBe(false);
    expect(parse(["--strict"]).values.strict).toBe(true);
    expect(parse([], { T_STRICT: "yes" }).values.strict).toBe(true);
    expect(parse([], { T_STRICT: "0" }).values.strict).toBe(false);
    expect(refusal([], { T_STRICT: "maybe" })).toContain("T_STRICT");
  });

  test("an option given as a flag switches off the variable of the one it excludes", () => {
    const { values } = parse(["--word-file", "f"], { T_WORD: "x" });
    expect([values.word, values.wordFile]).toEqual([undefined, "f"]);
    expect(refusal(["--word", "x", "--word-file", "f"])).toContain("--word");
  });

  test("positionals are kept, and -- ends the options", () => {
    expect(parse(["a", "--strict", "b", "--", "--c"]).positionals).toEqual(["a", "b", "--c"]);
  });

  test.each([
    [["--sise", "1"], "did you mean --size"],
    [["--size"], "--size SIZE"],
    [["--size", "x"], "'x' is not a size"],
    [["--strict=1"], "takes no value"],
    [["-s"], "it needs a value, as in -s, --size SIZE"],
    [["-s", "-1"], "one that begins with '-' is written as in --size=-1"],
    [["--size", "-1"], "one that begins with '-' is written as in --size=-1"],
    [["--size", "1", "--size", "2"], "given twice"],
    [["--nonsense"], "there is no such option"],
  ])("%j is refused with what is wrong", (args, message) => {
    expect(refusal(args)).toContain(message);
  });

  test("the help names each flag, its variable and its default", () => {
    const help = describeOptions(OPTIONS);
    expect(help).toContain("-s, --size SIZE");
    expect(help).toContain("(default: 7; T_SIZE)");
    expect(help).toContain("(may be given several times; T_JOIN)");
    expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});

describe("values", () => {
  test.each([
    ["0", 0],
    ["500", 500],
    ["10G", 10e9],
    ["10GB", 10e9],
    ["10Gi", 10 * 2 ** 30],
    ["1.5T", 1.5e12],
    ["2 MiB", 2 * 2 ** 20],
    ["3k", 3000],
    ["3K", 3000],
  ])("the size %s is %d bytes", (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  test.each(["", "G", "-1", "1e9", "10X", "10 G i", "99999999P"])("'%s' is no size", (text) => {
    expect(() => parseSizeBytes(text)).toThrow();
  });

  test.each([
    ["10m", 600_000],
    ["500ms", 500],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
  ])("the duration %s is %d ms", (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each(["", "10", "m", "-1s"])("'%s' is no duration", (text) => {
    expect(() => parseDurationMs(text)).toThrow();
  });

  test("what was probably meant is found, and nothing where nothing is near", () => {
    expect(nearest("stat", ["start", "status", "servers"])).toBe("start");
    expect(nearest("locat", ["locate", "ls"])).toBe("locate");
    expect(nearest("xyz", ["ls", "put"])).toBeUndefined();
  });
});
