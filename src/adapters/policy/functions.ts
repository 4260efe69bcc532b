/**
 * A policy that is a function of this program (core/policy/program.ts). It is not kept from anything: what it may do, and how
 * long it takes, is its author's business. Other policies are run as ever.
 */
import { setImmediate } from "node:timers/promises";
import {
  type FileFacts,
  POLICY_COPIES_MAX,
  POLICY_WEIGHT_MAX,
  type Policy,
  type PolicyFile,
  type PolicyServer,
  type Prefer,
} from "../../core/policy/policy.ts";
import { missingFunction, type ProgramPolicy, programPolicyText } from "../../core/policy/program.ts";
import { isTarget, isWeight } from "../../core/policy/verdicts.ts";
import {
  type LoadedPolicy,
  PolicyError,
  type PolicyEvaluator,
  type PolicyProblem,
  type Verdict,
  type Weighed,
} from "../../ports/policy-evaluator.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** After so long others get a turn of the event loop. */
const TURN_MS = 4;
/** Characters of what is told of a problem. */
const MESSAGE_MAX = 500;
const FRAMES_MAX = 20;

/** @param otherwise for every text that does not name `policy` */
export function functionEvaluator(policy: ProgramPolicy, otherwise: PolicyEvaluator): PolicyEvaluator {
  const text = programPolicyText(policy);
  return {
    load: async (source) => {
      if (Buffer.compare(source, text) === 0) return new FunctionPolicy(policy);
      // Known without a process in which it would say so.
      const missing = missingFunction(source);
      if (missing !== undefined) throw new PolicyError({ message: `Error: ${missing}`, stack: "" });
      return await otherwise.load(source);
    },
  };
}

class FunctionPolicy implements LoadedPolicy {
  readonly prefers: boolean;
  readonly #functions: ProgramPolicy;

  constructor(functions: ProgramPolicy) {
    this.#functions = functions;
    this.prefers = functions.prefer !== undefined;
  }

  evaluate(files: readonly FileFacts[], nowMs: number): Promise<readonly Verdict[]> {
    return inTurns(files, (file) => askPolicy(this.#functions.policy, fileOf(file, nowMs)));
  }

  weigh(files: readonly FileFacts[], servers: readonly PolicyServer[], nowMs: number): Promise<readonly Weighed[]> {
    const { prefer } = this.#functions;
    if (prefer === undefined) throw new Error("nothing is preferred");
    return inTurns(files, (file) => askPrefer(prefer, fileOf(file, nowMs), servers));
  }

  async close(): Promise<void> {}
}

async function inTurns<T>(files: readonly FileFacts[], ask: (file: FileFacts) => T): Promise<readonly T[]> {
  const answers: T[] = [];
  let since = performance.now();
  for (const file of files) {
    answers.push(ask(file));
    if (performance.now() - since < TURN_MS) continue;
    await setImmediate();
    since = performance.now();
  }
  return answers;
}

function fileOf({ variables, ...facts }: FileFacts, nowMs: number): PolicyFile {
  return { ...facts, ageDays: Math.max(0, (nowMs - facts.modified) / DAY_MS), variables: { ...variables } };
}

function askPolicy(policy: Policy, file: PolicyFile): Verdict {
  try {
    const answer: unknown = policy(file);
    if (isTarget(answer)) return answer;
    const message = `it answered ${described(answer)}, not a whole number from 1 to ${POLICY_COPIES_MAX}`;
    return { message, stack: "" };
  } catch (error) {
    return told(error);
  }
}

function askPrefer(prefer: Prefer, file: PolicyFile, servers: readonly PolicyServer[]): Weighed {
  try {
    const weights: number[] = [];
    for (const { id, name, zone } of servers) {
      const answer: unknown = prefer(file, { id, name, zone });
      if (!isWeight(answer)) {
        const message = `prefer answered ${described(answer)}, not a number from 0 to ${POLICY_WEIGHT_MAX}`;
        return { message, stack: "" };
      }
      weights.push(answer);
    }
    return weights;
  } catch (error) {
    return told(error);
  }
}

function described(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 100));
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value).slice(0, 100);
  return typeof (value as { then?: unknown }).then === "function" ? "a promise" : "an object";
}

function told(error: unknown): PolicyProblem {
  try {
    if (!(error instanceof Error)) return { message: `it threw ${described(error)}`, stack: "" };
    return { message: `${error.name}: ${error.message}`.slice(0, MESSAGE_MAX), stack: framesOf(error.stack ?? "") };
  } catch {
    return { message: "it threw what cannot be told", stack: "" };
  }
}

/** Those of the program down to where it was called, each with its file's name: where on the disk it lies is told to nobody. */
function framesOf(stack: string): string {
  const frames = stack.split("\n").filter((line) => /^ {4}at /.test(line));
  const called = frames.findIndex((frame) => / (?:askPolicy|askPrefer) \(/.test(frame));
  const own = frames.slice(0, called === -1 ? 0 : Math.min(called, FRAMES_MAX));
  return own.map((frame) => frame.replace(/(?:file:\/\/)?\/[^()]*?([^/()]+)(?=:\d+:\d+\)?$)/, "$1")).join("\n");
}
