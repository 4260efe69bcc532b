/** Looking into the trash of all servers, and throwing away what lies there. */
import { readEntry } from "../../core/catalog/entries.ts";
import type { TrashRow } from "../../core/catalog/rows.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { isVersionId, type ServerId, type VersionId } from "../../core/ids.ts";
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

interface Question {
  readonly under: string;
  readonly after?: VersionId | undefined;
  /** Only this one. */
  readonly version?: VersionId | undefined;
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

/** What was at a path last, or a version, and who has it. */
export async function findInTrash(parts: Parts, wanted: FilePath | VersionId): Promise<Found | undefined> {
  if (isVersionId(wanted)) return (await lookEverywhere(parts, { under: "", version: wanted })).found[0];
  let last: Found | undefined;
  for (let after: VersionId | undefined; ; ) {
    const page = await lookEverywhere(parts, { under: wanted, after });
    for (const file of page.found) {
      if (file.path === wanted && (last === undefined || last.trashedMs <= file.trashedMs)) last = file;
    }
    if (page.last === undefined) return last;
    after = page.last;
  }
}

export async function emptyTrash(parts: Parts, under: string): Promise<EmptiedTrash> {
  const links = parts.mesh.upLinks();
  const unreached = absentees(parts, links);
  const here = emptyAll((after) => emptyHere(parts, { under, after }));
  const there = links.map(async (link) => {
    const ask = async (after: VersionId | undefined) =>
      decodeJson<Emptied>(await link.call("trash-empty", encodeJson({ under, after }), EMPTY_TIMEOUT_MS));
    return await emptyAll(ask).catch(() => {
      unreached.push(link.server);
      return NOTHING;
    });
  });
  const emptied = await Promise.all([here, ...there]);
  return {
    thrownAway: sum(emptied.map(({ thrownAway }) => thrownAway)),
    kept: sum(emptied.map(({ kept }) => kept)),
    unreached: unreached.map((server) => nameOf(parts, server)),
  };
}

const NOTHING: Emptied = { thrownAway: { copies: 0, bytes: 0 }, kept: { copies: 0, bytes: 0 } };

async function emptyAll(step: (after: VersionId | undefined) => Promise<Emptied>): Promise<Emptied> {
  const steps: Emptied[] = [];
  for (let after: VersionId | undefined; ; ) {
    const done = await step(after);
    steps.push(done);
    if (done.last === undefined) break;
    after = done.last;
  }
  return { thrownAway: sum(steps.map(({ thrownAway }) => thrownAway)), kept: sum(steps.map(({ kept }) => kept)) };
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
  return { found: [...found.values()].sort((a, b) => (a.version < b.version ? -1 : 1)), last: ends[0], unreached };
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

function lookHere(parts: Parts, { under, after, version }: Question): Answer {
  const { trash } = parts;
  const one = version && trash.find(version);
  if (version !== undefined) return { rows: one === undefined ? [] : [tell(parts, one)] };
  const { rows, last } = trash.list(after, ({ path }) => isUnder(path, under));
  return { rows: rows.map((row) => tell(parts, row)), last };
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
