/**
 * Which records of other servers may be merged (S7): what this server would take from no client never becomes a key of its
 * catalog, nor a name on its disk, and what it cannot read stops nothing, whoever sends it. All servers that speak to each
 * other know the same kinds, so one that is unknown is damage like any other. A record that is unsound is left out by
 * itself; those that came with it are not.
 */
import { compareBytes, fromUtf8, readable } from "../bytes.ts";
import { isHybridTime } from "../hybrid-clock.ts";
import { isFilePath } from "../paths.ts";
import { decodeContent } from "./content.ts";
import { EPOCH_MAX, epochOf } from "./epochs.ts";
import { entryKey, LOG_NUMBER_MAX, settingKey } from "./keys.ts";
import type { Bytes, ReadView } from "./kv.ts";
import { CONTENT_FIELD } from "./merge.ts";
import type { Register } from "./rows.ts";
import { readTarget, TARGET_FIELD } from "./surplus.ts";
import { readRegister } from "./transaction.ts";
import type { CatalogRecord, RegisterKey } from "./types.ts";

/** The longest that there is has some 30 characters. */
const SETTING_NAME_LENGTH_MAX = 256;

export interface Separated {
  readonly sound: readonly CatalogRecord[];
  readonly unsound: readonly CatalogRecord[];
}

export function separate(records: readonly CatalogRecord[]): Separated {
  const unsound = records.filter((record) => !isSound(record));
  if (unsound.length === 0) return { sound: records, unsound };
  return { sound: records.filter((record) => !unsound.includes(record)), unsound };
}

/**
 * Whether a record says of a write that is known here something else than is known: one of the two is damaged. Merging
 * would choose by the bytes, and might have all servers take the wrong one, by which no copy is right any more (P4).
 */
export function contradicts(view: ReadView, { key, stamp, value }: CatalogRecord): boolean {
  if (stamp === undefined) return false;
  const present = readable(() => presentRegister(view, key));
  if (present === undefined || !isReadable(key, present.value)) return false; // Whatever is known elsewhere is better.
  const { rank, time, server } = present.stamp;
  const isSameWrite = rank === stamp.rank && time === stamp.time && server === stamp.server;
  return isSameWrite && compareBytes(present.value, value) !== 0;
}

function presentRegister(view: ReadView, key: RegisterKey): Register | undefined {
  if (key.kind === "path") return readRegister(view, entryKey(key.path), key.field);
  return key.kind === "setting" ? readRegister(view, settingKey(key.name), "") : undefined;
}

function isSound({ key, stamp, value, origin, number }: CatalogRecord): boolean {
  if (number < 1 || number > LOG_NUMBER_MAX || !isHybridTime(origin.incarnation)) return false;
  // From a time beyond these no clock could go on, and names of versions would be given twice.
  if (stamp !== undefined && (!isHybridTime(stamp.time) || epochOf(key, stamp) > EPOCH_MAX)) return false;
  return isReadable(key, value);
}

function isReadable(key: RegisterKey, value: Bytes): boolean {
  switch (key.kind) {
    case "holding":
      return true;
    case "setting":
      return key.name !== "" && key.name.length <= SETTING_NAME_LENGTH_MAX && isJson(value);
    case "path":
      if (!isFilePath(key.path) || key.field === "") return false;
      if (key.field === CONTENT_FIELD) return isContent(value);
      return key.field !== TARGET_FIELD || readTarget(value) !== undefined;
  }
}

/** And of a path that was moved away, that its destination is a path. */
function isContent(value: Bytes): boolean {
  const content = readable(() => decodeContent(value));
  if (content?.type !== "deleted") return content !== undefined;
  return content.movedTo === undefined || isFilePath(content.movedTo);
}

function isJson(value: Bytes): boolean {
  return readable(() => JSON.parse(fromUtf8(value)) as unknown) !== undefined;
}
