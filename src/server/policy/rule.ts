/** The policy that is in force, ready to be asked: read from the file system, as it is or as it was taken away. */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FileEntry } from "../../core/policy/facts.ts";
import type { PolicyMark } from "../../core/policy/mark.ts";
import { type FileFacts, POLICY_BYTES_MAX } from "../../core/policy/policy.ts";
import type { PolicyProblem } from "../../core/policy/verdicts.ts";
import { type LoadedPolicy, PolicyError, type PolicyEvaluator } from "../../ports/policy-evaluator.ts";

/** N; "default" once there is no policy any more. */
export type Answer = number | "default" | PolicyProblem;

/** @throws PolicyError when it can answer for none */
export interface Rule {
  /** Undefined once there is none any more. */
  readonly policy?: LoadedPolicy;
  ask(files: readonly FileEntry[], nowMs: number): Promise<readonly Answer[]>;
  close(): Promise<void>;
}

export const NO_POLICY: Rule = {
  ask: async (files) => files.map(() => "default"),
  close: async () => undefined,
};

export function ruleOf(policy: LoadedPolicy, factsOf: (entry: FileEntry) => FileFacts): Rule {
  return {
    policy,
    ask: (files, nowMs) => policy.evaluate(files.map(factsOf), nowMs),
    close: () => policy.close(),
  };
}

/** @throws PolicyError; what else is thrown says that its text cannot be read now */
export async function loadPolicy(
  { content }: PolicyMark,
  evaluator: PolicyEvaluator,
  read: () => Promise<Bytes>,
): Promise<LoadedPolicy> {
  if (content === undefined) throw new Error("there is no policy");
  if (content.sizeBytes > POLICY_BYTES_MAX) {
    throw new PolicyError({ message: `it has more than ${POLICY_BYTES_MAX / 1024} KB`, stack: "" });
  }
  return await evaluator.load(await read());
}
