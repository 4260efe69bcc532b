/** What goes into the context of a policy and comes out of it as text (inside.ts), on the side where it is not believed. */
import { type FileFacts, POLICY_COPIES_MAX, POLICY_WEIGHT_MAX, type PolicyServer } from "./policy.ts";

/** In words, and where in the policy: its own lines only, none of the machine. */
export interface PolicyProblem {
  readonly message: string;
  readonly stack: string;
}

/** N of a file, 1 to `POLICY_COPIES_MAX`, or why there is none. */
export type Verdict = number | PolicyProblem;

/** The weight of each server for a file, 0 to `POLICY_WEIGHT_MAX`, or why there are none. */
export type Weighed = readonly number[] | PolicyProblem;

export function encodeQuestion(files: readonly FileFacts[], nowMs: number): string {
  return JSON.stringify([nowMs, rowsOf(files)]);
}

export function encodeWeighing(files: readonly FileFacts[], servers: readonly PolicyServer[], nowMs: number): string {
  return JSON.stringify([nowMs, rowsOf(files), servers.map(({ id, name, zone }) => [id, name, zone])]);
}

function rowsOf(files: readonly FileFacts[]) {
  return files.map((file) => [file.path, file.size, file.type, file.modified, file.variables, file.heat]);
}

/** Undefined when it makes no sense. */
export function decodeVerdicts(text: string, count: number): Verdict[] | undefined {
  return decodeAnswers(text, count)?.map((answer) => (isTarget(answer) ? answer : problemOf(answer)));
}

/** Undefined when it makes no sense. */
export function decodeWeighed(text: string, count: number, servers: number): Weighed[] | undefined {
  return decodeAnswers(text, count)?.map((answer) => (areWeights(answer, servers) ? answer : problemOf(answer)));
}

function decodeAnswers(text: string, count: number): unknown[] | undefined {
  let answers: unknown;
  try {
    answers = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Array.isArray(answers) && answers.length === count ? answers : undefined;
}

function areWeights(answer: unknown, servers: number): answer is readonly number[] {
  return Array.isArray(answer) && answer.length === servers && answer.every(isWeight);
}

export function isWeight(weight: unknown): weight is number {
  return typeof weight === "number" && weight >= 0 && weight <= POLICY_WEIGHT_MAX;
}

export function isTarget(answer: unknown): answer is number {
  return Number.isInteger(answer) && Number(answer) >= 1 && Number(answer) <= POLICY_COPIES_MAX;
}

/** Of `[message, stack]`. */
export function problemOf(told: unknown): PolicyProblem {
  const [message, stack] = Array.isArray(told) ? told : [];
  return {
    message: typeof message === "string" ? message : "it makes no sense",
    stack: typeof stack === "string" ? ownFrames(stack) : "",
  };
}

/** The stack of a syntax error begins with the line that it is in, and what stands there. */
const SYNTAX = /^(?:policy\.ts)?:(\d+)\n([\s\S]*?)\n\n/;
const OWN_FRAME = /^ {4}at (?:[^/\\]* \()?policy\.ts:\d+:\d+\)?$/;

/** The policy's own lines: other places of the machine are nobody's business. */
function ownFrames(stack: string): string {
  const syntax = SYNTAX.exec(stack);
  if (syntax !== null) return `    at policy.ts:${syntax[1]}\n${syntax[2]}`;
  return stack
    .split("\n")
    .filter((line) => OWN_FRAME.test(line))
    .join("\n");
}
