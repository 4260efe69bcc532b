/** Versions that are to lie in no trash: each write of a path says on which of them were deleted there. */

import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";

/** The last so many of one path, of 13 bytes each, for servers that are down while it is written again and again. */
const FOREVER_MAX = 8;

/** What the next write at a path is to say; `restored` lies there by it, and `more` is added. */
export function foreverAt(
  view: ReadView,
  path: FilePath,
  restored?: VersionId,
  more: readonly VersionId[] = [],
): readonly VersionId[] | undefined {
  const content = contentOf(readRegisters(view, entryKey(path)));
  const before = content === undefined || content.type === "directory" ? [] : (content.forever ?? []);
  const versions = [...before.filter((version) => version !== restored), ...more].slice(-FOREVER_MAX);
  return versions.length === 0 ? undefined : versions;
}
