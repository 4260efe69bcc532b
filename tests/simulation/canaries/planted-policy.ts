/** Bugs planted in what becomes of N (section "The policy" of docs/ARCHITECTURE.md). */
import type { Canary } from "./canary.ts";
import { PREFERENCE_CANARIES } from "./planted-preferences.ts";

export const POLICY_CANARIES: readonly Canary[] = [
  ...PREFERENCE_CANARIES,
  {
    name: "a file that is put is not evaluated before the next pass",
    rules: "Y1",
    file: "server/policy/evaluation.ts",
    find: "if (!this.#remember(versions) || !",
    replace: "if (!",
    drill: "policy",
  },
  {
    name: "a server that lacks the policy keeps its files",
    rules: "Y1",
    file: "server/policy/share.ts",
    find: "report.behind || leavesFiles(report) ? [] : [server]",
    replace: "report.behind ? [] : [server]",
    drill: "policy",
  },
  {
    name: "N does not follow when the policy is taken away",
    rules: "Y1",
    file: "core/catalog/surplus.ts",
    find: "return (register && readTarget(register.value)) || undefined;",
    replace: "return register && (readTarget(register.value) || 2);",
    drill: "policy",
  },
  {
    name: "a later policy does not beat an earlier one",
    rules: "Y1 C1",
    file: "core/catalog/epochs.ts",
    find: "return epoch * POLICY_TIMES + policyMs;",
    replace: "return epoch * POLICY_TIMES + (2 ** 42 - policyMs);",
    drill: "policy",
  },
  {
    name: "N changes by what the policy says once",
    rules: "Y2",
    file: "core/policy/decide.ts",
    find: "return before?.answer === answer && before.ageMs >= CONFIRM_MS ?",
    replace: "return before?.answer !== answer || before.ageMs >= CONFIRM_MS ?",
    drill: "policy",
  },
  {
    name: "a policy that fails gives files one copy",
    rules: "Y3",
    file: "server/policy/evaluation.ts",
    find: "      journal.problem(answer, path, this.#sinceMs);\n      return undefined;",
    replace: "      journal.problem(answer, path, this.#sinceMs);\n      return 1;",
    drill: "policy",
  },
];
