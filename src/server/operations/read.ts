/** Looking things up: entries, listings, locations, and a file's content (S5, S6). */
import { children, descendants, type Entry, readEntry } from "../../core/catalog/entries.ts";
import { madeAt } from "../../core/catalog/epochs.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import type { Register } from "../../core/catalog/rows.ts";
import { holdersOf, targetOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import { variablesObject } from "../../core/catalog/variables.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import { type HybridTime, type ServerId, type VersionId, versionTime } from "../../core/ids.ts";
import { isoTime } from "../../core/iso-time.ts";
import { encodeUrlPath, type FilePath } from "../../core/paths.ts";
import { signLink } from "../../core/security/tokens.ts";
import { FsdfsError } from "../../errors.ts";
import type { EntryInfo, HolderInfo, Listing, ListOptions, Location, OpenedFile, OpenOptions } from "../face.ts";
import type { Parts } from "../parts.ts";
import { isDiskError } from "../storage/disk.ts";
import { CopyChanged, readCopyRange } from "../storage/streams.ts";
import type { Lookups } from "./lookups.ts";

export const LIST_DEFAULT = 1000;
const LIST_MAX = 10_000;
export const LOCATE_MAX = 1000;
/** What was deleted is passed over in stretches, of which a page has so many: some 20 ms. */
const PASSED_MAX = 500;
/** A signed link is for one read that begins now. */
const LINK_SECONDS = 300;

type OpenedContent = OpenedFile & { readonly kind: "content" };

export function head(lookups: Lookups, path: FilePath | ""): EntryInfo {
  const view = lookups.read();
  const entry = readEntry(view, path);
  if (entry === undefined) throw new FsdfsError("file-not-found", { path });
  return describe(lookups, view, entry);
}

export function list(lookups: Lookups, directory: FilePath | "", options: ListOptions): Listing {
  const limit = options.limit ?? LIST_DEFAULT;
  const view = lookups.read();
  checkListable(view, directory, limit);
  const prefix = directory === "" ? "" : `${directory}/`;
  const after = options.after === undefined ? undefined : (`${prefix}${options.after}` as FilePath);
  const found = options.recursive ? descendants(view, directory, after) : children(view, directory, after);
  const entries: (Omit<EntryInfo, "path"> & { name: string })[] = [];
  let passed = 0;
  for (const next of found) {
    if (next.type === "nothing") {
      passed += 1;
      if (passed === PASSED_MAX) return { entries, next: next.path.slice(prefix.length) };
      continue;
    }
    if (entries.length === limit) return { entries, next: entries.at(-1)!.name };
    const { path, ...rest } = describe(lookups, view, next);
    entries.push({ name: path.slice(prefix.length), ...rest });
  }
  return { entries, next: null };
}

/** @throws FsdfsError `argument-invalid`, `file-not-found`, `not-a-directory` */
export function checkListable(view: ReadView, directory: FilePath | "", limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > LIST_MAX) {
    throw new FsdfsError("argument-invalid", { name: "limit", reason: `it must be 1 to ${LIST_MAX}` });
  }
  const entry = readEntry(view, directory);
  if (entry === undefined) throw new FsdfsError("file-not-found", { path: directory });
  if (entry.type === "file") throw new FsdfsError("not-a-directory", { path: directory });
}

export function locate(lookups: Lookups, paths: readonly FilePath[]): (Location | undefined)[] {
  const view = lookups.read();
  return paths.map((path) => {
    const entry = readEntry(view, path);
    return entry?.type === "file" ? locateFile(lookups, view, entry) : undefined;
  });
}

/** Reads an hour, over the swarm; undefined where there is no file. */
export function heat({ lookups, heat: swarm }: Parts, paths: readonly FilePath[]): (number | undefined)[] {
  const view = lookups.read();
  return paths.map((path) => {
    const entry = readEntry(view, path);
    return entry?.type === "file" ? swarm.readsPerHour(entry.content.version) : undefined;
  });
}

/** The file's content: from this disk, by a link to a holder, or through this server. */
export async function open(parts: Parts, path: FilePath, options: OpenOptions): Promise<OpenedFile> {
  const info = head(parts.lookups, path);
  if (info.type === "directory") throw new FsdfsError("is-a-directory", { path });
  const version = info.version!;
  // What this disk did not give is asked of others, as long as somebody has it.
  const isElsewhere = parts.disk.isUnreadable(version) && parts.sources.upHolders(version).length > 0;
  const opened = isElsewhere ? undefined : await openLocalOrElse(parts, info, version);
  if (opened !== undefined) return elseThrough(parts, opened, version);
  if (parts.sources.upHolders(version).length === 0) {
    // What was overwritten or deleted while it was looked for has no holders any more, and is not lost.
    if (versionAt(parts, path) !== version) return await open(parts, path, options);
    throw new FsdfsError("no-copy-reachable", { path });
  }
  const redirect = options.redirect ?? parts.options.redirect;
  const others = locateFile(parts.lookups, parts.catalog.read(), { path, content: contentOf(info) }).servers.filter(
    ({ id, state }) => state === "up" && id !== parts.catalog.self,
  );
  const best = others.find(({ id }) => parts.mesh.link(id)?.report.diskAlarm === undefined) ?? others[0];
  if (redirect === "auto" && parts.options.redirect === "auto" && best !== undefined) {
    return { kind: "redirect", info, url: linkTo(parts, best, path, version) };
  }
  parts.heat.count(version);
  return through(parts, info, version);
}

function versionAt(parts: Parts, path: FilePath): VersionId | undefined {
  const entry = readEntry(parts.catalog.read(), path);
  return entry?.type === "file" ? entry.content.version : undefined;
}

/** What a signed link asks for: that version, if this server has it, and nothing else. */
export async function openVersion(parts: Parts, path: FilePath, version: VersionId): Promise<OpenedFile> {
  const entry = readEntry(parts.catalog.read(), path);
  if (entry?.type !== "file" || entry.content.version !== version) throw new FsdfsError("copy-not-here", { path });
  const info = describe(parts.lookups, parts.catalog.read(), entry);
  const opened = await openLocalOrElse(parts, info, version);
  if (opened === undefined) throw new FsdfsError("copy-not-here", { path });
  return elseThrough(parts, opened, version);
}

/** What cannot even be opened is asked of others, as long as somebody has it. */
async function openLocalOrElse(parts: Parts, info: EntryInfo, version: VersionId): Promise<OpenedContent | undefined> {
  try {
    return await openLocal(parts, info, version);
  } catch (error) {
    if (!isDiskError(error, "denied", "io") || parts.sources.upHolders(version).length === 0) throw error;
    return through(parts, info, version);
  }
}

async function openLocal(parts: Parts, info: EntryInfo, version: VersionId): Promise<OpenedContent | undefined> {
  const copy = await parts.copies.open(version);
  if (copy === undefined) return undefined;
  parts.heat.count(version);
  return {
    kind: "content",
    info,
    stream: (start, end) => readCopyRange(copy, start, end),
    close: () => copy.file.close(),
  };
}

/** A local copy's bytes; what the disk does not give of them, or somebody has changed meanwhile, comes from a holder (P4). */
function elseThrough(parts: Parts, local: OpenedContent, version: VersionId): OpenedContent {
  let others: OpenedContent | undefined;
  async function* stream(start: number, end: number) {
    let position = start;
    try {
      for await (const chunk of local.stream(start, end)) {
        position += chunk.length;
        yield chunk;
      }
    } catch (error) {
      const hasChanged = error instanceof CopyChanged;
      if (!hasChanged && !isDiskError(error, "io")) throw error;
      if (parts.sources.upHolders(version).length === 0)
        throw hasChanged ? new FsdfsError("no-copy-reachable", { path: local.info.path }) : error;
      const opened = through(parts, local.info, version);
      others = opened;
      yield* opened.stream(position, end);
    }
  }
  const close = async () => {
    await local.close();
    await others?.close();
  };
  return { ...local, stream, close };
}

/** Streams from a holder; when one breaks off, the next goes on where it ended. */
function through(parts: Parts, info: EntryInfo, version: VersionId): OpenedContent {
  const abandoned = new AbortController();
  async function* stream(start: number, end: number) {
    let position = start;
    for (const link of parts.sources.upHolders(version)) {
      try {
        const range = { start: position, end };
        for await (const chunk of await parts.sources.read(link, version, range, "reader", abandoned.signal)) {
          position += chunk.length;
          yield chunk;
        }
        if (position >= end) return;
      } catch (error) {
        if (abandoned.signal.aborted) throw error;
      }
    }
    if (position < end) throw new FsdfsError("no-copy-reachable", { path: info.path });
  }
  return { kind: "content", info, stream, close: async () => abandoned.abort() };
}

function linkTo(parts: Parts, holder: HolderInfo, path: FilePath, version: VersionId): string {
  const expires = Math.floor(parts.ports.clock.wall() / 1000) + LINK_SECONDS;
  const mac = signLink(parts.tokenKeys.link, { method: "GET", path, version, expires });
  return `${holder.url}/files/${encodeUrlPath(path)}?version=${version}&expires=${expires}&mac=${mac}`;
}

function locateFile(
  lookups: Lookups,
  view: ReadView,
  {
    path,
    content,
    registers,
  }: {
    readonly path: FilePath;
    readonly content: Pick<FileContent, "version" | "sizeBytes" | "sha256">;
    readonly registers?: readonly Register[];
  },
): Location {
  const { version, sizeBytes: size, sha256 } = content;
  const row = readVersionRow(view, version);
  const holders = holdersOf(row, (origin) => lookups.serverOf(origin));
  const target = targetOf(view, row, lookups.context, registers && { path, registers });
  const copies = holders.filter((server) => lookups.context.counts(server)).length;
  const servers = holders.flatMap((server) => lookups.describeServer(server) ?? []).sort(bestFirst(lookups));
  const variables = registers && variablesObject(registers);
  const shown = variables === undefined ? {} : { variables };
  return { path, size, sha256, version, target, copies, surplus: copies - target, ...shown, servers };
}

const STATE_ORDER = { up: 0, down: 1, absent: 2 } as const;

/** Up before down, this server's zone first, then the least loaded (S6). */
export function bestFirst({ zone }: Lookups): (a: HolderInfo, b: HolderInfo) => number {
  return (a, b) =>
    STATE_ORDER[a.state] - STATE_ORDER[b.state] ||
    Number(b.zone === zone) - Number(a.zone === zone) ||
    a.load - b.load ||
    (a.id < b.id ? -1 : 1);
}

export function describe(lookups: Lookups, view: ReadView, entry: Entry): EntryInfo {
  if (entry.type === "directory") {
    const modified = entry.stamp === undefined ? null : iso(lookups.writtenAt(entry.stamp));
    const nothing = { size: 0, sha256: null, version: null, target: null, copies: null };
    return { path: entry.path, type: "directory", modified, ...nothing };
  }
  const { version, sizeBytes: size, sha256 } = entry.content;
  const row = readVersionRow(view, version);
  const holders: ServerId[] = holdersOf(row, (origin) => lookups.serverOf(origin));
  const variables = variablesObject(entry.registers);
  return {
    path: entry.path,
    type: "file",
    size,
    modified: iso(madeAt(versionTime(version), lookups.writtenAt(entry.stamp))),
    sha256,
    version,
    target: targetOf(view, row, lookups.context, entry),
    copies: holders.filter((server) => lookups.context.counts(server)).length,
    ...(variables === undefined ? {} : { variables }),
  };
}

function iso(time: HybridTime): string {
  return isoTime(wallMsOf(time));
}

function contentOf(info: EntryInfo): Pick<FileContent, "version" | "sizeBytes" | "sha256"> {
  return { version: info.version!, sizeBytes: info.size, sha256: info.sha256! };
}
