/** Where things lie in the data directory. A copy lies under its own path; everything else below `.fsdfs/`. */
import { isVersionId, type VersionId } from "../../core/ids.ts";
import { type FilePath, nameOf } from "../../core/paths.ts";

export const STATE_DIRECTORY = ".fsdfs";
/** Uploads and pulls until they are whole, and a moment longer. */
export const STAGED_DIRECTORY = `${STATE_DIRECTORY}/staged`;
/** What was deleted or overwritten, until its time is over or its room is wanted. */
export const TRASH_DIRECTORY = `${STATE_DIRECTORY}/trash`;
/** Copies whose path the disk cannot hold (S7). */
export const SIDE_DIRECTORY = `${STATE_DIRECTORY}/side`;
/** Files that were in the way or were damaged; the operator's to look at. Not fsdfs's, so no part of the quota. */
export const ASIDE_DIRECTORY = `${STATE_DIRECTORY}/aside`;
export const IDENTITY_FILE = `${STATE_DIRECTORY}/identity`;

/** NAME_MAX; the version and a dash take 28 bytes of it. */
const TRASH_NAME_BYTES_MAX = 255 - 28;
/** Characters of a version's id. */
const VERSION_LENGTH = 27;

export function stagedName(id: string): string {
  return `${STAGED_DIRECTORY}/${id}`;
}

/** The staged file of a pull names its version first, so that the pull can go on after a restart. */
export function pullId(version: VersionId, chance: string): string {
  return `${version}-${chance}`;
}

/** Whose pull a staged file is; undefined for uploads. */
export function versionOfPull(id: string): VersionId | undefined {
  const version = id.slice(0, VERSION_LENGTH);
  return isVersionId(version) && id[VERSION_LENGTH] === "-" ? version : undefined;
}

export function sideName(version: VersionId): string {
  return `${SIDE_DIRECTORY}/${version}`;
}

/** Names the version first, so that names never meet, and then what the file was called. */
export function trashName(version: VersionId, path: FilePath): string {
  let name = nameOf(path);
  while (Buffer.byteLength(name) > TRASH_NAME_BYTES_MAX) name = name.slice(1);
  return `${TRASH_DIRECTORY}/${version}-${name}`;
}

/** The version whose file has this name in the trash. */
export function versionInTrashName(name: string): VersionId | undefined {
  const version = name.slice(TRASH_DIRECTORY.length + 1).slice(0, VERSION_LENGTH);
  return isVersionId(version) ? version : undefined;
}

export function asideName(id: string): string {
  return `${ASIDE_DIRECTORY}/${id}`;
}

/** Whether a path may lie under its own name, as far as fsdfs's own directory is concerned. */
export function isReserved(path: FilePath): boolean {
  return path === STATE_DIRECTORY || path.startsWith(`${STATE_DIRECTORY}/`);
}

/** The directory that a name lies in; "" is the data directory. */
export function directoryOf(name: string): string {
  const slash = name.lastIndexOf("/");
  return slash === -1 ? "" : name.slice(0, slash);
}
