/** The part of the face that is about the policy (docs/POLICY.md). */
import type { Bytes } from "../core/catalog/kv.ts";
import type { ServerId, VersionId } from "../core/ids.ts";

export interface PolicyFace {
  /** Which policy is in force, and how far each server that is up has evaluated it. */
  policy(): Promise<PolicyStatus>;
  /** What a policy would change; nothing is changed. @throws `policy-invalid` when it is none */
  tryPolicy(source: Bytes): Promise<PolicyTrial>;
  /** Puts it in force, once it has been tried on files for a moment. @throws `policy-invalid` when it fails for one */
  setPolicy(source: Bytes): Promise<PolicyTrial>;
  /** Gives all files the swarm's N again. */
  resetPolicy(): Promise<void>;
  /** What became of it, on all servers that are up; the newest last. */
  policyLog(): Promise<readonly PolicyLogEntry[]>;
}

export interface PolicyStatus {
  /** null: there is none. */
  readonly version: VersionId | null;
  /** When it came, ISO 8601 in UTC. */
  readonly since: string | null;
  readonly servers: readonly PolicyOfServer[];
}

/**
 * none: it knows of no policy; evaluating: it goes through its share of the files for the first time; current: it has, and
 * goes on; failing: the policy cannot be asked.
 */
export type PolicyState = "none" | "evaluating" | "current" | "failing";

export interface PolicyOfServer {
  readonly id: ServerId;
  readonly name: string;
  readonly state: PolicyState;
  /** Of `files`: how many it has gone through in this pass, those of other servers' shares included. */
  readonly evaluated: number;
  readonly files: number;
  /** Files whose N it has changed under this policy. */
  readonly changed: number;
  /** Files for which it failed in the last pass, or in this one; they keep their N. */
  readonly failed: number;
  /** Files that it is about to ask about, since they changed or are to be confirmed. */
  readonly pending: number;
  readonly problem: PolicyFailure | null;
}

export interface PolicyFailure {
  readonly message: string;
  /** The policy's own lines. */
  readonly stack: string;
}

export interface PolicyTrial {
  /** Of `files` so many were asked about; fewer when there is not the time. All that follows is of those. */
  readonly evaluated: number;
  readonly files: number;
  /** Files whose N would be another: more, or less. */
  readonly raised: number;
  readonly lowered: number;
  /** For which the policy fails; they would keep their N, or have no preferences. */
  readonly failed: number;
  /** Copies that lie where `prefer` says 0 of them; null: the policy has none. */
  readonly shunned: { readonly copies: number; readonly bytes: number } | null;
  /** What all copies take that files should have, in bytes, before and after; and what quotas there are. */
  readonly bytes: { readonly before: number; readonly after: number; readonly quota: number };
  /** The quotas bear it; what was not asked about is taken to be like what was. */
  readonly fits: boolean;
  /** The greatest N, and how many servers there are to hold so many copies. */
  readonly most: number;
  readonly servers: number;
  /** Some of the files whose N would change, and of those for which it fails. */
  readonly examples: readonly { readonly path: string; readonly before: number; readonly after: number }[];
  readonly failures: readonly (PolicyFailure & { readonly path: string })[];
}

export interface PolicyLogEntry extends PolicyFailure {
  /** ISO 8601 in UTC. */
  readonly time: string;
  readonly server: ServerId;
  readonly name: string;
  /** Of the file for which it failed. */
  readonly path: string | null;
}
