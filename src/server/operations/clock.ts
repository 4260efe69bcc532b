/**
 * The clocks of the swarm, and what to do when one of them was wrong (C8). A clock that ran ahead leaves times in the
 * catalog that beat all that is written at the right time, and drags every other server's times along. A repair begins a
 * new epoch (core/catalog/epochs.ts): one record, after which every server's times follow its wall clock again.
 */
import { utf8 } from "../../core/bytes.ts";
import type { ServerId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { ClockOfServer, ClockRepair, ClockStatus } from "../face.ts";
import { afterChange } from "../failures.ts";
import type { Link } from "../mesh/link.ts";
import { CLOCK_SKEW_MAX_MS } from "../mesh/skews.ts";
import type { Parts } from "../parts.ts";
import { sleep } from "../timers.ts";
import { stateOf } from "./servers.ts";

/** Servers that are there have been heard by then: some heartbeats. */
const LEVEL_WAIT_MS = 2500;
const POLL_MS = 100;

export function clock(parts: Parts): ClockStatus {
  const { ports, membership, catalog, settings } = parts;
  const errorMs = membership.clockErrorMs;
  const { clockRepairedMs } = settings;
  const aheadMs = farthestAheadMs(parts);
  return {
    time: isoOf(ports.clock.wall()),
    errorMs: errorMs === undefined ? null : Math.round(errorMs),
    aheadMs,
    epoch: catalog.times.epoch,
    repaired: clockRepairedMs === undefined ? null : isoOf(clockRepairedMs),
    advice: advise(errorMs ?? 0, aheadMs),
    servers: clocks(parts),
  };
}

/** Of those in the roster, and of others that were refused for their clocks. */
function clocks(parts: Parts): ClockOfServer[] {
  const { settings, membership, mesh, catalog } = parts;
  const met = new Map(membership.clocksMet().map((skew) => [skew.server, skew]));
  const ids = new Set<ServerId>([...settings.roster.keys(), ...met.keys(), catalog.self]);
  return [...ids].map((id) => {
    const self = id === catalog.self;
    const skewMs = met.get(id)?.skewMs;
    const ahead = self ? catalog.times.aheadMs : aheadMsOf(parts, mesh.link(id));
    return {
      id,
      name: settings.roster.get(id)?.name ?? met.get(id)?.name ?? (self ? parts.options.name : id),
      self,
      state: settings.roster.has(id) || self ? stateOf(parts, id) : null,
      skewMs: self ? 0 : skewMs === undefined ? null : Math.round(skewMs),
      refused: !self && skewMs !== undefined && Math.abs(skewMs) > CLOCK_SKEW_MAX_MS,
      aheadMs: ahead === undefined ? null : Math.round(ahead),
    };
  });
}

/**
 * Begins a new epoch if times are ahead of the clocks. Every server of the roster has to be there: what one that is away
 * wrote meanwhile would lose against older writes of the new epoch.
 * @throws FsdfsError `clock-wrong`, `clock-repair-refused`, `behind`
 */
export async function repairClock(parts: Parts, withoutAbsent: boolean): Promise<ClockRepair> {
  const { catalog, readiness } = parts;
  readiness.checkClock();
  const missing = await missingServers(parts, withoutAbsent);
  const aheadMs = farthestAheadMs(parts);
  if (aheadMs <= CLOCK_SKEW_MAX_MS) return { repaired: false, aheadMs, epoch: catalog.times.epoch };
  if (missing.length > 0) {
    throw new FsdfsError("clock-repair-refused", { reason: `not level with this server: ${missing.join(", ")}` });
  }
  const number = await catalog.change((change) => {
    change.beginEpoch(utf8(JSON.stringify({ aheadMs })));
    return change.number;
  });
  await afterChange(async () => {
    await catalog.flushed();
    await readiness.known(number);
  });
  await missingServers(parts, withoutAbsent); // So that who looks at the clocks now sees them repaired.
  return { repaired: true, aheadMs, epoch: catalog.times.epoch };
}

/** By how much the times that some server writes are ahead of its clock. */
function farthestAheadMs(parts: Parts): number {
  const others = parts.mesh.upLinks().map((link) => aheadMsOf(parts, link) ?? 0);
  return Math.round(Math.max(parts.catalog.times.aheadMs, ...others));
}

/** Undefined when what the server said last is older than the last repair. */
function aheadMsOf({ catalog }: Parts, link: Link | undefined): number | undefined {
  return link === undefined || link.report.epoch < catalog.times.epoch ? undefined : link.report.aheadMs;
}

/** The names of the servers that are not up and level, in the present epoch. What they say of themselves takes a moment. */
async function missingServers(parts: Parts, withoutAbsent: boolean): Promise<string[]> {
  const { settings, mesh, catalog, membership, ports, ending } = parts;
  const isThere = (id: ServerId) =>
    mesh.isUp(id) && mesh.link(id)?.report.behind === false && aheadMsOf(parts, mesh.link(id)) !== undefined;
  const missing = () =>
    [...settings.roster.values()].filter(
      ({ id }) => id !== catalog.self && !isThere(id) && !(withoutAbsent && membership.isAbsent(id)),
    );
  const deadline = ports.clock.monotonic() + LEVEL_WAIT_MS;
  while (missing().length > 0 && ports.clock.monotonic() < deadline && !ending.aborted) {
    await sleep(ports.clock, POLL_MS, ending);
  }
  return missing().map(({ name }) => name);
}

function advise(errorMs: number, aheadMs: number): string {
  if (Math.abs(errorMs) > CLOCK_SKEW_MAX_MS) {
    return "This server's clock differs from the others', so it takes no changes: timedatectl set-ntp true";
  }
  if (aheadMs > CLOCK_SKEW_MAX_MS) {
    return "What is written is dated in the future, since a clock was wrong. If the clocks are right now: fsdfs clock repair";
  }
  return "The clocks agree, and nothing is dated in the future.";
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
