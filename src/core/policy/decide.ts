/**
 * Whether a file's N becomes what the policy has just said. A policy may rest on how much a file is read, which is never
 * the same twice, and copying to and fro costs more than a copy too many:
 *
 * - N changes when the policy has said the same twice, some seconds apart. What it says of a file for the first time, since it
 *   was put or the file was, counts at once: so a change of rules is not delayed by it.
 * - N that this policy has set is not lowered for a day.
 */

/** Between the two times. */
export const CONFIRM_MS = 10_000;
const LOWER_EVERY_MS = 24 * 60 * 60 * 1000;

export interface Said {
  /** N as it is; undefined: as the swarm's files have it by default. */
  readonly stated: number | undefined;
  readonly defaultTarget: number;
  /** What the policy says now, and what it said before when that was to be confirmed. */
  readonly answer: number;
  readonly before: { readonly answer: number; readonly ageMs: number } | undefined;
  /** It has not been asked about this file yet. */
  readonly isFirst: boolean;
  /** How long ago this policy has set N; undefined: it has not. */
  readonly setAgoMs: number | undefined;
}

/** confirm: it is to be asked again after `CONFIRM_MS`. */
export function decide({
  stated,
  defaultTarget,
  answer,
  before,
  isFirst,
  setAgoMs,
}: Said): "keep" | "confirm" | "write" {
  const target = stated ?? defaultTarget;
  if (answer === target) return "keep";
  if (isFirst) return "write";
  if (answer < target && setAgoMs !== undefined && setAgoMs < LOWER_EVERY_MS) return "keep";
  return before?.answer === answer && before.ageMs >= CONFIRM_MS ? "write" : "confirm";
}
