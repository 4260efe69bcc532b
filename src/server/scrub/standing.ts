/** Where the scrub stands, kept in the catalog's local rows so that it goes on over restarts. */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { VersionId } from "../../core/ids.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Looked } from "./rehash.ts";

const SCRUB_KEY = metaKey("scrub");
const FORMAT = 1;

/** What was looked at, and how it was. Times are by the wall clock, in milliseconds. */
export interface Tally {
  readonly beganMs: number;
  readonly files: number;
  readonly bytes: number;
  readonly bad: number;
  readonly missing: number;
  readonly unreadable: number;
}

export interface Standing {
  /** The cycle under way, or the last one while the next has not begun. */
  readonly cycle: Tally;
  /** The last copy that was looked at, in the order of their versions. */
  readonly after: VersionId | undefined;
  /** The last cycle that came to its end. */
  readonly last: (Tally & { readonly endedMs: number }) | undefined;
}

export function beginning(nowMs: number, last?: Standing["last"]): Standing {
  return { cycle: { beganMs: nowMs, files: 0, bytes: 0, bad: 0, missing: 0, unreadable: 0 }, after: undefined, last };
}

export function counted(cycle: Tally, { verdict, sizeBytes }: Looked): Tally {
  const looked = { ...cycle, files: cycle.files + 1, bytes: cycle.bytes + sizeBytes };
  if (verdict === "good" || verdict === "changed") return looked;
  return { ...looked, [verdict]: looked[verdict] + 1 };
}

export function readStanding(store: CatalogStore): Standing | undefined {
  const row = store.read().get(SCRUB_KEY);
  if (row === undefined) return undefined;
  const { format, ...standing } = JSON.parse(fromUtf8(row)) as Standing & { readonly format: number };
  return format === FORMAT ? standing : undefined;
}

export async function writeStanding(store: CatalogStore, standing: Standing): Promise<void> {
  await store.write((view) => view.put(SCRUB_KEY, utf8(JSON.stringify({ format: FORMAT, ...standing }))));
}
