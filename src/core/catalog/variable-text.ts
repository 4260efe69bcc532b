/** Variables as text, as they are typed: `popularity=9`, `genre=rock`, `code="0123"`, `old=` to remove it. */
import { FsdfsError } from "../../errors.ts";
import { checkVariable, type VariableValue } from "./variables.ts";

export interface VariableText {
  readonly name: string;
  /** null: it is to be removed. */
  readonly value: VariableValue | null;
}

/** @throws FsdfsError `variable-invalid` */
export function parseAssignment(text: string): VariableText {
  const end = text.indexOf("=");
  const name = end === -1 ? text : text.slice(0, end);
  if (end === -1) checkVariable(name, null);
  if (end === -1) throw new FsdfsError("variable-invalid", { name, reason: "it has no =VALUE" });
  const rest = text.slice(end + 1);
  checkVariable(name, null);
  const value = rest === "" ? null : parseVariable(name, rest);
  checkVariable(name, value);
  return { name, value };
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** What other languages write for what is no value here. */
const NO_VALUES: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity", "null", "undefined"]);

/** What a number, `true` and `false` look like in JSON is one; a text may stand in double quotes. @throws FsdfsError `variable-invalid` */
export function parseVariable(name: string, text: string): VariableValue {
  if (text === "true" || text === "false") return text === "true";
  if (text.startsWith('"')) return parseQuoted(name, text);
  if (NO_VALUES.has(text)) throw invalid(name, `${text} is no value; a text of these letters stands in double quotes`);
  if (!NUMBER.test(text)) return text;
  const number = Number(text);
  if (!Number.isFinite(number)) throw invalid(name, "a number must be finite");
  if (Number.isInteger(number) && !Number.isSafeInteger(number) && !/[.eE]/.test(text)) {
    throw invalid(name, "a number with so many digits is not kept exactly; a text of them stands in double quotes");
  }
  return number;
}

/** As it is typed, so that `parseVariable` makes the same of it. */
export function formatVariable(value: VariableValue): string {
  if (typeof value !== "string") return String(value);
  const isPlain = /^[^\s"=\p{Cc}]+$/u.test(value) && !NUMBER.test(value) && !NO_VALUES.has(value);
  return isPlain && value !== "true" && value !== "false" ? value : JSON.stringify(value);
}

function parseQuoted(name: string, text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "string") return value;
  } catch {
    // Told below.
  }
  throw invalid(name, "its text does not end with the double quote that it begins with");
}

function invalid(name: string, reason: string): FsdfsError {
  return new FsdfsError("variable-invalid", { name, reason });
}
