/**
 * Which records of other servers may be merged (S7): a path that this server would refuse from a client never becomes a
 * key of its catalog, nor a name on its disk, whoever sends it. A record that is unsound is left out by itself; those
 * that came with it are not.
 */
import { isFilePath } from "../paths.ts";
import { decodeContent, MOVED_KIND } from "./content.ts";
import { CONTENT_FIELD } from "./merge.ts";
import type { CatalogRecord } from "./types.ts";

export interface Separated {
  readonly sound: readonly CatalogRecord[];
  readonly unsound: readonly CatalogRecord[];
}

export function separate(records: readonly CatalogRecord[]): Separated {
  const unsound = records.filter((record) => !isSound(record));
  if (unsound.length === 0) return { sound: records, unsound };
  return { sound: records.filter((record) => !unsound.includes(record)), unsound };
}

function isSound({ key, value }: CatalogRecord): boolean {
  if (key.kind !== "path") return true;
  return isFilePath(key.path) && (key.field !== CONTENT_FIELD || leadsSomewhere(value));
}

/** Of a path that was moved away: that its destination is a path. */
function leadsSomewhere(value: Uint8Array): boolean {
  if (value[0] !== MOVED_KIND) return true;
  try {
    const content = decodeContent(value);
    return content.type !== "deleted" || content.movedTo === undefined || isFilePath(content.movedTo);
  } catch {
    return false;
  }
}
