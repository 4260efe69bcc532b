/** What this server's catalog remembers of its own numbering, for others to confirm (C6). */
import { ByteReader, ByteWriter } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView, WriteView } from "../../core/catalog/kv.ts";
import type { OwnLog } from "../../core/catalog/own.ts";
import { times } from "../../core/catalog/rows.ts";

export const CHAIN_KEY: Bytes = metaKey("chain");
/** So many ends of own transactions are remembered with their digests, for peers to confirm (C6). */
const CHAIN_ENDS = 16;

export interface ChainEnd {
  readonly number: number;
  readonly chain: number;
}

function readChainEnds(view: ReadView): ChainEnd[] {
  const row = view.get(CHAIN_KEY);
  if (row === undefined) return [];
  const reader = new ByteReader(row);
  return times(reader.varint(), () => ({ number: reader.varint(), chain: reader.uint(4) }));
}

export type Verdict = "same" | "rolled-back" | "unknown";

/** What another server's knowledge of this one's incarnation says of a catalog that knows `known` records of it. */
export function verdictOn(
  view: ReadView,
  known: number,
  other: { readonly number: number; readonly seen: number; readonly chain: number },
): Verdict {
  if (other.seen > known) return "rolled-back";
  const end = readChainEnds(view).find(({ number }) => number === other.number);
  if (end === undefined || other.chain === 0) return "unknown";
  return end.chain === other.chain ? "same" : "rolled-back";
}

export function rememberChainEnd(view: WriteView, log: OwnLog): void {
  const ends = [...readChainEnds(view), { number: log.number, chain: log.chain }].slice(-CHAIN_ENDS);
  const writer = new ByteWriter(16 * CHAIN_ENDS).varint(ends.length);
  for (const { number, chain } of ends) writer.varint(number).uint(chain, 4);
  view.put(CHAIN_KEY, writer.finish());
}
