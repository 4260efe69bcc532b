/** When the last pass under the present policy began here, kept over restarts: else all files would be new ones to it. */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { ReadView, WriteView } from "../../core/catalog/kv.ts";
import type { Stamp } from "../../core/catalog/types.ts";
import { isSameMark, type PolicyMark } from "../../core/policy/mark.ts";

const KEY = metaKey("policy");

interface PassEnd {
  readonly stamp: Stamp;
  readonly beganMs: number;
}

export function writePassEnd(view: WriteView, { stamp }: PolicyMark, beganMs: number): void {
  const row: PassEnd = { stamp, beganMs };
  view.put(KEY, utf8(JSON.stringify(row)));
}

export function readPassEnd(view: ReadView, mark: PolicyMark): number | undefined {
  const row = view.get(KEY);
  if (row === undefined) return undefined;
  const { stamp, beganMs } = JSON.parse(fromUtf8(row)) as PassEnd;
  return isSameMark(mark, { content: undefined, stamp }) ? beganMs : undefined;
}
