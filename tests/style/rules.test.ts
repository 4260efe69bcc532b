/** Rules that no other tool checks: what decisions must not call, how large files get, what must not be tracked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { projectFiles, ROOT, type Source, sources, withoutComments } from "./sources.ts";

const LINES_MAX = 400;

interface Rule {
  readonly pattern: RegExp;
  readonly instead: string;
}

/** Core decides and server drives it, over ports only: or the simulator does not see what happens. */
const IMPURE: readonly Rule[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)/, instead: "Clock.wall()" },
  { pattern: /\bperformance\.now\b/, instead: "Clock.monotonic()" },
  { pattern: /\bMath\.random\b|\brandom(?:Bytes|UUID|Int|FillSync)\b|\bgetRandomValues\b/, instead: "the Random port" },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\b/, instead: "Clock.after()" },
  { pattern: /\bprocess\.|\bglobalThis\b/, instead: "an option or a port" },
  { pattern: /\bconsole\./, instead: "the Log port" },
  { pattern: /\bAbortSignal\.any\b/, instead: "onAbort() of each: Node keeps what listens to signals of signals" },
];

const EVERYWHERE: readonly Rule[] = [
  { pattern: /\bas any\b|:\s*any\b|<any>/, instead: "unknown, or the type" },
  { pattern: /^\s*(?:export\s+)?(?:const\s+)?enum\s/m, instead: "a union of literals: types are only stripped" },
  {
    pattern: /\bvi\.(?:mock|doMock)\b/,
    instead: "a parameter: test files share a process, where the module may be loaded already",
  },
];

function findings(source: Source, rules: readonly Rule[]): string[] {
  return source.code
    .split("\n")
    .flatMap((line, at) =>
      rules
        .filter(({ pattern }) => pattern.test(line))
        .map(({ instead }) => `${source.path}:${at + 1} use ${instead}: ${line.trim()}`),
    );
}

const isDecision = ({ path }: Source) => /^src\/(core|server)\//.test(path) && !path.endsWith(".test.ts");
const isOwn = ({ path }: Source) => !path.startsWith("tests/style/");

describe("the rules of the code", () => {
  test("core and server have no clock, timers, chance or process of their own", () => {
    const decisions = sources().filter(isDecision);
    expect(decisions.length).toBeGreaterThan(20);
    expect(decisions.flatMap((source) => findings(source, IMPURE))).toEqual([]);
  });

  test.each([
    "const t = Date.now();",
    "new Date()",
    "Math.random()",
    "setTimeout(f, 1)",
    "setImmediate(f)",
    "performance.now()",
    "process.env.X",
    "console.log(1)",
    "AbortSignal.any([a, b])",
    "randomUUID()",
  ])("the rule can fail: %s", (text) => {
    expect(findings(fake(text), IMPURE)).toHaveLength(1);
  });

  test("a date made from a number that was handed in, or a word in a comment, is no finding", () => {
    expect(findings(fake("new Date(ms).toISOString(); // never Date.now()\n/* setTimeout */"), IMPURE)).toEqual([]);
  });

  test("nothing is typed any, needs more than its types stripped, or swaps a module that others have", () => {
    expect(
      sources()
        .filter(isOwn)
        .flatMap((source) => findings(source, EVERYWHERE)),
    ).toEqual([]);
    expect(findings(fake("const x = y as any;"), EVERYWHERE)).toHaveLength(1);
    expect(findings(fake("export enum X {}"), EVERYWHERE)).toHaveLength(1);
    expect(findings(fake('vi.mock("./calls.ts");'), EVERYWHERE)).toHaveLength(1);
  });

  test("no check of the compiler is switched off", () => {
    const suppressed = /@ts-(?:ignore|nocheck|expect-error)/;
    expect(
      sources()
        .filter((source) => isOwn(source) && suppressed.test(source.text))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  test(`no file has more than ${LINES_MAX} lines`, () => {
    const long = sources().filter(({ lines }) => lines.length - 1 > LINES_MAX);
    expect(long.map(({ path, lines }) => `${path} has ${lines.length - 1}`)).toEqual([]);
  });

  test("every file of src says at its top what it is for", () => {
    const bare = sources().filter(
      ({ path, lines }) =>
        path.startsWith("src/") &&
        !path.endsWith(".test.ts") &&
        !lines.slice(0, 15).some((line) => /^\/[*/]/.test(line)),
    );
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  test("names are exported, not defaulted, save where a tool asks for it", () => {
    const defaulted = sources().filter(
      ({ path, code }) => !path.endsWith(".config.ts") && /^export default/m.test(code),
    );
    expect(defaulted.map(({ path }) => path)).toEqual([]);
  });

  test("nothing names a place on somebody's machine", () => {
    const places = /(?<![\w.$}:/-])\/(?:home|Users|root|work)\/(?!someone\b)[\w.-]+|\b[A-Z]:\\\\?Users\\/;
    const found = projectFiles()
      .filter((path) => !path.startsWith("tests/style/"))
      .flatMap((path) => {
        const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
        return lines.flatMap((line, at) => (places.test(line) ? [`${path}:${at + 1} ${line.trim()}`] : []));
      });
    expect(found).toEqual([]);
    expect(places.test('cd "/home/me/fsdfs"')).toBe(true);
    expect(places.test("https://example.org/home/page")).toBe(false);
  });

  test("the lock file names no host to load from: that is the installer's choice", () => {
    const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8");
    const hosts = new Set([...lock.matchAll(/"resolved": "(https?:\/\/[^/"]+)/g)].map((match) => match[1]));
    expect([...hosts]).toEqual([]);
  });
});

describe("the tests", () => {
  const skippedSchema = z.array(z.object({ file: z.string(), test: z.string(), reason: z.string().min(10) }));
  const listed = () => {
    const file = "tests/skipped.json";
    return projectFiles().includes(file) ? skippedSchema.parse(JSON.parse(readFileSync(join(ROOT, file), "utf8"))) : [];
  };
  const SKIP = /\b(?:test|it|describe|suite)\.(?:skip|only|todo|fails|skipIf|runIf)\b|\.skip\(|\bxit\(|\bxdescribe\(/;

  test("none is skipped, or left alone, that tests/skipped.json does not name with a reason", () => {
    const reasons = listed();
    const found = sources()
      .filter(isOwn)
      .flatMap(({ path, code }) =>
        code.split("\n").flatMap((line, at) => (SKIP.test(line) ? [{ path, at, line }] : [])),
      )
      .filter(({ path }) => !reasons.some(({ file }) => file === path));
    expect(found.map(({ path, at, line }) => `${path}:${at + 1} ${line.trim()}`)).toEqual([]);
    expect(SKIP.test('test.skip("x", () => {})')).toBe(true);
  });

  test("tests/skipped.json names only tests that exist", () => {
    const all = sources();
    for (const { file, test: name } of listed()) {
      expect(all.find(({ path }) => path === file)?.text ?? "").toContain(name);
    }
  });
});

function fake(text: string): Source {
  return { path: "src/core/a.ts", text, lines: text.split("\n"), code: withoutComments(text) };
}
