/** Variables as the client sends them. */
import { parsePath } from "../core/paths.ts";
import { FsdfsError } from "../errors.ts";
import type { VariableChange, VariableChanges, VariableFailure } from "../server/face.ts";

/** What came of setting many; the first 1,000 errors. */
export interface VariablesChanged {
  readonly lines: number;
  readonly changed: number;
  readonly failed: number;
  /** `line` counts from 1 on. */
  readonly errors: readonly ({ readonly line: number } & VariableFailure)[];
}

/** JSON would make null of them, which removes a variable. @throws FsdfsError `variable-invalid` */
export function checkNumbers(changes: VariableChanges): void {
  for (const [name, value] of Object.entries(changes)) checkNumber(name, value);
}

/** A line for each, as `POST /variables` takes them. @throws FsdfsError `path-invalid`, `variable-invalid` */
export function linesOf(changes: readonly VariableChange[]): string {
  return changes.map(lineOf).join("");
}

function lineOf({ path, name, value }: VariableChange): string {
  checkNumber(name, value);
  if (/[=\n]/.test(name)) throw invalid(name, "a name has neither = nor a line feed"); // It would be another line.
  if (value === undefined || (typeof value === "object" && value !== null)) {
    throw invalid(name, "it must be a number, a text, true or false");
  }
  const parsed = parsePath(path);
  const shown = /^"|\p{Cc}/u.test(parsed) ? JSON.stringify(parsed) : parsed;
  return `${shown}\t${name}=${value === null ? "" : JSON.stringify(value)}\n`;
}

function checkNumber(name: string, value: unknown): void {
  if (typeof value !== "number" || Number.isFinite(value)) return;
  throw invalid(name, "a number must be finite");
}

function invalid(name: string, reason: string): FsdfsError {
  return new FsdfsError("variable-invalid", { name, reason });
}
