/** What goes into the context of a policy and comes out of it as text (inside.ts), on the side where it is not believed. */
import { type FileFacts, POLICY_COPIES_MAX } from "./policy.ts";

/** In words, and where in the policy: its own lines only, none of the machine. */
export interface PolicyProblem {
  readonly message: string;
  readonly stack: string;
}

/** N of a file, 1 to `POLICY_COPIES_MAX`, or why there is none. */
export type Verdict = number | PolicyProblem;

export function encodeQuestion(files: readonly FileFacts[], nowMs: number): string {
  const rows = files.map((file) => [file.path, file.size, file.type, file.modified, file.variables, file.heat]);
  return JSON.stringify([nowMs, rows]);
}

/** Undefined when it makes no sense. */
export function decodeVerdicts(text: string, count: number): Verdict[] | undefined {
  let answers: unknown;
  try {
    answers = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(answers) || answers.length !== count) return undefined;
  return answers.map((answer: unknown) => (isTarget(answer) ? answer : problemOf(answer)));
}

function isTarget(answer: unknown): answer is number {
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
