/** Looking into the trash of all servers, and throwing away what lies there. */
import { readCopy } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import { tableRange, versionOfKey } from "../../core/catalog/keys.ts";
import type { TrashRow } from "../../core/catalog/rows.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { isServerId, isVersionId, type ServerId, type VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Link } from "../mesh/link.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Parts } from "../parts.ts";
import type { Trashed } from "../storage/trash.ts";
import type { EmptiedTrash, TrashCount, TrashedFile, TrashListOptions, TrashPage } from "../trash-face.ts";

const PAGE_MAX = 10_000;
const PAGE = 1000;
/** Looks at the servers' trash for one page: where little fits what is asked for, the page is short. */
const ROUNDS_MAX = 20;
const ASK_TIMEOUT_MS = 4000;
/** Throwing files away waits for the disk. */
const EMPTY_TIMEOUT_MS = 60_000;
/** Of the copies that have yet to move or go, looked at for those at one path. */
const TODO_AT_MOST = 500;
/** Then it is told how far that came. */
const EMPTY_STEP_MS = 2000;

interface Question {
  readonly under: string;
  readonly after?: VersionId | undefined;
  /** Only this one. */
  readonly version?: VersionId | undefined;
  /** Only what lay at this very path, the last of it. */
  readonly at?: FilePath | undefined;
}

/** A row of one server's trash, as it tells of it. */
interface Told extends Pick<TrashRow, "path" | "sizeBytes" | "sha256" | "by"> {
  readonly version: VersionId;
  readonly trashedMs: number;
  readonly reason: TrashedFile["reason"];
}

interface Answer {
  readonly rows: readonly Told[];
  /** Up to where it has looked; undefined when that was all. */
  readonly last?: VersionId | undefined;
  /** Of what lay at a path: some of it is on its way into the trash, and may be the last. */
  readonly more?: boolean;
}

interface Emptied {
  readonly thrownAway: TrashCount;
  readonly kept: TrashCount;
  readonly last?: VersionId | undefined;
}

/** A version that lies in the trash of some servers. */
export interface Found extends Told {
  readonly servers: readonly ServerId[];
}

/** What other servers ask of this one. */
export function serveTrash(parts: Parts): void {
  parts.mesh.handle("trash-list", async ({ message }) => {
    return { head: encodeJson(lookHere(parts, decodeJson<Question>(message))) };
  });
  parts.mesh.handle("trash-empty", async ({ message }) => {
    return { head: encodeJson(await emptyHere(parts, decodeJson<Question>(message))) };
  });
}

export async function listTrash(parts: Parts, options: TrashListOptions & { under: string }): Promise<TrashPage> {
  const { under, after } = options;
  const limit = Math.min(Math.max(1, options.limit ?? PAGE), PAGE_MAX);
  if (after !== undefined && !isVersionId(after)) {
    throw new FsdfsError("argument-invalid", { name: "after", reason: "it is not what a page gave as its next" });
  }
  const found: Found[] = [];
  const unreached = new Set<ServerId>();
  let next = after as VersionId | undefined;
  for (let round = 0; round < ROUNDS_MAX && found.length < limit; round++) {
    const page = await lookEverywhere(parts, { under, after: next });
    for (const server of page.unreached) unreached.add(server);
    found.push(...page.found);
    next = page.last;
    if (next === undefined) break;
  }
  const files = found.slice(0, limit);
  if (files.length < found.length) next = files.at(-1)!.version;
  return {
    files: files.map((file) => describe(parts, file)),
    next: next ?? null,
    unreached: [...unreached].map((server) => nameOf(parts, server)),
  };
}

/** What was at a path last, or a version, and who has it. `more`: it may be something else in a moment. */
export async function findInTrash(
  parts: Parts,
  wanted: FilePath | VersionId,
): Promise<{ found: Found | undefined; more: boolean }> {
  if (isVersionId(wanted)) return { found: await findVersion(parts, wanted), more: false };
  const { found, more } = await lookEverywhere(parts, { under: "", at: wanted });
  let last: Found | undefined;
  for (const file of found) if (last === undefined || last.trashedMs <= file.trashedMs) last = file;
  // Of those who have it, some may have had more since at this path, and have told of that only.
  return { found: last && (await findVersion(parts, last.version)), more };
}

async function findVersion(parts: Parts, version: VersionId): Promise<Found | undefined> {
  return (await lookEverywhere(parts, { under: "", version })).found[0];
}

/** Some of it: for `EMPTY_STEP_MS`, about. `after` is where the step before came to. @throws FsdfsError `argument-invalid` */
export async function emptyTrash(parts: Parts, under: string, after: string | undefined): Promise<EmptiedTrash> {
  const { catalog, mesh, ports } = parts;
  const links = mesh.upLinks();
  const places =
    after === undefined ? placesOf([catalog.self, ...links.map(({ server }) => server)]) : parsePlaces(after);
  const unreached = after === undefined ? absentees(parts, links) : [];
  const until = ports.clock.monotonic() + EMPTY_STEP_MS;
  const mayGoOn = () => ports.clock.monotonic() < until;
  const steps = Array.from(places, ([server, place]) => {
    const link = links.find((each) => each.server === server);
    const ask = async (last: VersionId | undefined): Promise<Emptied> => {
      if (server === catalog.self) return await emptyHere(parts, { under, after: last });
      try {
        const answer = await link?.call("trash-empty", encodeJson({ under, after: last }), EMPTY_TIMEOUT_MS);
        if (answer !== undefined) return decodeJson<Emptied>(answer);
      } catch {
        // As one that is not linked any more.
      }
      unreached.push(server);
      return NOTHING;
    };
    return emptySome(ask, place, mayGoOn);
  });
  const emptied = await Promise.all(steps);
  const next = [...places.keys()].flatMap((server, i) => {
    const { last } = emptied[i]!;
    return last === undefined ? [] : [`${server}/${last}`];
  });
  return {
    thrownAway: sum(emptied.map(({ thrownAway }) => thrownAway)),
    kept: sum(emptied.map(({ kept }) => kept)),
    unreached: unreached.map((server) => nameOf(parts, server)),
    next: next.length === 0 ? null : next.join(","),
  };
}

/** Up to which version each server's trash was looked through; those that are done are not among them. */
type Places = ReadonlyMap<ServerId, VersionId | undefined>;

function placesOf(servers: readonly ServerId[]): Places {
  return new Map(servers.map((server) => [server, undefined]));
}

function parsePlaces(text: string): Places {
  const places = new Map<ServerId, VersionId>();
  for (const place of text.split(",")) {
    const [server = "", version = ""] = place.split("/");
    if (!isServerId(server) || !isVersionId(version)) {
      throw new FsdfsError("argument-invalid", { name: "after", reason: "it is not what a step gave as its next" });
    }
    places.set(server, version);
  }
  return places;
}

const NOTHING: Emptied = { thrownAway: { copies: 0, bytes: 0 }, kept: { copies: 0, bytes: 0 } };

async function emptySome(
  step: (after: VersionId | undefined) => Promise<Emptied>,
  after: VersionId | undefined,
  mayGoOn: () => boolean,
): Promise<Emptied> {
  const steps: Emptied[] = [];
  let last = after;
  do {
    const done = await step(last);
    steps.push(done);
    last = done.last;
  } while (last !== undefined && mayGoOn());
  const [thrownAway, kept] = [sum(steps.map((done) => done.thrownAway)), sum(steps.map((done) => done.kept))];
  return { thrownAway, kept, last };
}

async function emptyHere({ trash }: Parts, { under, after }: Question): Promise<Emptied> {
  const { rows, kept, last } = await trash.empty(after, ({ path }) => isUnder(path, under));
  return { thrownAway: countOf(rows), kept: countOf(kept), last };
}

function countOf(rows: readonly Trashed[]): TrashCount {
  return sum(rows.map(({ row }) => ({ copies: 1, bytes: row.sizeBytes })));
}

function sum(counts: readonly TrashCount[]): TrashCount {
  return counts.reduce((a, b) => ({ copies: a.copies + b.copies, bytes: a.bytes + b.bytes }), NOTHING.kept);
}

/** One look at each server's trash. What lies behind where the least of them has come to is left to the next look. */
async function lookEverywhere(parts: Parts, question: Question) {
  const links = parts.mesh.upLinks();
  const unreached = absentees(parts, links);
  const there = links.map(async (link) => {
    try {
      const answer = await link.call("trash-list", encodeJson(question), ASK_TIMEOUT_MS);
      return { server: link.server, ...decodeJson<Answer>(answer) };
    } catch {
      unreached.push(link.server);
      return { server: link.server, rows: [] };
    }
  });
  const answers = [{ server: parts.catalog.self, ...lookHere(parts, question) }, ...(await Promise.all(there))];
  const ends = answers.flatMap(({ last }) => last ?? []).sort();
  const found = new Map<VersionId, Found>();
  const view = parts.catalog.read();
  for (const { server, rows } of answers) {
    for (const row of rows) {
      if (ends[0] !== undefined && row.version > ends[0]) break;
      if (readVersionRow(view, row.version).paths.length > 0) continue; // Who told of it did not know yet.
      found.set(row.version, joined(found.get(row.version), row, server));
    }
  }
  return {
    found: [...found.values()].sort((a, b) => (a.version < b.version ? -1 : 1)),
    last: ends[0],
    more: answers.some(({ more }) => more === true),
    unreached,
  };
}

/** Who learned of a deletion when it was made knows best what it was. */
function joined(before: Found | undefined, row: Told, server: ServerId): Found {
  if (before === undefined) return { ...row, servers: [server] };
  const [one, other] = before.reason === "lost" ? [row, before] : [before, row];
  return {
    ...one,
    by: one.by ?? other.by,
    sha256: one.sha256 ?? other.sha256,
    trashedMs: Math.min(before.trashedMs, row.trashedMs),
    servers: [...before.servers, server],
  };
}

function lookHere(parts: Parts, { under, after, version, at }: Question): Answer {
  const { trash } = parts;
  if (at !== undefined) return { rows: trash.lastAt(at).map((each) => tell(parts, each)), more: isLeaving(parts, at) };
  const one = version && trash.find(version);
  if (version !== undefined) return { rows: one === undefined ? [] : [tell(parts, one)] };
  const { rows, last } = trash.list(after, ({ path }) => isUnder(path, under));
  return { rows: rows.map((row) => tell(parts, row)), last };
}

/** Whether a copy that lies at a path has yet to go from there, as far as a bounded look tells. */
function isLeaving({ catalog }: Parts, path: FilePath): boolean {
  const view = catalog.read();
  for (const { key } of view.range({ ...tableRange("todo"), limit: TODO_AT_MOST })) {
    if (readCopy(view, versionOfKey(key))?.path === path) return true;
  }
  return false;
}

function tell({ catalog, trash }: Parts, { version, row }: Trashed): Told {
  const { path, sizeBytes, sha256, by } = row;
  // It was dropped while others had it, and has left its path since.
  const now = row.reason === "dropped" ? readEntry(catalog.read(), path)?.type : undefined;
  const reason = row.reason === "dropped" ? (now === "file" ? "overwritten" : "deleted") : row.reason;
  return { version, path, sizeBytes, sha256, by, reason, trashedMs: trash.trashedMs(row) };
}

function isUnder(path: string, under: string): boolean {
  return under === "" || path === under || path.startsWith(`${under}/`);
}

function describe(
  parts: Parts,
  { version, path, sizeBytes, sha256, trashedMs, reason, by, servers }: Found,
): TrashedFile {
  return {
    path,
    version,
    size: sizeBytes,
    sha256: sha256 ?? null,
    trashed: new Date(trashedMs).toISOString(),
    reason,
    by: by === undefined ? null : (parts.settings.keys.get(by)?.name ?? by),
    servers: servers.map((server) => nameOf(parts, server)).sort(),
  };
}

function absentees({ catalog, settings }: Parts, links: readonly Link[]): ServerId[] {
  const there = new Set([catalog.self, ...links.map(({ server }) => server)]);
  return [...settings.roster.keys()].filter((server) => !there.has(server));
}

function nameOf({ settings }: Parts, server: ServerId): string {
  return settings.roster.get(server)?.name ?? server;
}
