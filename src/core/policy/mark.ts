/** Which policy is in force: what the catalog says of the file that it is. */
import { decodeContent } from "../catalog/content.ts";
import { entryKey } from "../catalog/keys.ts";
import type { ReadView } from "../catalog/kv.ts";
import { CONTENT_FIELD } from "../catalog/merge.ts";
import { readRegisters } from "../catalog/transaction.ts";
import type { FileContent, Stamp } from "../catalog/types.ts";
import type { FilePath } from "../paths.ts";

export const POLICY_PATH = ".fsdfs/policy.ts" as FilePath;
/** What governs the swarm is no user's file: a policy says nothing of it. */
const OWN_DIRECTORY = ".fsdfs/";

export interface PolicyMark {
  /** Undefined: there was one, and it was taken away. */
  readonly content: FileContent | undefined;
  /** Of the last change: what N is ordered by first (C1). */
  readonly stamp: Stamp;
}

/** Undefined where there never was a policy, or it is long forgotten. */
export function readPolicyMark(view: ReadView): PolicyMark | undefined {
  const registers = readRegisters(view, KEY);
  const register = registers.find(({ field }) => field === CONTENT_FIELD);
  if (register === undefined) return undefined;
  const content = decodeContent(register.value);
  return { content: content.type === "file" ? content : undefined, stamp: register.stamp };
}

const KEY = entryKey(POLICY_PATH);

export function isSameMark(a: PolicyMark | undefined, b: PolicyMark | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const { rank, time, server } = a.stamp;
  return rank === b.stamp.rank && time === b.stamp.time && server === b.stamp.server;
}

/** Whether the policy is asked about what is at a path. */
export function isGoverned(path: string): boolean {
  return !path.startsWith(OWN_DIRECTORY);
}
