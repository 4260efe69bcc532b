/**
 * Policies in this process, for tests that run many servers: in a context of their own, with a limit of time but none of
 * memory. Exports are known by how they are written: each begins a line.
 */
import { stripTypeScriptTypes } from "node:module";
import vm from "node:vm";
import type { Bytes } from "../../core/catalog/kv.ts";
import { ANSWER, INSIDE } from "../../core/policy/inside.ts";
import type { FileFacts, PolicyServer } from "../../core/policy/policy.ts";
import { NO_DEFAULT, NO_PREFER, NO_SENSE, policyText, whyNoImport, whyRefused } from "../../core/policy/source.ts";
import {
  decodeVerdicts,
  decodeWeighed,
  encodeQuestion,
  encodeWeighing,
  problemOf,
} from "../../core/policy/verdicts.ts";
import {
  type LoadedPolicy,
  PolicyError,
  type PolicyEvaluator,
  type Verdict,
  type Weighed,
} from "../../ports/policy-evaluator.ts";

/** Of this machine's time: what does not loop for ever takes milliseconds. */
const TIME_MS_MAX = 2000;

export const memoryPolicyEvaluator: PolicyEvaluator = {
  load: async (source) => new MemoryPolicy(source),
};

class MemoryPolicy implements LoadedPolicy {
  readonly #context = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } });
  readonly #ask: (line: string) => void;
  readonly prefers: boolean;

  /** @throws PolicyError */
  constructor(source: Bytes) {
    const [use, ask] = vm.runInContext(INSIDE, this.#context);
    this.#ask = ask;
    const { policy, prefer } = limited(() => {
      const script = new vm.Script(asScript(source), { filename: "policy.ts" });
      return script.runInContext(this.#context, { timeout: TIME_MS_MAX });
    });
    if (typeof policy !== "function") throw refused(NO_DEFAULT);
    if (prefer !== undefined && typeof prefer !== "function") throw refused(NO_PREFER);
    use(policy, prefer);
    this.prefers = prefer !== undefined;
  }

  async evaluate(files: readonly FileFacts[], nowMs: number): Promise<readonly Verdict[]> {
    return sensible(decodeVerdicts(this.#answer(encodeQuestion(files, nowMs)), files.length));
  }

  async weigh(
    files: readonly FileFacts[],
    servers: readonly PolicyServer[],
    nowMs: number,
  ): Promise<readonly Weighed[]> {
    const answer = this.#answer(encodeWeighing(files, servers, nowMs));
    return sensible(decodeWeighed(answer, files.length, servers.length));
  }

  #answer(line: string): string {
    this.#ask(line);
    return String(limited(() => vm.runInContext(ANSWER, this.#context, { timeout: TIME_MS_MAX })));
  }

  async close(): Promise<void> {}
}

/** @throws PolicyError */
function sensible<T>(answers: T | undefined): T {
  if (answers === undefined) throw refused(NO_SENSE);
  return answers;
}

/** Its value has what is exported, as `policy` and `prefer`. */
function asScript(source: Bytes): string {
  const found = policyText(source);
  if ("why" in found) throw refused(found.why);
  const javaScript = limited(() => stripTypeScriptTypes(found.text));
  const why = whyRefused(javaScript);
  const imported = /^import\b.*?["'](.*?)["']/m.exec(javaScript)?.[1];
  if (why !== undefined || imported !== undefined) throw refused(why ?? whyNoImport(imported!));
  const body = javaScript.replace(/^export\s+default\s/m, "exported = ").replaceAll(/^export\s/gm, "");
  const prefers = /^export\s+(?:const|let|var|function)\s+prefer\b/m.test(javaScript);
  const told = `{ policy: exported, prefer: ${prefers ? "prefer" : "undefined"} }`;
  return `(() => { "use strict"; let exported; ${body}\nreturn ${told}; })()`;
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
