/** Small steps on the data directory that several parts take. */
import { type FileStore, FileStoreError, type FileStoreErrorCode } from "../../ports/file-store.ts";
import { directoryOf } from "./layout.ts";

export async function removeQuietly(files: FileStore, name: string): Promise<void> {
  await files.remove(name).catch((error: unknown) => {
    if (!(error instanceof FileStoreError)) throw error;
  });
}

/** Whether the disk failed in one of these ways. */
export function isDiskError(error: unknown, ...codes: FileStoreErrorCode[]): boolean {
  return error instanceof FileStoreError && codes.includes(error.code);
}

/** Makes a directory and its ancestors where they are missing, each durable in the one above it. */
export async function makeDirectories(files: FileStore, directory: string): Promise<void> {
  if (directory === "") return;
  const found = await files.stat(directory);
  if (found?.type === "directory") return;
  if (found !== undefined) throw new FileStoreError("not-a-directory", "a file lies where a directory should be");
  await makeDirectories(files, directoryOf(directory));
  try {
    await files.makeDirectory(directory);
  } catch (error) {
    if (!isDiskError(error, "exists")) throw error;
  }
  await files.syncDirectory(directoryOf(directory));
}

/** Removes a directory that has become empty, and those above it, but not the data directory. */
export async function removeEmptyDirectories(files: FileStore, directory: string): Promise<void> {
  for (let name = directory; name !== ""; name = directoryOf(name)) {
    try {
      await files.removeDirectory(name);
    } catch {
      return; // Not empty, gone already, or not removable: it may stay.
    }
  }
}
