/** What whoever runs policies must do: one suite, run on each adapter by policy-evaluator.test.ts. */
import { afterEach, describe, expect, it } from "vitest";
import type { FileFacts } from "../../src/core/policy/policy.ts";
import { type LoadedPolicy, PolicyError, type PolicyEvaluator } from "../../src/ports/policy-evaluator.ts";

const NOW_MS = Date.UTC(2026, 10, 27);
const DAY_MS = 24 * 60 * 60 * 1000;

export function factsOf(path: string, facts: Partial<FileFacts> = {}): FileFacts {
  return { path, size: 1000, type: "audio/ogg", modified: NOW_MS, variables: {}, heat: 0, ...facts };
}

/** Sources that are no policies, by what is wrong with them, and what is said of it. */
export const NO_POLICIES: readonly (readonly [what: string, source: string | Uint8Array, message: RegExp])[] = [
  ["a syntax error", "export default (file) => ;", /Expression expected/],
  ["what only looks like types", "enum A { x }\nexport default () => 3;", /enum is not supported/],
  ["two of one name", "let a = 1; let a = 2;\nexport default () => 3;", /already been declared/],
  ["no default export", "export const policy = () => 3;", /no function as its default export/],
  ["a number as default export", "export default 3;", /no function as its default export/],
  ["an error while it is loaded", 'throw new Error("not today");\nexport default () => 3;', /Error: not today/],
  ["an import", 'import { x } from "node:fs";\nexport default () => x;', /imports node:fs/],
  ["import()", 'const fs = import("node:fs");\nexport default () => 3;', /import\(\)/],
  ["import() in disguise", 'const fs = import /* a */ // b\n ("node:fs");\nexport default () => 3;', /import\(\)/],
  ["import.meta", "const here = import.meta.url;\nexport default () => 3;", /import\(\)/],
  ["a prefer that is no function", "export default () => 3;\nexport const prefer = 3;", /prefer is no function/],
  ["10 MB of source", `export default () => 3; //${"x".repeat(10 * 1024 ** 2)}`, /more than 256 KB/],
  ["what is not UTF-8", new Uint8Array([0x2f, 0x2f, 0xff, 0xfe]), /not UTF-8/],
  ["a loop for ever while it is loaded", "for (;;) {}\nexport default () => 3;", /longer than \d s/],
];

/** Answers that are no N, and what is said of them. */
export const NO_TARGETS: readonly (readonly [answer: string, message: RegExp])[] = [
  ["NaN", /answered NaN/],
  ["-1", /answered -1/],
  ["0", /answered 0/],
  ["2.5", /answered 2\.5/],
  ['"3"', /answered "3"/],
  ["1e9", /answered 1000000000/],
  ["101", /answered 101, not a whole number from 1 to 100/],
  ["undefined", /answered undefined/],
  ["null", /answered null/],
  ["3n", /answered 3/],
  ["{}", /answered an object/],
  ["Promise.resolve(3)", /answered a promise/],
  ["(async () => 3)()", /answered a promise/],
  ["Symbol()", /answered Symbol\(\)/],
  ["() => 3", /answered a function/],
  ["{ get then() { throw 1; } }", /threw 1/],
  ["new Proxy({}, { get() { throw new Error('no'); } })", /Error: no/],
  ["(function f() { return f(); })()", /RangeError/],
];

/** Ways out of where a policy of the file system is run, and what becomes of them. */
const NO_WAYS_OUT: readonly (readonly [answer: string, message: RegExp])[] = [
  ['eval("3")', /EvalError/],
  ['new Function("return 3")()', /EvalError/],
  ['(() => {}).constructor.constructor("return process")()', /EvalError/],
  ["process.exit(1)", /process is not defined/],
  ["process.env.PATH.length", /process is not defined/],
  ['require("node:fs").readdirSync("/").length', /require is not defined/],
  ['fetch("http://127.0.0.1:4242/")', /fetch is not defined/],
  ["setTimeout(() => 3)", /setTimeout is not defined/],
  ["new Uint8Array(2 ** 33).length", /Uint8Array is not defined/],
  ["new ArrayBuffer(2 ** 33).byteLength", /ArrayBuffer is not defined/],
  ["new WebAssembly.Memory({ initial: 65536 })", /WebAssembly is not defined/],
  ["new SharedArrayBuffer(2 ** 33).byteLength", /SharedArrayBuffer is not defined/],
  ["new Intl.NumberFormat()", /Intl is not defined/],
  ["Atomics.load()", /Atomics is not defined/],
  ["new FinalizationRegistry(() => 3)", /FinalizationRegistry is not defined/],
];

type Load = (source: string) => Promise<LoadedPolicy>;

/** Whoever is asked, be it kept apart from this program or not. */
function describePolicy(load: Load): void {
  it("answers what the policy says of each file, in order", async () => {
    const policy = await load(
      'import type { Policy } from "fsdfs";\n' +
        "const most: number = 5;\n" +
        "const policy: Policy = ({ size, path, type, modified, ageDays, variables, heat }) => {\n" +
        '  if (path === "old.ogg") return ageDays === 30 && modified < 2e12 ? 1 : 100;\n' +
        '  if (variables.popularity === "9") return most;\n' +
        '  if (type === "text/plain") return 4;\n' +
        "  return heat > 2 || size > 1e6 ? 2 : 3;\n" +
        "};\n" +
        "export default policy;\n",
    );
    const files = [
      factsOf("a.ogg"),
      factsOf("old.ogg", { modified: NOW_MS - 30 * DAY_MS }),
      factsOf("hit.ogg", { variables: { popularity: "9" } }),
      factsOf("a.txt", { type: "text/plain" }),
      factsOf("big.ogg", { size: 5e6 }),
      factsOf('hot "ß\u2028\n.ogg', { heat: 3 }),
    ];
    expect(await policy.evaluate(files, NOW_MS)).toEqual([3, 1, 5, 4, 2, 2]);
    expect(await policy.evaluate([], NOW_MS)).toEqual([]);
  });

  it("R5: answers what is preferred of each file for each server, or why not for one file; and has none to ask without", async () => {
    const without = await load("export default () => 3;");
    expect(without.prefers).toBe(false);
    const policy = await load(
      'import type { Prefer } from "fsdfs";\n' +
        "export default () => 3;\n" +
        "export const prefer: Prefer = ({ path, ageDays }, { id, name, zone }) => {\n" +
        '  if (path === "throws") throw new TypeError("not on " + name);\n' +
        '  if (path === "bad") return zone === "cellar" ? Number.NaN : 1;\n' +
        '  return name.startsWith("big") ? 2.5 : zone === "cellar" ? 0 : ageDays + id.length;\n' +
        "};\n",
    );
    expect(policy.prefers).toBe(true);
    const files = ["a", "throws", "bad", "b"].map((path) => factsOf(path, { modified: NOW_MS - DAY_MS }));
    const servers = [
      { id: "1", name: "big ß", zone: "attic" },
      { id: "22", name: "small", zone: "cellar" },
      { id: "333", name: "small", zone: "333" },
    ];
    expect(await policy.weigh(files, servers, NOW_MS)).toEqual([
      [2.5, 0, 4],
      { message: "TypeError: not on big ß", stack: expect.stringMatching(/^ {4}at prefer \(policy\.ts:4:\d+\)$/) },
      { message: expect.stringMatching(/^prefer answered NaN, not a number from 0/), stack: "" },
      [2.5, 0, 4],
    ]);
    expect(await policy.weigh(files.slice(0, 1), [], NOW_MS)).toEqual([[]]);
    expect(await policy.evaluate(files, NOW_MS)).toEqual([3, 3, 3, 3]);
  });

  it("R5: tells what is no weight", async () => {
    const answers = "-1, Infinity, 1e13, '1', 3n, undefined, null, [1], Promise.resolve(1), true";
    const policy = await load(
      `export default () => 3;\nexport function prefer({ size }) {\n  return [${answers}][size];\n}`,
    );
    const files = Array.from({ length: 10 }, (_, size) => factsOf("a", { size }));
    const weighed = await policy.weigh(files, [{ id: "1", name: "a", zone: "1" }], NOW_MS);
    expect(weighed).toEqual(
      files.map(() => ({ message: expect.stringMatching(/^prefer answered .+, not a number from 0/), stack: "" })),
    );
  });

  it("answers calls that were made at once, each its own", async () => {
    const policy = await load("export default ({ size }) => size;");
    const answers = [1, 2, 3].map((size) => policy.evaluate([factsOf("a", { size })], NOW_MS));
    expect(await Promise.all(answers)).toEqual([[1], [2], [3]]);
  });

  it.each(NO_TARGETS)("tells that %s is no N, and answers for the other files", failsForOne(load));

  it("tells where in the policy something was thrown, and no other place", async () => {
    const policy = await load(
      'const broken = (): never => {\n  throw new TypeError("no popularity");\n};\nexport default () => broken();\n',
    );
    const [verdict] = await policy.evaluate([factsOf("a")], NOW_MS);
    expect(verdict).toMatchObject({ message: "TypeError: no popularity" });
    const { stack } = verdict as { stack: string };
    expect(stack.split("\n")).toEqual([
      expect.stringMatching(/^ {4}at broken \(policy\.ts:2:\d+\)$/),
      expect.stringMatching(/^ {4}at .*policy\.ts:4:\d+\)?$/),
    ]);
  });
}

function failsForOne(load: Load) {
  return async (answer: string, message: RegExp) => {
    const policy = await load(
      `export default ({ path }) => {\n  if (path === "bad") return ${answer};\n  return 3;\n};`,
    );
    const verdicts = await policy.evaluate([factsOf("a"), factsOf("bad"), factsOf("b")], NOW_MS);
    expect(verdicts).toEqual([3, expect.objectContaining({ message: expect.stringMatching(message) }), 3]);
  };
}

/** A policy that is a function, from the text of a module: what is not about keeping it from something. */
export function describePolicyFunctions(adapter: string, load: Load): void {
  describe(`the policy evaluator contract, of functions: ${adapter}`, () => describePolicy(load));
}

export function describePolicyEvaluator(adapter: string, evaluator: PolicyEvaluator): void {
  describe(`the policy evaluator contract: ${adapter}`, () => {
    const open: LoadedPolicy[] = [];
    const load = async (source: string | Uint8Array) => {
      const policy = await evaluator.load(typeof source === "string" ? new TextEncoder().encode(source) : source);
      open.push(policy);
      return policy;
    };
    const problemOf = (loading: Promise<unknown>) =>
      loading.then(
        () => expect.unreachable("it was taken"),
        (error: unknown) => {
          if (!(error instanceof PolicyError)) throw error;
          return error.problem;
        },
      );

    afterEach(async () => {
      for (const policy of open.splice(0)) await policy.close();
    });

    describePolicy(load);

    it.each(NO_WAYS_OUT)("tells that %s leads nowhere, and answers for the other files", failsForOne(load));

    it.each(NO_POLICIES)("refuses %s", async (_, source, message) => {
      const problem = await problemOf(load(source));
      expect(problem.message).toMatch(message);
      expect(`${problem.message}\n${problem.stack}`).not.toMatch(/node:(?!fs)|file:|src\/|node_modules|inside/);
    });

    it("takes a line of slashes for what it is, also behind a word that it knows", async () => {
      const line = "/".repeat(80);
      const blocks = "/**/".repeat(40);
      const policy = await load(`// what we import\n${line}\n// what we import\n${blocks}\nexport default () => 3;`);
      expect(await policy.evaluate([factsOf("a")], NOW_MS)).toEqual([3]);
    });

    it("tells where in the policy its syntax is wrong", async () => {
      const syntax = await problemOf(load("let x = 3;\nexport default (file) => ;\n"));
      expect(syntax.stack).toBe(
        "    at policy.ts:2\nlet x = 3;\nexport default (file) => ;\n                         ^",
      );
    });

    it("ends a policy that loops for ever for some file, and says which", async () => {
      const policy = await load('export default ({ path }) => {\n  while (path === "bad");\n  return 3;\n};');
      expect((await problemOf(policy.evaluate([factsOf("a"), factsOf("bad")], NOW_MS))).message).toMatch(/longer than/);
      expect(await policy.evaluate([factsOf("a")], NOW_MS)).toEqual([3]);
    });

    it("is not led out by what a policy puts in the place of what is built in", async () => {
      const policy = await load(
        "let seen = 'nothing';\n" +
          "Object.prototype.toJSON = Array.prototype.toJSON = () => '[100]';\n" +
          "JSON.stringify = JSON.parse = String.prototype.slice = () => { throw 1; };\n" +
          "Reflect.defineProperty(Error, 'prepareStackTrace', { value: (_, calls) => { seen = calls; } });\n" +
          "try { Error.prepareStackTrace = (_, calls) => { seen = calls; }; } catch {}\n" +
          "const OwnError = Error;\n" +
          "try { globalThis.Error = { prepareStackTrace: (_, calls) => { seen = calls; } }; } catch {}\n" +
          "export default () => { new OwnError('x').stack; return seen === 'nothing' ? 3 : 4; };\n",
      );
      const answer = await policy.evaluate([factsOf("a")], NOW_MS).catch((error: unknown) => error);
      if (!(answer instanceof PolicyError)) expect(answer).toEqual([3]);
    });
  });
}
