/**
 * Policies in this process, for tests that run many servers: in a context of their own, with a limit of time but none of
 * memory. Exports are known by how they are written: each begins a line.
 */
import { stripTypeScriptTypes } from "node:module";
import vm from "node:vm";
import type { Bytes } from "../../core/catalog/kv.ts";
import { ANSWER, INSIDE } from "../../core/policy/inside.ts";
import type { FileFacts } from "../../core/policy/policy.ts";
import { NO_DEFAULT, NO_SENSE, policyText, whyNoImport, whyRefused } from "../../core/policy/source.ts";
import { decodeVerdicts, encodeQuestion, problemOf } from "../../core/policy/verdicts.ts";
import { type LoadedPolicy, PolicyError, type PolicyEvaluator, type Verdict } from "../../ports/policy-evaluator.ts";

/** Of this machine's time: what does not loop for ever takes milliseconds. */
const TIME_MS_MAX = 2000;

export const memoryPolicyEvaluator: PolicyEvaluator = {
  load: async (source) => new MemoryPolicy(source),
};

class MemoryPolicy implements LoadedPolicy {
  readonly #context = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } });
  readonly #ask: (line: string) => void;

  /** @throws PolicyError */
  constructor(source: Bytes) {
    const [use, ask] = vm.runInContext(INSIDE, this.#context);
    this.#ask = ask;
    const policy = limited(() => {
      const script = new vm.Script(asScript(source), { filename: "policy.ts" });
      return script.runInContext(this.#context, { timeout: TIME_MS_MAX });
    });
    if (typeof policy !== "function") throw refused(NO_DEFAULT);
    use(policy);
  }

  async evaluate(files: readonly FileFacts[], nowMs: number): Promise<readonly Verdict[]> {
    this.#ask(encodeQuestion(files, nowMs));
    const answer = limited(() => vm.runInContext(ANSWER, this.#context, { timeout: TIME_MS_MAX }));
    const verdicts = decodeVerdicts(String(answer), files.length);
    if (verdicts === undefined) throw refused(NO_SENSE);
    return verdicts;
  }

  async close(): Promise<void> {}
}

/** Its value is the default export. */
function asScript(source: Bytes): string {
  const found = policyText(source);
  if ("why" in found) throw refused(found.why);
  const javaScript = limited(() => stripTypeScriptTypes(found.text));
  const why = whyRefused(javaScript);
  const imported = /^import\b.*?["'](.*?)["']/m.exec(javaScript)?.[1];
  if (why !== undefined || imported !== undefined) throw refused(why ?? whyNoImport(imported!));
  const body = javaScript.replace(/^export\s+default\s/m, "exported = ").replaceAll(/^export\s/gm, "");
  return `(() => { "use strict"; let exported; ${body}\nreturn exported; })()`;
}

/** @throws PolicyError for whatever is thrown */
function limited<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    const { name, message, stack, code } = error as NodeJS.ErrnoException;
    if (code === "ERR_SCRIPT_EXECUTION_TIMEOUT") throw refused(`it took longer than ${TIME_MS_MAX / 1000} s`);
    throw new PolicyError(problemOf([`${name}: ${message}`, stack]));
  }
}

function refused(message: string): PolicyError {
  return new PolicyError({ message, stack: "" });
}
