/**
 * Gets this server back below what copies may take: below its quota when that was lowered, and below the reserve when uploads
 * have used it, so that the next ones need not wait (S3). Copies above N go; when there are none, others with free room take
 * some over. What was given up does not lie in the trash beyond the quota. Beyond that nothing is given up: a server stays over
 * its quota rather than have too few copies.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { workPositionOf, workRange } from "../../core/catalog/keys.ts";
import type { OwnCopy } from "../../core/replication/making-room.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Space } from "../storage/space.ts";
import type { Trash } from "../storage/trash.ts";
import type { HandOver } from "./hand-over.ts";
import type { RoomMaker } from "./room-maker.ts";
import { LOAD_MAX } from "./throttle.ts";

const IDLE_MS = 5000;
/** After a look in which nothing could go. */
const STUCK_MS = 30_000;
/** Copies of which it is tried, one after the other, whether another server takes them. */
const OFFERED_MAX = 16;

export interface TrimParts {
  readonly catalog: Catalog;
  readonly membership: Membership;
  readonly space: Space;
  readonly trash: Pick<Trash, "keepQuota">;
  readonly roomMaker: RoomMaker;
  readonly handOver: HandOver;
  readonly load: LoadMeter;
  readonly directives: Directives;
}

export function trimUnit(parts: TrimParts): BackgroundUnit {
  return new BackgroundUnit("trim", async (signal): Promise<NextStep> => {
    const { membership, load, space, roomMaker, directives, trash } = parts;
    if (directives.isPaused || membership.isBehind || load.clientLoad() > LOAD_MAX) return { restMs: IDLE_MS };
    await trash.keepQuota();
    const above = space.bytesAbove("pull");
    if (above <= 0) return { restMs: IDLE_MS };
    if ((await roomMaker.giveUp(above)) > 0) return { restMs: 0 };
    if (space.bytesAbove("upload") > 0 && (await giveAwayOne(parts, signal))) return { restMs: 0 };
    return { restMs: STUCK_MS };
  });
}

async function giveAwayOne({ catalog, handOver }: TrimParts, signal: AbortSignal): Promise<boolean> {
  const view = catalog.read();
  const copies: OwnCopy[] = [];
  for (const { key } of view.range({ ...workRange(true), reverse: true, limit: OFFERED_MAX })) {
    const { version, surplus } = workPositionOf(key);
    const copy = readCopy(view, version);
    if (copy !== undefined && copy.staged === undefined) copies.push({ version, surplus, sizeBytes: copy.sizeBytes });
  }
  for (const copy of copies) if (!signal.aborted && (await handOver.giveAway(copy))) return true;
  return false;
}
