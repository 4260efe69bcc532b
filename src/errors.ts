/**
 * The catalogue of errors: every failure that a user can meet, with its HTTP status, what happened and what to do about it.
 * `docs/ERRORS.md` is checked against it. Messages may name the user's own paths and numbers, no place on a disk, no secret.
 */
import { CONTENT_ERRORS } from "./errors/contents.ts";
import type { ErrorKind } from "./errors/kind.ts";
import { REQUEST_ERRORS } from "./errors/requests.ts";
import { START_ERRORS } from "./errors/starting.ts";
import { SWARM_ERRORS } from "./errors/swarm.ts";

export const ERRORS = {
  ...REQUEST_ERRORS,
  ...CONTENT_ERRORS,
  ...SWARM_ERRORS,
  ...START_ERRORS,
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorParams = Readonly<Record<string, string | number>>;

/** A failure that a user can meet. Gateways render it; everything else that is thrown is a bug, told as `internal`. */
export class FsdfsError extends Error {
  readonly code: ErrorCode;
  readonly params: ErrorParams;

  constructor(code: ErrorCode, params: ErrorParams = {}, options?: ErrorOptions) {
    super(fill(ERRORS[code].message, params), options);
    this.name = "FsdfsError";
    this.code = code;
    this.params = params;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get hint(): string {
    return fill(ERRORS[this.code].hint, this.params);
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function fill(text: string, params: ErrorParams): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}
