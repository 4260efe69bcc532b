/** Conditional requests (RFC 9110, section 13) about a file whose ETag is its version in quotes. */
import type { IncomingHttpHeaders } from "node:http";

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

/** Whether a Range header counts (If-Range): always without a condition, else only for the very same version. */
export function rangeApplies(ifRange: string | undefined, file: Validators): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) return ifRange.trim() === file.etag;
  return file.modifiedMs !== undefined && Date.parse(ifRange) === wholeSeconds(file.modifiedMs);
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
