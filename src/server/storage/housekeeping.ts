/** Small chores of the data directory: files that must move or go, old trash, uploads nobody committed, pulls nobody goes on with. */

import { readCopy } from "../../core/catalog/copies.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Copies } from "./copies.ts";
import type { Partials } from "./partials.ts";
import type { Settler } from "./settle.ts";
import type { Trash } from "./trash.ts";
import type { Uploads } from "./uploads.ts";

const SETTLED_AT_ONCE = 100;
const IDLE_MS = 2000;
/** What cannot be settled yet (T3) is looked at again after this. */
const STUCK_MS = 250;
const CHORES_MS = 30_000;

/** Settles whatever the catalog's changes have left to do. */
export function settleUnit(settler: Settler, catalog: Catalog, membership: Membership): BackgroundUnit {
  const unit = new BackgroundUnit("settle files", async (signal): Promise<NextStep> => {
    if (catalog.origin === undefined || membership.isBehind) return { restMs: STUCK_MS };
    const pending = settler.pending(SETTLED_AT_ONCE);
    if (pending.length === 0) return { restMs: IDLE_MS };
    for (const version of pending) {
      if (signal.aborted) break;
      if (settler.isPending(version)) await settler.settle(version);
    }
    const left = settler.pending(SETTLED_AT_ONCE);
    if (left.length === 0) return { restMs: IDLE_MS };
    return { restMs: left.some((version) => !pending.includes(version)) ? 0 : STUCK_MS };
  });
  catalog.onChange(() => unit.wake());
  return unit;
}

export interface ChoresParts {
  readonly trash: Trash;
  readonly uploads: Uploads;
  readonly copies: Copies;
  readonly partials: Partials;
  readonly catalog: Catalog;
}

export function choresUnit({ trash, uploads, copies, partials, catalog }: ChoresParts): BackgroundUnit {
  return new BackgroundUnit("chores", async (): Promise<NextStep> => {
    await uploads.expire();
    await partials.tidy((version) => isWanted(catalog, version));
    await copies.recheckDoubtful();
    await trash.purgeOld();
    await trash.levelling.levelWhenDue();
    return { restMs: CHORES_MS };
  });
}

/** Whether this server has yet to copy a version. A catalog that is being taken anew says nothing of it (C7). */
export function isWanted(catalog: Catalog, version: VersionId): boolean {
  if (catalog.isTaking) return true;
  const view = catalog.read();
  return readVersionRow(view, version).paths.length > 0 && readCopy(view, version) === undefined;
}
