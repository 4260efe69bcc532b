/** The refusals of the file store in memory, as a Linux file system and the port's rules have them. */
import { FileStoreError, type FileStoreErrorCode } from "../../ports/file-store.ts";
import type { DirectoryInode, FileInode, Inode, NameChange } from "./inodes.ts";

/** One name: the directory it is in, and what has it now. */
export interface Place {
  readonly directory: DirectoryInode;
  readonly name: string;
  readonly inode: Inode | undefined;
}

const SEGMENT_BYTES_MAX = 255;

/** The path rules are kept long before (S7): what breaks them here is a bug. */
export function segmentsOf(name: string): string[] {
  const segments = name.split("/");
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === ".." || segment.includes("\0")) {
      throw new RangeError(`not a name inside the data directory: ${JSON.stringify(name)}`);
    }
  }
  return segments;
}

export function lookUp(directory: DirectoryInode, segment: string, name: string): Inode | undefined {
  if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) throw failure("too-long", name);
  return directory.names.get(segment);
}

export function change(place: Place, after: Inode | undefined): NameChange {
  return { directory: place.directory, name: place.name, before: place.inode, after };
}

export function found(place: Place, name: string): Inode {
  if (place.inode === undefined) throw failure("missing", name);
  return place.inode;
}

export function refuseTaken(place: Place, name: string): void {
  if (place.inode === undefined) return;
  refuseLink(place.inode, name);
  throw failure("exists", name);
}

export function refuseLink(inode: Inode, name: string): void {
  if (inode.type === "symlink") throw failure("symlink", name);
}

export function regularFile(inode: Inode, name: string): FileInode {
  refuseLink(inode, name);
  if (inode.type !== "file") throw failure("not-a-file", name);
  return inode;
}

/** A directory does not go into itself, and nothing takes the place of a directory it is in. */
export function refuseNesting(from: string, to: string): void {
  if (to.startsWith(`${from}/`)) throw failure("io", to);
  if (from.startsWith(`${to}/`)) throw failure("not-empty", to);
}

export function refuseUnlike(inode: Inode, target: Inode | undefined, to: string): void {
  if (target === undefined) return;
  if (inode.type !== "directory" && target.type === "directory") throw failure("not-a-file", to);
  if (inode.type === "directory" && target.type !== "directory") throw failure("not-a-directory", to);
  if (target.type === "directory" && target.names.size > 0) throw failure("not-empty", to);
}

export function isAbsence(code: FileStoreErrorCode): boolean {
  return code === "missing" || code === "not-a-directory";
}

export function failure(code: FileStoreErrorCode, name: string): FileStoreError {
  return new FileStoreError(code, `${code}: ${name}`);
}
