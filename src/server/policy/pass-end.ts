/** When the last pass under the present policy began here, kept over restarts: else all files would be new ones to it. */
import { fromUtf8, readable, utf8 } from "../../core/bytes.ts";
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

/** Undefined: none under this policy, or none that can be read. */
export function readPassEnd(view: ReadView, mark: PolicyMark): number | undefined {
  const row = view.get(KEY);
  if (row === undefined) return undefined;
  const kept = readable(() => JSON.parse(fromUtf8(row)) as PassEnd);
  return kept && isSameMark(mark, { content: undefined, stamp: kept.stamp }) ? kept.beganMs : undefined;
}
