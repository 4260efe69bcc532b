/** Errors as a server tells them: with its own words, which name paths and numbers that only it knows. */
import { type ErrorCode, FsdfsError, isErrorCode } from "../errors.ts";

class AnswerError extends FsdfsError {
  readonly #answer: { readonly message: string; readonly hint: string; readonly status: number };

  constructor(code: ErrorCode, answer: { message: string; hint: string; status: number }) {
    super(code);
    this.message = answer.message;
    this.#answer = answer;
  }

  override get hint(): string {
    return this.#answer.hint;
  }

  override get status(): number {
    return this.#answer.status;
  }
}

/** What an answer without a body, as one to a HEAD, most likely means. */
const CODES_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "argument-invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "file-not-found",
  409: "is-a-directory",
  412: "precondition-failed",
  416: "range-unsatisfiable",
  503: "overloaded",
};

/** The error in an answer's body; undefined when it is none of fsdfs's. */
export function answerError(status: number, body: string): AnswerError | undefined {
  const told = errorMember(body);
  if (told === undefined) return undefined;
  // A newer server may know errors that this client does not: its words are shown all the same.
  const code = isErrorCode(told.code) ? told.code : "internal";
  return new AnswerError(code, { message: told.message, hint: told.hint, status });
}

export function bodilessError(status: number, path: string): FsdfsError {
  return new FsdfsError(CODES_BY_STATUS[status] ?? "internal", {
    path,
    name: "The request",
    reason: `status ${status}`,
  });
}

function errorMember(body: string): { code: string; message: string; hint: string } | undefined {
  const parsed = parseJson(body);
  if (typeof parsed !== "object" || parsed === null || !("error" in parsed)) return undefined;
  const { error } = parsed;
  if (typeof error !== "object" || error === null || !("code" in error) || !("message" in error)) return undefined;
  return { code: String(error.code), message: String(error.message), hint: "hint" in error ? String(error.hint) : "" };
}

/** undefined for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
