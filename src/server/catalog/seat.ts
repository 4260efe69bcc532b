/** What this server's catalog remembers of its seat among those who decide conditions (C14): mesh/seat.ts. */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { nameOfSettingKey, SEAT_KEY, settingKey, settingsRange } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView } from "../../core/catalog/kv.ts";
import type { HybridTime, ServerId, SwarmId } from "../../core/ids.ts";

/** Of the settings in which each server says who it is. */
export const ROSTER_PREFIX = "roster/";
/** Of the settings that say which servers were removed. */
export const REMOVED_PREFIX = "removed/";

export interface SeatRow {
  /** This server's roster holds all that had a seat in this swarm before it. */
  readonly swarm: SwarmId;
  /** In which it took its seat; 0 while it has none. */
  readonly incarnation: HybridTime;
}

export function readSeat(view: ReadView): SeatRow | undefined {
  const row = view.get(SEAT_KEY);
  return row === undefined ? undefined : (JSON.parse(fromUtf8(row)) as SeatRow);
}

export function encodeSeat(row: SeatRow): Bytes {
  return utf8(JSON.stringify(row));
}

/** The roster as one state of the catalog has it: what a change decides by. */
export function* rosterIn(view: ReadView): Generator<ServerId> {
  for (const { key } of view.range(settingsRange(ROSTER_PREFIX))) {
    const server = nameOfSettingKey(key).slice(ROSTER_PREFIX.length) as ServerId;
    if (view.get(settingKey(`${REMOVED_PREFIX}${server}`)) === undefined) yield server;
  }
}
