import { execFile } from "node:child_process";
import { stripTypeScriptTypes } from "node:module";
import { promisify } from "node:util";
import vm from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { memoryPolicyEvaluator } from "../../src/adapters/memory/policy-evaluator.ts";
import { policyEvaluator } from "../../src/adapters/policy/evaluator.ts";
import { functionEvaluator } from "../../src/adapters/policy/functions.ts";
import { utf8 } from "../../src/core/bytes.ts";
import { type ProgramPolicy, programPolicyText } from "../../src/core/policy/program.ts";
import { PolicyError } from "../../src/ports/policy-evaluator.ts";
import { describePolicyEvaluator, describePolicyFunctions, factsOf } from "./policy-evaluator.contract.ts";

const load = (source: string) => policyEvaluator.load(utf8(source));

describePolicyEvaluator("in memory", memoryPolicyEvaluator);
describePolicyEvaluator("in a process of its own", policyEvaluator);
describePolicyFunctions("of this program", async (source) => {
  const policy = functionsOf(source);
  return await functionEvaluator(policy, policyEvaluator).load(programPolicyText(policy));
});

/** What a module exports, made in this program as that of a file of its own would be. */
function functionsOf(source: string): ProgramPolicy {
  const body = stripTypeScriptTypes(source).replace(/^export default /m, "exported = ");
  const prefer = /^export (?:const|function) prefer\b/m.test(body) ? "prefer" : "prefer: undefined";
  const plain = body.replace(/^export /gm, "");
  const script = `(() => { "use strict"; let exported; ${plain}\nreturn { policy: exported, ${prefer} }; })()`;
  return vm.runInThisContext(script, { filename: "/somewhere/else/policy.ts" });
}

describe("a policy that is a function of this program", () => {
  const three = { policy: () => 3 };
  const evaluator = functionEvaluator(three, memoryPolicyEvaluator);

  it("is asked where the text in force names it; other texts are run as ever", async () => {
    const loaded = await evaluator.load(programPolicyText(three));
    expect(await loaded.evaluate([factsOf("a")], 0)).toEqual([3]);
    const other = await evaluator.load(utf8("export default () => 4;"));
    expect(await other.evaluate([factsOf("a")], 0)).toEqual([4]);
  });

  it.each([
    ["of another program", evaluator, { policy: () => 5 }],
    ["of one with something to prefer", evaluator, { ...three, prefer: () => 1 }],
    ["of a program, where a server runs in none", policyEvaluator, three],
  ])("is not taken for another: %s", async (_, asked, policy) => {
    const problem = await asked.load(programPolicyText(policy)).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(PolicyError);
    expect(problem).toMatchObject({ message: /the policy is the function [0-9a-f]{16} of a program/ });
  });

  it("gives others a turn when it takes its time", async () => {
    const policy = () => {
      for (const until = performance.now() + 5; performance.now() < until; );
      return 3;
    };
    const loaded = await functionEvaluator({ policy }, policyEvaluator).load(programPolicyText({ policy }));
    let turns = 0;
    const counting = setInterval(() => {
      turns++;
    }, 1);
    await loaded.evaluate([factsOf("a"), factsOf("b"), factsOf("c")], 0);
    clearInterval(counting);
    expect(turns).toBeGreaterThanOrEqual(2);
  });
});

describe("a policy in a process of its own", () => {
  it.each([
    ["an array without end", "const all = []; for (;;) all.push({ all: [1, 2, 3] });"],
    ["a text of 10 GB", 'let text = "x"; for (;;) text = (text + text).replace("xx", "yx");'],
    ["10 GB at once", 'const texts = []; for (let i = 0; i < 20; i++) texts.push("x".repeat(2 ** 29 - 24).split(""));'],
  ])("takes no more memory than it may: %s", async (_, code) => {
    const policy = await load(`export default ({ path }) => {\n  if (path === "bad") { ${code} }\n  return 3;\n};`);
    const verdict = await policy.evaluate([factsOf("bad")], 0).catch((error: unknown) => error);
    if (verdict instanceof PolicyError) expect(verdict.message).toMatch(/memory than 64 MB|longer than/);
    else expect(verdict).toMatchObject([{ message: /RangeError/ }]);
    expect(await policy.evaluate([factsOf("a")], 0)).toEqual([3]);
    await policy.close();
  });

  it("goes on when a promise that it made is rejected", async () => {
    const policy = await load(
      'export default ({ path }) => (path === "bad" ? (async () => { throw new Error("late"); })() : 3);',
    );
    const files = ["a", "bad", "b", "c"].map((path) => factsOf(path));
    for (let round = 0; round < 3; round++) {
      expect(await policy.evaluate(files, 0)).toEqual([
        3,
        { message: expect.stringMatching(/answered a promise/), stack: "" },
        3,
        3,
      ]);
    }
    await policy.close();
  });

  it("is ended when it goes on for ever in promises", async () => {
    const policy = await load(
      "export default () => {\n  (function again() { Promise.resolve().then(again); })();\n  return 3;\n};",
    );
    await expect(policy.evaluate([factsOf("a")], 0)).rejects.toThrow(/longer than 5 s for a/);
    await policy.close();
  });

  it("changes nothing of the program by the error that this throws when the policy has used up the stack", async () => {
    const policy = await load(
      "let foreign;\n" +
        "let left = 0;\n" +
        "function probe() {\n" +
        "  try { new Error('x').stack; } catch (error) { if (!(error instanceof Object)) foreign = error; }\n" +
        "}\n" +
        "function dive(...all) {\n" +
        "  try { dive(...all); } catch {}\n" +
        "  if (left-- > 0) probe();\n" +
        "}\n" +
        "const outermost = (of) => (Object.getPrototypeOf(of) === null ? of : outermost(Object.getPrototypeOf(of)));\n" +
        "export default ({ size }) => {\n" +
        "  left = 5000;\n" +
        "  dive(...Array(size).fill(0));\n" +
        "  return foreign && Reflect.defineProperty(outermost(foreign), 'handle', { value: 1 }) ? 4 : 3;\n" +
        "};\n",
    );
    const files = Array.from({ length: 40 }, (_, size) => factsOf("a", { size: size % 8 }));
    expect(await policy.evaluate(files, 0)).toEqual(files.map(() => 3));
    await policy.close();
  });

  it("leaves no process when it is closed while that begins", async () => {
    const processes = () => process.getActiveResourcesInfo().filter((what) => what === "ProcessWrap").length;
    await vi.waitUntil(() => processes() === 0);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const policy = await load("export default () => 3;");
      vi.advanceTimersByTime(60_000); // Idle, it is ended.
      await vi.waitUntil(() => processes() === 0);
      const asked = policy.evaluate([factsOf("a")], 0).catch((error: unknown) => error);
      await vi.waitUntil(() => processes() === 1);
      await policy.close();
      expect(String(await asked)).toMatch(/is closed/);
      await vi.waitUntil(() => processes() === 0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is not had where no more files can be opened, which ends nothing else", async () => {
    const program = [
      'import { openSync } from "node:fs";',
      'import { policyEvaluator } from "./src/adapters/policy/evaluator.ts";',
      'import { utf8 } from "./src/core/bytes.ts";',
      "try { for (;;) openSync('/dev/null'); } catch {}",
      "await policyEvaluator.load(utf8('export default () => 3;')).catch(({ code }) => console.log(code));",
      "setTimeout(() => console.log('goes on'));",
    ].join("\n");
    const limited = 'ulimit -n 60 && exec "$0" --input-type=module -e "$1"';
    const { stdout } = await promisify(execFile)("sh", ["-c", limited, process.execPath, program]);
    expect(stdout).toBe("EMFILE\ngoes on\n");
  });

  it("gets no secret of this process, and reads no file, even with the program's own Function in its hands", async () => {
    process.env.FSDFS_PASSWORD = "secret";
    try {
      const policy = await load(
        "let found = 3;\n" +
          "const tries = [() => globalThis.constructor, () => this, () => arguments];\n" +
          "for (const attempt of tries) {\n" +
          "  try { if (attempt().constructor.constructor('return process')().env) found = 9; } catch {}\n" +
          "}\n" +
          "export default () => found;\n",
      ).catch((error: unknown) => error as PolicyError);
      // `arguments` is no word of a module's top level: the policy may be refused for it, but finds nothing.
      if (!(policy instanceof PolicyError)) {
        expect(await policy.evaluate([factsOf("a")], 0)).toEqual([3]);
        await policy.close();
      }
    } finally {
      delete process.env.FSDFS_PASSWORD;
    }
  });
});
