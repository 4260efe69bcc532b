/** In which incarnation this server writes, as its catalog has it (C6). */
import { ByteReader, ByteWriter } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { ReadView, WriteView } from "../../core/catalog/kv.ts";
import { hybridTimeOf } from "../../core/hybrid-clock.ts";
import type { HybridTime } from "../../core/ids.ts";
import { CHAIN_KEY } from "./chain.ts";

const ORIGIN_KEY = metaKey("origin");
/** A second of hybrid time, over which the first time of an incarnation is spread. */
const FORGOTTEN_TIME = hybridTimeOf(1000);

export function readIncarnation(view: ReadView): HybridTime | undefined {
  const row = view.get(ORIGIN_KEY);
  return row === undefined ? undefined : (new ByteReader(row).uint(7) as HybridTime);
}

export function writeIncarnation(view: WriteView, incarnation: HybridTime): HybridTime {
  view.put(ORIGIN_KEY, new ByteWriter(7).uint(incarnation, 7).finish());
  view.remove(CHAIN_KEY);
  return incarnation;
}

/**
 * How far the first time of an incarnation lies behind its beginning, by `chance` (0 to 1). A catalog that was put back may
 * have forgotten names that it gave (P4). The mark outside of it (name-mark.ts) passes them over; should that be lost as
 * well, chance makes it unlikely that one is given twice.
 */
export function spread(chance: number): number {
  return Math.floor(chance * FORGOTTEN_TIME);
}
