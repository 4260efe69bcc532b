/**
 * Epochs of the swarm's clock (C8). A write carries the epoch in which it was made and beats all writes of earlier ones,
 * whatever their times. `fsdfs clock repair` begins the next epoch: so a clock that was years ahead decides nothing any
 * more, though no record of its time was touched.
 *
 * An epoch begins with a setting of its number, whose stamp is the first of the epoch. Nothing that was written before
 * can be younger than that: where it says so, the epoch's beginning is shown in its place (`writtenAt`).
 */
import type { HybridTime } from "../ids.ts";
import { settingsRange } from "./keys.ts";
import type { ReadView } from "./kv.ts";
import { decodeRegisters } from "./rows.ts";
import { TARGET_FIELD } from "./surplus.ts";
import type { RegisterKey, Stamp } from "./types.ts";

/** When each epoch but the first began, by its number. */
export type Epochs = ReadonlyMap<number, HybridTime>;

/** N's rank has the epoch above the time of the policy, in milliseconds: those end in 2248, as hybrid times do. */
const POLICY_TIMES = 2 ** 43;
/** N's rank is a safe integer up to here. */
export const EPOCH_MAX = 2 ** 10 - 1;
const SETTINGS = "clock/";

export function epochSetting(epoch: number): string {
  return `${SETTINGS}${epoch}`;
}

/** The rank of a write that is made in an epoch; for N, of one that no policy gave. */
export function rankIn(epoch: number, key: RegisterKey): number {
  return isTarget(key) ? epoch * POLICY_TIMES : epoch;
}

/** The rank of N as the policy of that time says it, in milliseconds since the Unix epoch. */
export function policyRank(epoch: number, policyMs: number): number {
  return epoch * POLICY_TIMES + policyMs;
}

/** The epoch in which a write was made. */
export function epochOf(key: RegisterKey, { rank }: Stamp): number {
  return isTarget(key) ? Math.floor(rank / POLICY_TIMES) : rank;
}

export function readEpochs(view: ReadView): Epochs {
  const epochs = new Map<number, HybridTime>();
  for (const { value } of view.range(settingsRange(SETTINGS))) {
    const [register] = decodeRegisters(value);
    if (register !== undefined) epochs.set(register.stamp.rank, register.stamp.time);
  }
  return epochs;
}

/** When a content was written, at the latest: its stamp's time, or the beginning of a later epoch that is before that. */
export function writtenAt({ rank, time }: Pick<Stamp, "rank" | "time">, epochs: Epochs): HybridTime {
  let latest = time;
  for (const [epoch, began] of epochs) if (epoch > rank && began < latest) latest = began;
  return latest;
}

/**
 * When a version was made, at the latest: one that was moved, or taken over from another swarm (C11), has its name from
 * before its content was written here; one that a wrong clock named has not.
 */
export function madeAt(nameTime: HybridTime, written: HybridTime): HybridTime {
  return nameTime < written ? nameTime : written;
}

function isTarget(key: RegisterKey): boolean {
  return key.kind === "path" && key.field === TARGET_FIELD;
}
