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
/** What is made at the start, and again when a hand has taken it away. */
export const WORK_DIRECTORIES = [STAGED_DIRECTORY, TRASH_DIRECTORY, SIDE_DIRECTORY, ASIDE_DIRECTORY];
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
  // A half of a character would be another one on the disk than here.
  while (Buffer.byteLength(name) > TRASH_NAME_BYTES_MAX) name = name.slice(name.codePointAt(0)! > 0xffff ? 2 : 1);
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

/** Characters that some disks leave out of a name. */
const IGNORED = /\p{Default_Ignorable_Code_Point}/gu;

/** Whether a path leads into fsdfs's own directory, be it on a disk that takes names for equal which are not. */
export function isReserved(path: FilePath): boolean {
  const [first = ""] = path.split("/", 1);
  return first.replace(IGNORED, "").normalize("NFKC").toUpperCase() === STATE_DIRECTORY.toUpperCase();
}

/** The directory that a name lies in; "" is the data directory. */
export function directoryOf(name: string): string {
  const slash = name.lastIndexOf("/");
  return slash === -1 ? "" : name.slice(0, slash);
}
