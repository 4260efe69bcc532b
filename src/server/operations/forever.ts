/** Versions that are to lie in no trash: each write of a path says on which of them were deleted there. */

import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import type { Content } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";

/** The last so many of one path, of 13 bytes each, for servers that are down while it is written again and again. */
const FOREVER_MAX = 8;

/** What comes to a path, with what was deleted there forever: whoever hears of it may never see the deletions. */
export function withForever(view: ReadView, path: FilePath, content: Exclude<Content, { type: "deleted" }>): Content {
  const lying = content.type === "file" ? content.version : undefined;
  return { ...content, forever: foreverAt(view, path, lying, content.forever) };
}

/** What the next write at a path is to say; `lying` is there by it, and `more` is added. */
export function foreverAt(
  view: ReadView,
  path: FilePath,
  lying?: VersionId,
  more: readonly VersionId[] = [],
): readonly VersionId[] | undefined {
  const before = contentOf(readRegisters(view, entryKey(path)))?.forever ?? [];
  const versions = [...before.filter((version) => version !== lying), ...more].slice(-FOREVER_MAX);
  return versions.length === 0 ? undefined : versions;
}
