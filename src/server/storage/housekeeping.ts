/** Small chores of the data directory: files that must move or go, old trash, uploads nobody committed, pulls nobody goes on with. */

import { readCopy } from "../../core/catalog/copies.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Copies } from "./copies.ts";
import type { Partials } from "./partials.ts";
import type { PassedOn } from "./passed-on.ts";
import type { Settler } from "./settle.ts";
import type { Trash } from "./trash.ts";
import type { Uploads } from "./uploads.ts";

const SETTLED_AT_ONCE = 100;
const IDLE_MS = 2000;
/** What cannot be settled yet (T3) is looked at again after this, for each hundred of them. */
const STUCK_MS = 250;
const CHORES_MS = 30_000;

/**
 * Settles whatever the catalog's changes have left to do, in walks through all of it: what cannot be settled, for now or for
 * ever, keeps nothing behind it waiting.
 */
export function settleUnit(settler: Settler, catalog: Catalog, membership: Membership): BackgroundUnit {
  /** Where the walk goes on; undefined: at the beginning. */
  let after: VersionId | undefined;
  let steps = 0;
  const unit = new BackgroundUnit("settle files", async (signal): Promise<NextStep> => {
    if (catalog.origin === undefined || membership.isBehind) return { restMs: STUCK_MS };
    const pending = settler.pending(SETTLED_AT_ONCE, after);
    after = pending.length < SETTLED_AT_ONCE ? undefined : pending.at(-1);
    steps += 1;
    await settleAll(settler, pending, signal);
    if (after !== undefined) return { restMs: 0 };
    const restMs = settler.pending(1).length === 0 ? IDLE_MS : STUCK_MS * steps;
    steps = 0;
    return { restMs };
  });
  catalog.onChange(() => unit.wake());
  return unit;
}

/** @throws what the first threw that could not be settled, when all were tried */
async function settleAll(settler: Settler, versions: readonly VersionId[], signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const version of versions) {
    if (signal.aborted) return;
    if (settler.isPending(version)) await settler.settle(version).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

export interface ChoresParts {
  readonly trash: Trash;
  readonly uploads: Uploads;
  readonly copies: Copies;
  readonly partials: Partials;
  readonly passedOn: PassedOn;
  readonly catalog: Catalog;
  readonly membership: Pick<Membership, "isBehind" | "clockErrorSeconds">;
}

export function choresUnit(parts: ChoresParts): BackgroundUnit {
  const { trash, uploads, copies, partials, passedOn, catalog, membership } = parts;
  return new BackgroundUnit("chores", async (): Promise<NextStep> => {
    await uploads.expire();
    await partials.tidy((version) => isWanted(catalog, version));
    await copies.recheckDoubtful();
    // Until others have confirmed the time, nothing is old: a clock that was set ahead would cost all of the trash (S2).
    if (!membership.isBehind && membership.clockErrorSeconds === undefined) {
      await trash.purgeOld();
      await passedOn.forgetOld();
    }
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
