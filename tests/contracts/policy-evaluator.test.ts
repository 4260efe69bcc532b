import { describe, expect, it } from "vitest";
import { memoryPolicyEvaluator } from "../../src/adapters/memory/policy-evaluator.ts";
import { policyEvaluator } from "../../src/adapters/policy/evaluator.ts";
import { utf8 } from "../../src/core/bytes.ts";
import { PolicyError } from "../../src/ports/policy-evaluator.ts";
import { describePolicyEvaluator, factsOf } from "./policy-evaluator.contract.ts";

const load = (source: string) => policyEvaluator.load(utf8(source));

describePolicyEvaluator("in memory", memoryPolicyEvaluator);
describePolicyEvaluator("in a process of its own", policyEvaluator);

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
