/**
 * Policies in processes of their own (sandbox.ts). A process that ends before it has answered is replaced and asked once
 * more, file by file: so a machine that was busy, or short of memory, condemns no policy, and the file at which it loops is
 * known. One that has nothing to do for a while is ended, and begun anew when it is needed.
 */
import type { FileFacts, PolicyServer } from "../../core/policy/policy.ts";
import { NO_SENSE, policyText } from "../../core/policy/source.ts";
import {
  decodeVerdicts,
  decodeWeighed,
  encodeQuestion,
  encodeWeighing,
  problemOf,
} from "../../core/policy/verdicts.ts";
import {
  type LoadedPolicy,
  PolicyError,
  type PolicyEvaluator,
  type Verdict,
  type Weighed,
} from "../../ports/policy-evaluator.ts";
import { Sandbox, SandboxEnded } from "./sandbox.ts";

/** Without anything to do a process is ended. */
const IDLE_MS_MAX = 30_000;

export const policyEvaluator: PolicyEvaluator = {
  async load(source) {
    const found = policyText(source);
    if ("why" in found) throw refused(found.why);
    const policy = new SandboxedPolicy(found.text);
    await policy.begin();
    return policy;
  },
};

interface Question<T> {
  line(files: readonly FileFacts[]): string;
  /** Undefined when it makes no sense. */
  decoded(answer: string, count: number): readonly T[] | undefined;
}

class SandboxedPolicy implements LoadedPolicy {
  readonly #source: string;
  #sandbox: Sandbox | undefined;
  /** One call after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;
  prefers = false;

  constructor(source: string) {
    this.#source = source;
  }

  /** @throws PolicyError */
  async begin(): Promise<void> {
    try {
      await this.#loaded();
    } catch (error) {
      if (!(error instanceof SandboxEnded)) throw error;
      await this.#loaded().catch((again: unknown) => {
        throw again instanceof SandboxEnded ? refused(`${again.message} to load`) : again;
      });
    }
    this.#rest();
  }

  evaluate(files: readonly FileFacts[], nowMs: number): Promise<readonly Verdict[]> {
    return this.#inTurn(files, {
      line: (some) => encodeQuestion(some, nowMs),
      decoded: (text, count) => decodeVerdicts(text, count),
    });
  }

  weigh(files: readonly FileFacts[], servers: readonly PolicyServer[], nowMs: number): Promise<readonly Weighed[]> {
    return this.#inTurn(files, {
      line: (some) => encodeWeighing(some, servers, nowMs),
      decoded: (text, count) => decodeWeighed(text, count, servers.length),
    });
  }

  #inTurn<T>(files: readonly FileFacts[], question: Question<T>): Promise<readonly T[]> {
    const answer = this.#last.then(() => this.#answers(files, question));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    await this.#sandbox?.close();
  }

  async #answers<T>(files: readonly FileFacts[], question: Question<T>): Promise<readonly T[]> {
    clearTimeout(this.#idle);
    try {
      return await this.#ask(files, question);
    } catch (error) {
      if (!(error instanceof SandboxEnded)) throw error;
      const answers: T[] = [];
      for (const file of files) answers.push(...(await this.#ask([file], question).catch(blaming(file))));
      return answers;
    } finally {
      this.#rest();
    }
  }

  async #ask<T>(files: readonly FileFacts[], { line, decoded }: Question<T>): Promise<readonly T[]> {
    const sandbox = await this.#loaded();
    const answer = await sandbox.ask(line(files)).catch((error: unknown) => this.#forget(error));
    const answers = decoded(answer, files.length);
    if (answers === undefined) throw refused(NO_SENSE);
    return answers;
  }

  async #loaded(): Promise<Sandbox> {
    if (this.#isClosed) throw new Error("the policy is closed");
    if (this.#sandbox !== undefined) return this.#sandbox;
    const sandbox = new Sandbox();
    this.#sandbox = sandbox; // While it is loaded as well it is ended with the policy.
    const answer = await sandbox.ask(JSON.stringify(this.#source)).catch((error: unknown) => this.#forget(error));
    const told: unknown = JSON.parse(answer);
    if (Array.isArray(told)) {
      this.#sandbox = undefined;
      await sandbox.close();
      throw new PolicyError(problemOf(told));
    }
    this.prefers = (told as { readonly prefers: boolean }).prefers;
    return sandbox;
  }

  #forget(error: unknown): never {
    this.#sandbox = undefined;
    throw error;
  }

  #rest(): void {
    if (this.#isClosed) return;
    this.#idle = setTimeout(() => {
      void this.#sandbox?.close();
      this.#sandbox = undefined;
    }, IDLE_MS_MAX).unref();
  }
}

function refused(message: string): PolicyError {
  return new PolicyError({ message, stack: "" });
}

function blaming(file: FileFacts): (error: unknown) => never {
  return (error) => {
    throw error instanceof SandboxEnded ? refused(`${error.message} for ${file.path}`) : error;
  };
}
