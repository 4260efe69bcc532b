/**
 * A version comes back out of the trash: a server that has it there states it at a path and has its copy in one change (W1, P4).
 * Others that have it in their trash take it out when they learn of that, so that no bytes go over the wire.
 */
import { encodeContent } from "../../core/catalog/content.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import { isVersionId, type ServerId, type VersionId } from "../../core/ids.ts";
import { type FilePath, isGoverning, parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { RemoteError } from "../../ports/network.ts";
import type { Change } from "../catalog/change.ts";
import { afterChange } from "../failures.ts";
import type { Link } from "../mesh/link.ts";
import type { Parts } from "../parts.ts";
import type { StillWanted } from "../readiness.ts";
import { sleep } from "../timers.ts";
import type { Restored, RestoreWish } from "../trash-face.ts";
import { withForever } from "./forever.ts";
import { checkFileMayBeAt } from "./names.ts";
import { checkEnough, completeCopies, wantedCopies } from "./put.ts";
import { type Found, findInTrash } from "./trash.ts";
import { removeLeftTarget, removeLeftVariables } from "./variables.ts";

/** What was deleted a moment ago may be on its way into the trash: it is looked for so often, where it is, for so long. */
const LOOKS = 5;
const LOOK_EVERY_MS = 300;
const LOOKS_MS_MAX = 15_000;

/** As `RestoreWish`, with paths that were checked. */
export interface Wanted {
  readonly what: FilePath | VersionId;
  readonly to: FilePath | undefined;
  readonly overwrite: boolean;
  readonly asAdmin: boolean;
}

/** @throws FsdfsError `argument-invalid`, `path-invalid` */
export function parseWish({ path, version, to, overwrite = false, asAdmin = false }: RestoreWish): Wanted {
  const rest = { to: to === undefined ? undefined : parsePath(to), overwrite, asAdmin };
  if (version !== undefined && path === undefined && isVersionId(version)) return { what: version, ...rest };
  if (path !== undefined && version === undefined) return { what: parsePath(path), ...rest };
  throw new FsdfsError("argument-invalid", { name: "path", reason: "say either a path or a version of the trash" });
}

/** `at` has another server restore a version that lies in its trash; undefined where nobody else is to be asked. */
export async function restore(
  parts: Parts,
  wanted: Wanted,
  at: ((link: Link, wish: RestoreWish) => Promise<Restored>) | undefined,
): Promise<Restored> {
  // Before the search: whoever waits for too long may ask another server.
  const stillWanted = parts.readiness.stillWanted();
  const found = await find(parts, wanted, at === undefined ? 1 : LOOKS);
  const path = wanted.to ?? found.path;
  if (!wanted.asAdmin && isGoverning(path)) throw new FsdfsError("forbidden", { has: "write", needs: "admin" });
  if (found.servers.includes(parts.catalog.self)) {
    const restored = await restoreHere(parts, found, path, wanted.overwrite, stillWanted);
    if (restored !== undefined) return restored;
  }
  const wish = { version: found.version, to: path, overwrite: wanted.overwrite, asAdmin: wanted.asAdmin };
  for (const link of at === undefined ? [] : parts.mesh.upLinks()) {
    if (!found.servers.includes(link.server) || link.report.behind) continue;
    try {
      return await at!(link, wish);
    } catch (error) {
      // It is damaged there, or was thrown away meanwhile: somebody else may have it.
      if (!(error instanceof RemoteError) || error.code !== "trash-not-found") throw error;
    }
  }
  throw new FsdfsError("trash-not-found", { what: wanted.what });
}

async function find(parts: Parts, { what }: Wanted, looks: number): Promise<Found> {
  const { clock } = parts.ports;
  const began = clock.monotonic();
  for (let look = 1; ; look++) {
    const { found, more } = await findInTrash(parts, what);
    const isLate = clock.monotonic() > began + LOOKS_MS_MAX;
    if (found !== undefined && (!more || isLate)) return found;
    if (parts.ending.aborted || (!more && look >= looks)) throw new FsdfsError("trash-not-found", { what });
    if (isLate) throw new FsdfsError("overloaded");
    await sleep(clock, LOOK_EVERY_MS, parts.ending);
  }
}

/** Undefined when it is not in this server's trash any more, or not right. */
async function restoreHere(
  parts: Parts,
  found: Found,
  path: FilePath,
  overwrite: boolean,
  stillWanted: StillWanted,
): Promise<Restored | undefined> {
  const { readiness, copies, mesh, options } = parts;
  const { version, sizeBytes } = found;
  readiness.checkClock();
  const wanted = wantedCopies(parts);
  const reached = mesh.upLinks().length + 1;
  if (options.strict && reached < wanted) {
    throw new FsdfsError("not-enough-servers", { reached, wanted, reason: "no more are up" });
  }
  let done: { readonly sha256: string; readonly created: boolean } | undefined;
  const isBack = await copies.bringBack(version, (change, sha256) => {
    stillWanted(change);
    done = { sha256, created: state(parts, change, { ...found, sha256 }, path, overwrite) };
  });
  if (!isBack || done === undefined) return undefined;
  const { sha256, created } = done;
  return await afterChange(async () => {
    const reachedCopies = await acknowledge(parts, version, found.servers, wanted);
    checkEnough(parts, reachedCopies, wanted);
    return { path, version, sha256, size: sizeBytes, copies: reachedCopies, created };
  });
}

/** The entry that says the version at the path again. Answers whether there was none before. */
function state(
  { catalog }: Parts,
  change: Change,
  {
    version,
    sizeBytes,
    sha256,
    path: from,
  }: Pick<Found, "version" | "sizeBytes" | "path"> & { readonly sha256: string },
  path: FilePath,
  overwrite: boolean,
): boolean {
  checkFileMayBeAt(change.view, path);
  const before = readEntry(change.view, path);
  if (before !== undefined && !overwrite) throw new FsdfsError("not-restored-over", { path });
  // Somebody else was quicker.
  if (readVersionRow(change.view, version).paths.length > 0) {
    throw new FsdfsError("trash-not-found", { what: version });
  }
  if (path !== from) removeLeftVariables(change, path);
  else if (before === undefined) removeLeftTarget(change, path); // Its variables it has again.
  const content: FileContent = { type: "file", version, sizeBytes, sha256, request: undefined };
  const value = encodeContent(withForever(change.view, path, content));
  change.writePath(path, CONTENT_FIELD, value, catalog.timeAfter(change, path));
  return before === undefined;
}

/** As a write: durable here and on W servers, and known to all who may answer readers. Answers on how many it is. */
async function acknowledge(
  parts: Parts,
  version: VersionId,
  having: readonly ServerId[],
  wanted: number,
): Promise<number> {
  const { catalog, readiness, copies } = parts;
  const number = await catalog.change((change) => change.number);
  await catalog.flushed();
  const [isHere] = await Promise.all([copies.settled(version).catch(() => false), readiness.known(number)]);
  return await completeCopies(parts, version, isHere ? [catalog.self] : [], wanted, having);
}
