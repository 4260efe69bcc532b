/** The Range header (RFC 9110, section 14), for one range of bytes. */

export type RangeAnswer =
  /** No range, several ranges, or a header to be ignored: the file as a whole. */
  | { readonly kind: "whole" }
  /** Bytes `start` to `end`, exclusive. */
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const WHOLE: RangeAnswer = { kind: "whole" };
const UNSATISFIABLE: RangeAnswer = { kind: "unsatisfiable" };

const SINGLE_RANGE = /^bytes=[\s,]*(\d*)-(\d*)[\s,]*$/i;

export function readRange(header: string | undefined, sizeBytes: number): RangeAnswer {
  const match = header === undefined ? null : SINGLE_RANGE.exec(header);
  if (match === null) return WHOLE;
  const [, first = "", last = ""] = match;
  if (first === "") return last === "" ? WHOLE : suffix(Number(last), sizeBytes);
  if (last !== "" && Number(last) < Number(first)) return WHOLE;
  if (Number(first) >= sizeBytes) return UNSATISFIABLE;
  const end = last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes);
  return { kind: "part", start: Number(first), end };
}

/** The last bytes of an empty file are all of it, and no Content-Range could name them. */
function suffix(lengthBytes: number, sizeBytes: number): RangeAnswer {
  if (lengthBytes === 0) return UNSATISFIABLE;
  if (sizeBytes === 0) return WHOLE;
  return { kind: "part", start: Math.max(sizeBytes - lengthBytes, 0), end: sizeBytes };
}
