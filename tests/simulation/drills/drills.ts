/** All drills. Each is green for every seed, and red for some as soon as the rule it attacks is broken. */
import { abandonedMerge } from "./abandoned-merge.ts";
import { adoption } from "./adoption.ts";
import { ailing } from "./ailing.ts";
import { damaged, strangers } from "./catalogs.ts";
import { changedQuotas } from "./changed-quotas.ts";
import { wrongClocks } from "./clocks.ts";
import { conditions } from "./conditions.ts";
import { conflicts } from "./conflicts.ts";
import { cutPulls } from "./cut-pulls.ts";
import { edited, planted, rotten, vanished } from "./disks.ts";
import { draining } from "./draining.ts";
import { cutDrops, drops, emptyPromises, toTheTrash } from "./drops.ts";
import { slowToLearn } from "./freshness.ts";
import { fullDisks, handOver, swap, youngCopies } from "./full-disks.ts";
import { busy, silent, slowAnswers } from "./liveness.ts";
import { merging } from "./merging.ts";
import { moves } from "./moves.ts";
import { names, unmounted } from "./names.ts";
import { policy } from "./policy.ts";
import { blackout, failedSyncs, lastOneLeft } from "./power.ts";
import { firstCopies, madeRoom, preferences, preferredPlaces, preferredTaker } from "./preferences.ts";
import { announced, backoff, givenUp } from "./pulls.ts";
import { goneForGood, lostInACut, trashAndCopies } from "./restoring.ts";
import { forwarding, returning } from "./returning.ts";
import { scrubbed, verified } from "./scrub.ts";
import type { Drill } from "./stage.ts";
import { strict } from "./strict.ts";
import { scarceRoom } from "./trash.ts";
import { removedVariables, variables } from "./variables.ts";
import { zones } from "./zones.ts";

export const DRILLS: readonly Drill[] = [
  blackout,
  failedSyncs,
  lastOneLeft,
  strict,
  returning,
  forwarding,
  edited,
  planted,
  rotten,
  scrubbed,
  verified,
  ailing,
  vanished,
  adoption,
  slowToLearn,
  moves,
  drops,
  cutDrops,
  emptyPromises,
  toTheTrash,
  draining,
  zones,
  preferences,
  preferredPlaces,
  firstCopies,
  madeRoom,
  preferredTaker,
  scarceRoom,
  lostInACut,
  goneForGood,
  trashAndCopies,
  names,
  unmounted,
  damaged,
  strangers,
  merging,
  abandonedMerge,
  wrongClocks,
  conditions,
  conflicts,
  slowAnswers,
  silent,
  busy,
  announced,
  backoff,
  givenUp,
  cutPulls,
  fullDisks,
  changedQuotas,
  handOver,
  swap,
  youngCopies,
  variables,
  removedVariables,
  policy,
];

export function drillNamed(name: string): Drill {
  const drill = DRILLS.find((each) => each.name === name);
  if (drill === undefined)
    throw new Error(`no drill is called "${name}"; there are ${DRILLS.map((d) => d.name).join(", ")}`);
  return drill;
}
