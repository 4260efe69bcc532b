/** Running the user's policy (docs/POLICY.md) where it can reach nothing and take no more than it may. */
import type { Bytes } from "../core/catalog/kv.ts";
import type { FileFacts, PolicyServer } from "../core/policy/policy.ts";
import type { PolicyProblem, Verdict, Weighed } from "../core/policy/verdicts.ts";

export type { PolicyProblem, Verdict, Weighed } from "../core/policy/verdicts.ts";

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
  /** It has an export `prefer`, so that `weigh` may be called. */
  readonly prefers: boolean;
  /** How much each file should rather be on each of the servers, in order of both; otherwise as `evaluate`. */
  weigh(files: readonly FileFacts[], servers: readonly PolicyServer[], nowMs: number): Promise<readonly Weighed[]>;
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
