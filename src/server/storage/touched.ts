/**
 * A file that a hand has touched, or has replaced by the same bytes, is the copy still, though not as it was recorded (S8). Who is to
 * move it, or to let it go, and nobody has read it since, knows it by its digest.
 */
import { readCopy, writeCopy } from "../../core/catalog/copies.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import { readTodo } from "../../core/catalog/todo.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FileStore } from "../../ports/file-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { contentOfVersion } from "./copies.ts";
import { isDiskError, statOrNothing } from "./disk.ts";
import { hashFile } from "./hashing.ts";
import type { Owner, Owners } from "./owners.ts";

export interface TouchedParts {
  readonly catalog: Catalog;
  readonly files: FileStore;
  readonly owners: Owners;
}

/** A file that the disk does not give is taken for another, or its error is thrown. */
type Unread = "is-other" | "throws";

/**
 * The copy as it is recorded from now on; undefined when what lies in its place is something else. The caller has the lock.
 *
 * @throws FileStoreError `denied`, `io` when so wanted of a file that cannot be read
 */
export async function asTouched(
  parts: TouchedParts,
  version: VersionId,
  copy: CopyRow,
  unread: Unread = "is-other",
): Promise<CopyRow | undefined> {
  const { catalog, files, owners } = parts;
  const view = catalog.read();
  const sha256 = contentOfVersion(view, version)?.sha256 ?? readTodo(view, version)?.sha256;
  const name = copy.staged ?? copy.location;
  const stat = await statOrNothing(files, name);
  if (stat?.type !== "file" || stat.sizeBytes !== copy.sizeBytes) return undefined;
  if (sha256 === undefined || (await digestOf(files, name, unread)) !== sha256) return undefined;
  if ((await owners.of(version, name, stat)) !== undefined) return undefined;
  const touched = { ...copy, inode: stat.inode, modifiedNs: stat.modifiedNs };
  await catalog.change(({ view: now, transaction }) => {
    if (readCopy(now, version) !== undefined) writeCopy(transaction, version, touched);
  });
  await catalog.flushed(); // T2
  return touched;
}

/** Whose a file is that lies where another is to be put, when it is not as it was recorded. */
export async function touchedOwner(
  parts: TouchedParts,
  version: VersionId,
  location: string,
): Promise<Owner | undefined> {
  const owner = await parts.owners.of(version, location);
  const copy = owner && (await asTouched(parts, owner.version, owner.copy));
  return copy && { ...owner, copy };
}

async function digestOf(files: FileStore, name: string, unread: Unread): Promise<string | undefined> {
  try {
    const file = await files.open(name);
    try {
      return await hashFile(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isDiskError(error, "missing", "not-a-file", "symlink")) return undefined;
    if (unread === "is-other" && isDiskError(error, "denied", "io")) return undefined;
    throw error;
  }
}
