/** Running the user's policy (docs/POLICY.md) where it can reach nothing and take no more than it may. */
import type { Bytes } from "../core/catalog/kv.ts";
import type { FileFacts } from "../core/policy/policy.ts";
import type { PolicyProblem, Verdict } from "../core/policy/verdicts.ts";

export type { PolicyProblem, Verdict } from "../core/policy/verdicts.ts";

export interface PolicyEvaluator {
  /** Makes a policy ready. @throws PolicyError when it is none */
  load(source: Bytes): Promise<LoadedPolicy>;
}

export interface LoadedPolicy {
  /**
   * What it says of each file, in order. `nowMs`: from when their age counts, in milliseconds since the Unix epoch.
   * @throws PolicyError when it loops for ever or wants too much memory
   */
  evaluate(files: readonly FileFacts[], nowMs: number): Promise<readonly Verdict[]>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The policy is at fault, not this machine. */
export class PolicyError extends Error {
  readonly problem: PolicyProblem;

  constructor(problem: PolicyProblem) {
    super(problem.message);
    this.name = "PolicyError";
    this.problem = problem;
  }
}
