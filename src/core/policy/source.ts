/** The text of a policy, before it is run. */
import type { Bytes } from "../catalog/kv.ts";
import { POLICY_BYTES_MAX } from "./policy.ts";

/**
 * Code that would load other code. Between the word and what makes it a call there can be blanks and comments only, each of
 * which is read in one way: else a line of slashes behind the word would take for ever.
 */
const IMPORTS = /\bimport(?:\s|\/\*(?:(?!\*\/)[\s\S])*\*\/|\/\/.*[\n\r\u2028\u2029])*[(.]/;

/** Its text, or why it is none. */
export function policyText(source: Bytes): { readonly text: string } | { readonly why: string } {
  if (source.length > POLICY_BYTES_MAX) return { why: `it has more than ${POLICY_BYTES_MAX / 1024} KB` };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(source) };
  } catch {
    return { why: "it is not UTF-8" };
  }
}

/** Why a text, its types stripped, is not run; undefined when it may be. */
export function whyRefused(javaScript: string): string | undefined {
  return IMPORTS.test(javaScript) ? "import() and import.meta are not for policies, not even in comments" : undefined;
}

export const NO_DEFAULT = "it has no function as its default export";

export const NO_PREFER = "its export prefer is no function";

/** Of all that comes out of where it runs. */
export const NO_SENSE = "it changes what it is asked by, so that its answers make no sense";

export function whyNoImport(specifier: string): string {
  return `it imports ${specifier}: a policy stands alone, and takes types by "import type"`;
}
