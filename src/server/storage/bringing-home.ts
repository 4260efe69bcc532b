/**
 * A copy in a directory that has become another file system, as when a larger disk was mounted there with what lay in it, can be
 * renamed to no place outside. Who is to move it, or to throw it away, first makes it a file of the data directory's own disk,
 * which has yet to be settled (S7). The bytes are taken as they are, as a rename takes them: who restores or scrubs them compares.
 */
import { hex } from "../../core/bytes.ts";
import { readCopy, writeCopy } from "../../core/catalog/copies.ts";
import type { CopyRow } from "../../core/catalog/rows.ts";
import { remindTodo } from "../../core/catalog/todo.ts";
import type { VersionId } from "../../core/ids.ts";
import { type FileStat, type FileStore, FileStoreError } from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isDiskError, isFileOf, removeEmptyDirectories, removeQuietly, statOrNothing } from "./disk.ts";
import { directoryOf, STAGED_DIRECTORY, stagedName } from "./layout.ts";

const ID_BYTES = 12;
const CHUNK_BYTES = 1024 * 1024;

export interface HomeParts {
  readonly catalog: Catalog;
  readonly files: FileStore;
  readonly random: Random;
}

/**
 * Does `task`. Where it fails because the copy lies on another file system, that is brought home, and has yet to be settled: false.
 *
 * @throws FileStoreError what the task throws otherwise; `no-space`
 */
export async function elseHome(
  parts: HomeParts,
  version: VersionId,
  copy: CopyRow,
  task: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await task();
  } catch (error) {
    if (!isDiskError(error, "other-device") || !(await bringHome(parts, version, copy))) throw error;
    return false;
  }
}

/**
 * The caller has the lock. False when it has been brought home before, or is not as it was recorded. (A directory that is bound to
 * another place of the same file system has its number, and nothing is renamed out of it all the same.)
 */
async function bringHome({ catalog, files, random }: HomeParts, version: VersionId, copy: CopyRow): Promise<boolean> {
  const isThere = async () => {
    const stat = await statOrNothing(files, copy.location);
    return stat?.type === "file" && isFileOf(copy, stat);
  };
  if (copy.staged !== undefined || !(await isThere())) return false;
  // A file that cannot be had whole is not begun each time anew.
  if ((await files.capacity()).freeBytes < copy.sizeBytes) throw new FileStoreError("no-space", copy.location);
  const staged = stagedName(hex(random.bytes(ID_BYTES)));
  try {
    const { inode, modifiedNs, sizeBytes } = await copyFile(files, copy.location, staged);
    await files.syncDirectory(STAGED_DIRECTORY);
    const isHome = sizeBytes === copy.sizeBytes && (await isThere());
    const entered = await catalog.change(({ view, transaction }) => {
      if (!isHome || readCopy(view, version) === undefined) return false;
      writeCopy(transaction, version, { ...copy, staged, inode, modifiedNs });
      remindTodo(transaction.view, version);
      return true;
    });
    if (!entered) {
      await removeQuietly(files, staged);
      return false;
    }
  } catch (error) {
    await removeQuietly(files, staged);
    throw error;
  }
  await catalog.flushed();
  // What cannot be removed, or came there meanwhile, is nobody's from now on (C9).
  if (await isThere()) await removeQuietly(files, copy.location);
  await removeEmptyDirectories(files, directoryOf(copy.location));
  return true;
}

/** Durably, but for its name. @throws FileStoreError */
async function copyFile(files: FileStore, from: string, to: string): Promise<FileStat> {
  const source = await files.open(from);
  try {
    const file = await files.create(to);
    try {
      const buffer = new Uint8Array(CHUNK_BYTES);
      for (let position = 0; ; ) {
        const count = await source.read(buffer, position);
        if (count === 0) break;
        await file.write(buffer.subarray(0, count));
        position += count;
      }
      await file.sync();
      return await file.stat();
    } finally {
      await file.close();
    }
  } finally {
    await source.close();
  }
}
