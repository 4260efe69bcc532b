/**
 * Variables: the user's own values on a file, by name. Each is a register of its path by itself (C1): the last writer of
 * one wins, and no PUT or move restates any. One that is removed says so, until that is collected (C7). They belong to the
 * file: one that comes to be at a path where a file was before has those removed that it left
 * (server/operations/variables.ts).
 */
import { FsdfsError } from "../../errors.ts";
import { ByteWriter, utf8 } from "../bytes.ts";
import type { Bytes } from "./kv.ts";
import { type Register, VARIABLE_PREFIX } from "./rows.ts";

export type VariableValue = number | string | boolean;
/** By name. */
export type Variables = Readonly<Record<string, VariableValue>>;

/** More than any use that is known; all of a file's are read whenever it is described. */
export const VARIABLES_MAX = 64;
/** Names that a path takes in all, those included whose variables were removed, until that is forgotten (C7). */
export const VARIABLE_NAMES_MAX = 256;
export const VARIABLE_NAME_BYTES_MAX = 64;
export const VARIABLE_VALUE_BYTES_MAX = 256;

const NAME_REASON = `a name has up to ${VARIABLE_NAME_BYTES_MAX} letters, digits and _ . - and begins with a letter or _`;
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** The first byte of a value; what a later fsdfs may have besides is taken for no value. */
const KIND = { unset: 0, false: 1, true: 2, number: 3, string: 4 } as const;

const NUMBER_BYTES = 9;

export const UNSET: Bytes = Uint8Array.of(KIND.unset);

/** A name has letters, digits and `_ . -`, and begins with a letter or `_`. */
export function isVariableName(name: string): boolean {
  return name.length <= VARIABLE_NAME_BYTES_MAX && NAME.test(name);
}

/** Why it cannot be a variable's value; undefined when it can. */
export function variableValueProblem(value: unknown): string | undefined {
  switch (typeof value) {
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : "a number must be finite";
    case "string":
      if (!value.isWellFormed()) return "a text must be Unicode";
      return Buffer.byteLength(value) <= VARIABLE_VALUE_BYTES_MAX
        ? undefined
        : `a text has at most ${VARIABLE_VALUE_BYTES_MAX} bytes`;
    default:
      return "it must be a number, a text, true or false";
  }
}

/** @param value null: it is to be removed. @throws FsdfsError `variable-invalid` */
export function checkVariable(name: string, value: unknown): void {
  if (!isVariableName(name)) throw new FsdfsError("variable-invalid", { name: cut(name), reason: NAME_REASON });
  const problem = value === null ? undefined : variableValueProblem(value);
  if (problem !== undefined) throw new FsdfsError("variable-invalid", { name, reason: problem });
}

/** A message is not to be as long as what is wrong. */
function cut(name: string): string {
  return name.length <= VARIABLE_NAME_BYTES_MAX ? name : `${name.slice(0, VARIABLE_NAME_BYTES_MAX)}…`;
}

/** The field of a variable's register. */
export function variableField(name: string): string {
  return VARIABLE_PREFIX + name;
}

export function isVariableField(field: string): boolean {
  return field.startsWith(VARIABLE_PREFIX);
}

/** Whether a register's value says that the variable was removed. */
export function isUnset(value: Bytes): boolean {
  return value[0] === KIND.unset;
}

/** @param value a sound one (`variableValueProblem`) */
export function encodeVariable(value: VariableValue): Bytes {
  if (typeof value === "boolean") return Uint8Array.of(value ? KIND.true : KIND.false);
  if (typeof value === "string") return new ByteWriter(1 + value.length).u8(KIND.string).raw(utf8(value)).finish();
  const bytes = new Uint8Array(NUMBER_BYTES);
  bytes[0] = KIND.number;
  // -0 is written as 0: JSON does not tell them apart.
  new DataView(bytes.buffer).setFloat64(1, value + 0);
  return bytes;
}

/** Undefined: it is unset, or of a kind that is not known here. One that is damaged spoils no listing. */
export function decodeVariable(bytes: Bytes): VariableValue | undefined {
  switch (bytes[0]) {
    case KIND.false:
      return false;
    case KIND.true:
      return true;
    case KIND.number:
      if (bytes.length !== NUMBER_BYTES) return undefined;
      return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(1);
    case KIND.string:
      return Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1).toString();
    default:
      return undefined;
  }
}

/** Of a live file, from its registers; in order of name. */
export function variablesOf(registers: readonly Register[]): ReadonlyMap<string, VariableValue> {
  const found: [string, VariableValue][] = [];
  for (const { field, value } of registers) {
    if (!isVariableField(field)) continue;
    const decoded = decodeVariable(value);
    if (decoded !== undefined) found.push([field.slice(VARIABLE_PREFIX.length), decoded]);
  }
  return new Map(found.length > 1 ? found.sort(([a], [b]) => (a < b ? -1 : 1)) : found);
}

/** The same as an object without a prototype, so that no name means anything in it; undefined when there are none. */
export function variablesObject(registers: readonly Register[]): Variables | undefined {
  const variables = registers.some(({ field }) => isVariableField(field)) ? variablesOf(registers) : NONE;
  if (variables.size === 0) return undefined;
  const object: Record<string, VariableValue> = Object.create(null);
  for (const [name, value] of variables) object[name] = value;
  return object;
}

const NONE: ReadonlyMap<string, VariableValue> = new Map();
