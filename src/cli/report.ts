/** How commands tell of failures: one line that says what, one that says what to do. */
import { FsdfsError } from "../errors.ts";
import { LocalError, type Output, UsageError } from "./command.ts";
import { shown } from "./output.ts";

export interface Failure {
  readonly message: string;
  readonly hint: string | undefined;
  /** The API's own code, or "local" for what went wrong on this machine. */
  readonly code: string;
}

/** 2: the command line makes no sense. 1: it does, but it could not be done. */
export function exitCodeOf(error: unknown): 1 | 2 {
  if (error instanceof UsageError) return 2;
  return error instanceof FsdfsError && error.code === "option-invalid" ? 2 : 1;
}

/** @param command by which the hint of a wrong option names the help */
export function failureOf(error: unknown, command?: string): Failure {
  if (error instanceof FsdfsError) {
    const hint = error.code === "option-invalid" && command !== undefined ? `See: fsdfs ${command} --help` : error.hint;
    return { message: error.message, hint, code: error.code };
  }
  if (error instanceof UsageError || error instanceof LocalError) {
    return { message: error.message, hint: error.hint, code: "local" };
  }
  if (error instanceof Error && "syscall" in error) return { message: error.message, hint: undefined, code: "local" };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    message: `This is a bug in fsdfs.\n${stack}`,
    hint: "Please report it, with these lines.",
    code: "internal",
  };
}

export function writeFailure(err: Output, failure: Failure): void {
  err.write(`fsdfs: ${failure.message.split("\n").map(shown).join("\n")}\n`);
  if (failure.hint) err.write(`${shown(failure.hint)}\n`);
}
