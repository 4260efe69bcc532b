/** Registers of a path that say only that something is no more: without them nothing else would be told (C7). */
import { isDeletion } from "./content.ts";
import { CONTENT_FIELD } from "./merge.ts";
import type { Register } from "./rows.ts";
import { isUnset, isVariableField } from "./variables.ts";

/** A deletion, or a variable that was removed. */
export function isAbsence({ field, value }: Pick<Register, "field" | "value">): boolean {
  return field === CONTENT_FIELD ? isDeletion(value) : isVariableField(field) && isUnset(value);
}
