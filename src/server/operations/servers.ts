/** What the swarm is like: its servers, its health, and what each server holds. */
import { logKey, numberOfLogKey, workPositionOf, workRange } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { decodePointer } from "../../core/catalog/log.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { isServerId, type ServerId, type VersionId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { SeenServer } from "../events/events.ts";
import type {
  AlarmInfo,
  ForecastInfo,
  Health,
  HolderInfo,
  ScrubInfo,
  ServerFilesPage,
  ServerInfo,
  ServerSettingsInfo,
  ServerState,
  StrangersInfo,
  SwarmStatus,
} from "../face.ts";
import type { ServerReport } from "../mesh/messages.ts";
import type { Parts } from "../parts.ts";
import type { ScrubReport } from "../scrub/scrubber.ts";
import type { RosterEntry } from "../settings.ts";
import { contentOfVersion } from "../storage/copies.ts";
import type { DiskAlarm } from "../storage/disk-watch.ts";

const FILES_DEFAULT = 1000;
const FILES_MAX = 10_000;

/** What this server tells others of itself, and shows to users. */
export function ownReport(parts: Parts): ServerReport {
  const { catalog, space, puller, ports, readiness, mesh, seat } = parts;
  const view = catalog.read();
  const { copies } = catalog.stats();
  const maxSurplus = lastSurplus(view, true);
  const drain = parts.drain.report();
  const scrub = parts.scrubber.report;
  const diskAlarm = parts.disk.alarm;
  const noRoom = space.roomBytes("pull") <= 0;
  return {
    process: mesh.process,
    wallMs: ports.clock.wall(),
    incarnation: catalog.origin?.incarnation ?? (0 as ServerReport["incarnation"]),
    number: catalog.ownFlushedNumber,
    load: ports.load.load(),
    quotaBytes: space.quotaBytes,
    usedBytes: space.usedBytes(),
    roomBytes: Math.max(0, space.roomBytes("upload")),
    copies,
    maxSurplus: maxSurplus ?? null,
    full: maxSurplus !== undefined && maxSurplus <= 0 && noRoom,
    pulls: puller.announced(),
    behind: readiness.isBehind,
    ...(drain === undefined ? {} : { drain }),
    ...(scrub === undefined ? {} : { scrub }),
    ...(diskAlarm === undefined ? {} : { diskAlarm }),
    ...(parts.policy.evaluation.lacksPolicy ? { lacksPolicy: true } : {}),
    roster: seat.roster,
    anchored: seat.isAnchored,
    epoch: catalog.times.epoch,
    aheadMs: Math.round(catalog.times.aheadMs),
  };
}

export function health(parts: Parts): Health {
  const ready = parts.readiness.isBehind ? "behind" : "ok";
  const status = parts.ending.aborted ? "stopping" : parts.removal.isRemoved ? "removed" : ready;
  const { name, softwareVersion } = parts.options;
  return { status, server: parts.catalog.self, name, swarmPort: parts.mesh.port, softwareVersion };
}

/** A server of the roster as those see it who are to read from it; undefined when it is not in the roster. */
export function describeServer(parts: Parts, server: ServerId): HolderInfo | undefined {
  const entry = parts.settings.roster.get(server);
  if (entry === undefined) return undefined;
  const self = server === parts.catalog.self;
  const load = self ? parts.ports.load.load() : (parts.mesh.link(server)?.report.load ?? 1);
  return {
    id: server,
    name: entry.name,
    url: urlOf(parts, entry),
    state: stateOf(parts, server),
    zone: entry.zone,
    load,
  };
}

/** The same, with its alarms, for who watches; none when it is not in the roster. */
export function seenServer(parts: Parts, server: ServerId): SeenServer[] {
  const described = describeServer(parts, server);
  if (described === undefined) return [];
  const alarm = server === parts.catalog.self ? parts.disk.alarm : parts.mesh.link(server)?.report.diskAlarm;
  return [{ ...described, alarms: alarmsOf(parts, described, alarm) }];
}

export function status(parts: Parts): SwarmStatus {
  const { catalog, identity, settings } = parts;
  const { files, bytes, deletions } = catalog.stats();
  const view = catalog.read();
  const surpluses = [firstSurplus(view, false), firstSurplus(view, true)].filter((surplus) => surplus !== undefined);
  const minSurplus = surpluses.length === 0 ? null : Math.min(...surpluses);
  const infos = servers(parts);
  const up = infos.filter(({ state }) => state === "up");
  return {
    swarm: identity.swarm!,
    files,
    bytes,
    deletions,
    minSurplus,
    copies: settings.copies,
    writeCopies: settings.writeCopies,
    advice: [...infos.flatMap(({ alarms }) => alarms.map(({ message }) => message)), advise(minSurplus)].join(" "),
    scrub: scrubOfAll(up.flatMap(({ scrub }) => scrub ?? [])),
    servers: { up: up.length, total: settings.roster.size },
    quota: {
      total: up.reduce((sum, { quota }) => sum + quota.total, 0),
      used: up.reduce((sum, { quota }) => sum + quota.used, 0),
    },
  };
}

export function servers(parts: Parts): ServerInfo[] {
  const { settings, catalog, mesh } = parts;
  return [...settings.roster.values()].map((entry) => {
    const self = entry.id === catalog.self;
    const link = mesh.link(entry.id);
    const report = self ? ownReport(parts) : link?.report;
    const quotaBytes = report?.quotaBytes ?? 0;
    const usedBytes = report?.usedBytes ?? 0;
    return {
      ...describeServer(parts, entry.id)!,
      self,
      files: report?.copies ?? 0,
      quota: { total: quotaBytes, used: usedBytes, free: Math.max(0, quotaBytes - usedBytes) },
      maxSurplus: report?.maxSurplus ?? null,
      full: report?.full ?? false,
      pulls: report?.pulls.length ?? 0,
      clockSkewMs: self ? 0 : link === undefined ? null : Math.round(link.clockSkewMs),
      problem: self || link !== undefined ? null : problemOf(parts, entry),
      strangers: self ? strangersOf(parts) : null,
      settings: settingsOf(parts, entry.id),
      drain: report?.drain ?? null,
      forecast: forecastOf(parts, entry.id),
      scrub: scrubOf(report?.scrub),
      alarms: alarmsOf(parts, entry, report?.diskAlarm),
      softwareVersion: entry.softwareVersion,
    };
  });
}

function forecastOf({ forecasts }: Parts, server: ServerId): ForecastInfo | null {
  const found = forecasts.of(server);
  if (found === undefined) return null;
  const { lost, below, minSurplus, asOfMs } = found;
  return { lost, below, minSurplus: minSurplus ?? null, safe: below === 0, asOf: new Date(asOfMs).toISOString() };
}

function scrubOf(report: ScrubReport | undefined): ScrubInfo | null {
  if (report === undefined) return null;
  const { share, endedMs, damaged } = report;
  return { share, ended: endedMs === null ? null : new Date(endedMs).toISOString(), damaged };
}

function scrubOfAll(scrubs: readonly ScrubInfo[]): ScrubInfo | null {
  if (scrubs.length === 0) return null;
  const ended = scrubs.map((scrub) => scrub.ended).reduce((a, b) => (a === null || b === null ? null : a < b ? a : b));
  const share = Math.min(...scrubs.map((scrub) => scrub.share));
  return { share, ended, damaged: scrubs.reduce((sum, { damaged }) => sum + damaged, 0) };
}

function alarmsOf(
  { membership }: Parts,
  { id, name }: { readonly id: ServerId; readonly name: string },
  alarm: DiskAlarm | undefined,
): AlarmInfo[] {
  const twinsSinceMs = membership.twins.sinceMs(id);
  const info = (kind: AlarmInfo["kind"], sinceMs: number, message: string): AlarmInfo[] => [
    { kind, since: new Date(sinceMs).toISOString(), message },
  ];
  return [
    ...(twinsSinceMs === undefined ? [] : info("twins", twinsSinceMs, twinsMessageOf(name))),
    ...(alarm === undefined ? [] : info("disk", alarm.sinceMs, messageOf(name, alarm))),
  ];
}

function twinsMessageOf(name: string): string {
  return `Two servers run as ${name}: the data directory of one is a copy of the other's, and copies are counted that only one of them has. Stop both, delete the catalog of one (.fsdfs/catalog in its data directory, or what --state names), then start both again: that one joins as a new server, with its files.`;
}

function messageOf(name: string, { copies, example, catalog, refused }: DiskAlarm): string {
  if (catalog) {
    return `The catalog of ${name} cannot be written: it takes nothing in, and others answer for it. Look whether its disk is full or its file system read-only; then start it again.`;
  }
  if (refused === "missing") {
    return `The data directory of ${name} is not there any more: it can neither store nor give files. Mount its disk, then start the server again.`;
  }
  if (refused === "read-only") {
    return `The data directory of ${name} is read-only: it takes no files, and goes on serving those that it has. Look at the disk, which Linux makes read-only after an error, and at the directory's owner.`;
  }
  const some = copies === 1 ? example : `${copies} copies, such as ${example},`;
  return `The disk of ${name} returns errors: ${some} cannot be read, and it takes no copies until that reads well again. Look at the disk; replace it, or drain the server.`;
}

function settingsOf({ directives }: Parts, server: ServerId): ServerSettingsInfo {
  const { quotaBytes, pulls, pullRate, serveRate, paused, draining } = directives.saidFor(server);
  return {
    quota: quotaBytes ?? null,
    pulls: pulls ?? null,
    pullRate: pullRate ?? null,
    serveRate: serveRate ?? null,
    paused: paused ?? false,
    draining: draining ?? false,
  };
}

function strangersOf({ strangers: { report } }: Parts): StrangersInfo | null {
  if (report === undefined) return null;
  const { files, examples, asOfMs } = report;
  return { files, examples, asOf: new Date(asOfMs).toISOString() };
}

/** The live versions a server states to hold, in the order of its statements: its own part of the log. */
export function serverFiles(
  parts: Parts,
  server: string,
  options: { limit?: number; after?: string },
): ServerFilesPage {
  if (!isServerId(server) || !parts.settings.roster.has(server)) throw new FsdfsError("server-not-found", { server });
  const limit = options.limit ?? FILES_DEFAULT;
  if (!Number.isInteger(limit) || limit < 1 || limit > FILES_MAX) {
    throw new FsdfsError("argument-invalid", { name: "limit", reason: `it must be 1 to ${FILES_MAX}` });
  }
  const view = parts.catalog.read();
  const files: { path: string; size: number; version: VersionId }[] = [];
  for (const { version, at } of holdingsOf(parts, view, server, parseCursor(options.after))) {
    const content = contentOfVersion(view, version);
    if (content === undefined) continue;
    files.push({ path: readVersionRow(view, version).paths[0]!, size: content.sizeBytes, version });
    if (files.length === limit) return { files, next: `${at.origin}.${at.number}` };
  }
  return { files, next: null };
}

/** The versions that a server states to hold, in the order of its statements, behind a place among them. */
export function* holdingsOf(
  parts: Parts,
  view: ReadView,
  server: ServerId,
  after: { origin: number; number: number },
): Generator<{ version: VersionId; at: { origin: number; number: number } }> {
  const origins = [...parts.catalog.origins()].filter(([, row]) => row.server === server).map(([index]) => index);
  for (const origin of origins.sort((a, b) => a - b)) {
    if (origin < after.origin) continue;
    const start = logKey(origin, origin === after.origin ? after.number + 1 : 0);
    for (const { key, value } of view.range({ start, end: logKey(origin + 1, 0) })) {
      const pointer = decodePointer(value);
      if (pointer.kind !== "holding") continue;
      const { version } = pointer;
      const number = numberOfLogKey(key);
      const holding = readVersionRow(view, version).holdings.find(({ marks }) =>
        marks.some((mark) => mark.origin === origin && mark.number === number),
      );
      if (holding?.held && holding.marks.at(-1)?.origin === origin) yield { version, at: { origin, number } };
    }
  }
}

function parseCursor(after: string | undefined): { origin: number; number: number } {
  if (after === undefined) return { origin: 0, number: -1 };
  const match = /^(\d{1,5})\.(\d{1,15})$/.exec(after);
  if (match === null) throw new FsdfsError("argument-invalid", { name: "after", reason: "it is not a page's 'next'" });
  return { origin: Number(match[1]), number: Number(match[2]) };
}

export function stateOf(parts: Parts, server: ServerId): ServerState {
  if (server === parts.catalog.self || parts.mesh.isUp(server)) return "up";
  return parts.membership.isAbsent(server) ? "absent" : "down";
}

function urlOf(parts: Parts, entry: RosterEntry): string {
  if (entry.url !== undefined) return entry.url;
  const address = parts.mesh.link(entry.id)?.address ?? entry.addresses[0];
  const host = address === undefined ? "localhost" : address.slice(0, address.lastIndexOf(":"));
  return `${entry.secure ? "https" : "http"}://${host}:${entry.httpPort}`;
}

function problemOf(parts: Parts, entry: RosterEntry): string {
  for (const address of entry.addresses) {
    const problem = parts.mesh.problemAt(address);
    if (problem !== undefined) return problem;
  }
  return entry.addresses.length === 0 ? "its address is not known yet" : "it has not been reached yet";
}

function firstSurplus(view: ReadView, held: boolean): number | undefined {
  for (const { key } of view.range({ ...workRange(held), limit: 1 })) return workPositionOf(key).surplus;
  return undefined;
}

function lastSurplus(view: ReadView, held: boolean): number | undefined {
  for (const { key } of view.range({ ...workRange(held), limit: 1, reverse: true })) return workPositionOf(key).surplus;
  return undefined;
}

function advise(minSurplus: number | null): string {
  if (minSurplus === null) return "There are no files yet: fsdfs put FILE /";
  if (minSurplus < 0) return "Some files have fewer copies than they should: add a server or quota.";
  if (minSurplus === 0)
    return "Every file has just the copies it should; to be safe when one server fails: add a server or quota.";
  return "Every file has copies to spare.";
}
