/** Looking through files in slices, none of which holds up the event loop. */
import { descendants } from "../../core/catalog/entries.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import type { FilePath } from "../../core/paths.ts";
import type { FileEntry } from "../../core/policy/facts.ts";
import { isGoverned } from "../../core/policy/mark.ts";
import type { Clock } from "../../ports/clock.ts";

/** Files that are evaluated at once. */
export const SLICE_FILES = 250;
/** Entries that are looked at for them, and the time that may take. */
const SLICE_ENTRIES = 1000;
const SLICE_MS = 4;
const CLOCK_EVERY = 16;

export interface WalkSlice {
  readonly files: readonly FileEntry[];
  /** Files that were looked at, those included that are not wanted. */
  readonly seen: number;
  /** Where to go on; undefined at the end. */
  readonly after: FilePath | undefined;
}

/** Files that a policy is asked about, in order of path, from behind `after` on. */
export function walkFiles(
  view: ReadView,
  after: FilePath | undefined,
  clock: Clock,
  isWanted: (path: string) => boolean = () => true,
): WalkSlice {
  const until = clock.monotonic() + SLICE_MS;
  const files: FileEntry[] = [];
  let entries = 0;
  let seen = 0;
  for (const entry of descendants(view, "", after)) {
    // What was deleted is looked at as well, and takes its time.
    if (entry.type === "file" && isGoverned(entry.path)) {
      seen += 1;
      if (isWanted(entry.path)) files.push(entry);
    }
    entries += 1;
    const isLate = entries % CLOCK_EVERY === 0 && clock.monotonic() >= until;
    if (isLate || entries === SLICE_ENTRIES || files.length === SLICE_FILES) {
      return { files, seen, after: entry.path as FilePath };
    }
  }
  return { files, seen, after: undefined };
}
