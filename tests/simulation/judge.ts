/** All oracles, over a swarm at rest. What they find fails the run. */
import type { History } from "./history.ts";
import type { Losses } from "./losses.ts";
import { acknowledgedCopies } from "./oracles/acknowledged.ts";
import { conditionsHeld } from "./oracles/conditions.ts";
import { copies } from "./oracles/copies.ts";
import { equalCatalogs } from "./oracles/equal.ts";
import { namesGivenOnce } from "./oracles/names.ts";
import { exactQuota } from "./oracles/quota.ts";
import { type Calm, readAfterWrite, rightContents } from "./oracles/reads.ts";
import { restorable } from "./oracles/restorable.ts";
import { lastWriters } from "./oracles/variables.ts";
import { winners } from "./oracles/winners.ts";
import type { RestView } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

export interface Evidence {
  readonly swarm: Swarm;
  readonly history: History;
  readonly losses: Losses;
  readonly calms: readonly Calm[];
  readonly view: RestView;
  /** Copies that every file must have reached. */
  readonly copiesWanted: number;
  /** Nothing was destroyed, nobody is away, and there is room for all trash. */
  readonly keepsAll?: boolean;
}

/** Whatever happens. */
const ALWAYS: Calm = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

export function judge({ swarm, history, losses, calms, view, copiesWanted, keepsAll }: Evidence): void {
  const { writeCopies, quotasBytes, strict } = swarm.config;
  // A put may find room on one server only.
  const acknowledged = quotasBytes === undefined ? Math.min(writeCopies, swarm.config.copies) : 1;
  const problems = {
    "equal catalogs": equalCatalogs(view),
    "P3 at the acknowledgement": acknowledgedCopies(history, calms, acknowledged),
    "P3 under --strict": strict
      ? acknowledgedCopies(history, [ALWAYS], Math.min(writeCopies, swarm.config.copies))
      : [],
    P3: winners(history, view, losses, writeCopies),
    V1: lastWriters(history, view, losses, writeCopies),
    C14: conditionsHeld(history, losses, calms, writeCopies),
    copies: copies(view, losses, copiesWanted),
    S3: exactQuota(view),
    P4: rightContents(history),
    "P4, names": namesGivenOnce(history),
    P5: readAfterWrite(history, calms),
    "P5, the trash": keepsAll ? restorable(history, view) : [],
  };
  for (const [rule, messages] of Object.entries(problems)) {
    for (const message of messages) swarm.world.fail(rule, message);
  }
}
