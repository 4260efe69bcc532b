/** Conditional requests (RFC 9110, section 13) about a file whose ETag is its version in quotes. */
import type { IncomingHttpHeaders } from "node:http";
import type { Conditions } from "../../core/conditions.ts";
import { FsdfsError } from "../../errors.ts";

export interface Validators {
  readonly etag: string;
  /** Milliseconds since the Unix epoch; undefined when unknown. */
  readonly modifiedMs: number | undefined;
}

export type Verdict = "proceed" | "not-modified" | "failed";

/** What a GET or HEAD is to be answered with, in the order of precedence of section 13.2.2. */
export function evaluateConditions(headers: IncomingHttpHeaders, file: Validators): Verdict {
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined) {
    if (!lists(ifMatch, file.etag, "strong")) return "failed";
  } else if (changedSince(headers["if-unmodified-since"], file) === true) return "failed";

  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) return lists(ifNoneMatch, file.etag, "weak") ? "not-modified" : "proceed";
  return changedSince(headers["if-modified-since"], file) === false ? "not-modified" : "proceed";
}

/**
 * Whether a Range header counts (If-Range): always without a condition, else only for the very same version. A date never
 * tells that: versions of one second have the same, and of an older one that is moved or restored it goes back (RFC 9110, 13.1.5).
 */
export function rangeApplies(ifRange: string | undefined, { etag }: Validators): boolean {
  return ifRange === undefined || ifRange.trim() === etag;
}

/** They would change what a write means, and fsdfs does not do it: better refused than ignored. */
const UNSUPPORTED_HEADERS = ["content-range", "if-unmodified-since"] as const;
const ENTITY_TAGS = /^(?:W\/)?"[^"]*"(?:[ \t]*,[ \t]*(?:W\/)?"[^"]*")*$/;

/**
 * What a PUT or DELETE is made conditional on (C14); undefined when on nothing.
 *
 * @throws FsdfsError `argument-invalid`
 */
export function writeConditions(headers: IncomingHttpHeaders, method: string): Conditions | undefined {
  refuse(UNSUPPORTED_HEADERS, headers, method);
  const ifMatch = tagsOf("If-Match", headers["if-match"], "strong");
  const ifNoneMatch = tagsOf("If-None-Match", headers["if-none-match"], "weak");
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return { ...(ifMatch !== undefined && { ifMatch }), ...(ifNoneMatch !== undefined && { ifNoneMatch }) };
}

/** Of a write that is never conditional. @throws FsdfsError `argument-invalid` */
export function refuseConditions(headers: IncomingHttpHeaders, method: string): void {
  refuse(["if-match", "if-none-match", ...UNSUPPORTED_HEADERS], headers, method);
}

function refuse(names: readonly string[], headers: IncomingHttpHeaders, method: string): void {
  const name = names.find((each) => headers[each] !== undefined);
  if (name === undefined) return;
  throw new FsdfsError("argument-invalid", { name, reason: `a ${method} cannot have this header` });
}

/** The versions that a header names: a weak tag matches in the weak comparison only (RFC 9110, 8.8.3.2). */
function tagsOf(name: string, header: string | undefined, comparison: "strong" | "weak"): "*" | string[] | undefined {
  if (header === undefined) return undefined;
  const value = header.trim();
  if (value === "*") return "*";
  if (!ENTITY_TAGS.test(value))
    throw new FsdfsError("argument-invalid", { name, reason: 'neither * nor a list of "ETags"' });
  const tags = value.match(ENTITY_TAG) ?? [];
  const counting = tags.filter((tag) => comparison === "weak" || !tag.startsWith("W/"));
  return counting.map((tag) => tag.replace(/^W\//, "").slice(1, -1));
}

const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

function lists(header: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (header.trim() === "*") return true;
  const tags = header.match(ENTITY_TAG) ?? [];
  return tags.some((tag) => (comparison === "weak" ? tag.replace(/^W\//, "") : tag) === etag);
}

/** Undefined when there is no date, or none that can be read: the condition is ignored then. */
function changedSince(date: string | undefined, file: Validators): boolean | undefined {
  const sinceMs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(sinceMs) || file.modifiedMs === undefined) return undefined;
  return wholeSeconds(file.modifiedMs) > sinceMs;
}

/** HTTP dates have whole seconds. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
