import type { Bytes } from "../core/catalog/kv.ts";

/**
 * The data directory, seen as the few file system calls that fsdfs builds on. It is low-level on purpose: each call is
 * one step that may be the last before a crash, and the simulator stops servers between any two.
 *
 * Names are relative to the data directory, segments joined by "/", the empty name being the data directory itself.
 * They have passed the path rules (S7) or were made by fsdfs. No call follows a symbolic link inside the data
 * directory, neither in the last segment nor in an ancestor: it fails with `symlink` (only `stat` and `list` tell of
 * links as such).
 */
export interface FileStore {
  /** A new, empty file, open for writing. @throws FileStoreError `exists`, `missing` (its directory), `no-space`, … */
  create(name: string): Promise<WritableFile>;
  /** A regular file that is there, open for writing behind its end. @throws FileStoreError `missing`, `symlink`, `not-a-file` */
  append(name: string): Promise<WritableFile>;
  /** A regular file, open for reading. @throws FileStoreError `missing`, `symlink`, `not-a-file` */
  open(name: string): Promise<ReadableFile>;
  /** What is there under that name, without following a link; undefined when nothing is. */
  stat(name: string): Promise<FileStat | undefined>;
  /** The names in a directory, in no order. @throws FileStoreError `missing`, `not-a-directory`, `symlink` */
  list(name: string): Promise<DirectoryEntry[]>;
  /**
   * The same for directories of any size, `LIST_BATCH` at a time, so that nobody waits long. What is made or removed
   * meanwhile may be left out or not.
   */
  listInBatches(name: string): AsyncIterable<DirectoryEntry[]>;
  /** Makes one directory in an existing one. @throws FileStoreError `exists`, `missing` */
  makeDirectory(name: string): Promise<void>;
  /** Removes an empty directory. @throws FileStoreError `missing`, `not-empty`, `not-a-directory` */
  removeDirectory(name: string): Promise<void>;
  /** Makes the names in a directory durable, as fsync(2) of a directory does. */
  syncDirectory(name: string): Promise<void>;
  /** Renames a file or directory; a file takes the place of a file that is there. @throws FileStoreError `missing`, … */
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name. @throws FileStoreError `exists`, `missing` */
  link(from: string, to: string): Promise<void>;
  /** Takes away one name of a file. @throws FileStoreError `missing`, `not-a-file` (a directory) */
  remove(name: string): Promise<void>;
  /**
   * A directory of this machine that files are taken over from: the data directory, one in it, or another. `path` is
   * absolute and leads through no link. `marker` is a name that tells data directories of fsdfs from others.
   *
   * @throws FileStoreError `missing`, `not-a-directory`, `symlink`, `denied`
   */
  openSource(path: string, marker: string): Promise<SourceDirectory>;
  /** Size and free space in bytes of the file system the data directory lies on. */
  capacity(): Promise<{ totalBytes: number; freeBytes: number }>;
}

/** Names are relative to it. No call follows a link below it, as in the data directory. To be closed in the end. */
export interface SourceDirectory {
  /**
   * Where it lies: in the data directory under this name, around it (then nothing may be taken over), in another directory
   * that has the marker or is below one, or elsewhere.
   */
  readonly place: SourcePlace;
  /** As in the file store; the empty name is the directory itself. */
  listInBatches(name: string): AsyncIterable<DirectoryEntry[]>;
  stat(name: string): Promise<FileStat | undefined>;
  /** @throws FileStoreError `missing`, `symlink`, `not-a-file`, `denied` */
  open(name: string): Promise<ReadableFile>;
  /** Gives a file a second name in the data directory. @throws FileStoreError `exists`, `missing`, `other-device`, `read-only` */
  linkTo(name: string, to: string): Promise<void>;
  /** Takes away one name of a file. @throws FileStoreError `missing`, `read-only` */
  remove(name: string): Promise<void>;
  close(): void;
}

export type SourcePlace =
  | { readonly kind: "inside"; readonly name: string }
  | { readonly kind: "around" | "foreign" | "outside" };

/** Names in one batch of a listing. */
export const LIST_BATCH = 500;

export type FileType = "file" | "directory" | "symlink" | "other";

export interface FileStat {
  readonly type: FileType;
  readonly sizeBytes: number;
  /** Inode number. A rename keeps it, and a new file gets a new one. */
  readonly inode: number;
  /** Time of the last change of content in nanoseconds since the Unix epoch, as 64 bits with a sign hold it. */
  readonly modifiedNs: bigint;
  /** Time of the last change of content, names or attributes: nobody can set it back. */
  readonly changedNs: bigint;
  /** Number of the file system it lies on. */
  readonly device: number;
  /** How many names the file has. */
  readonly links: number;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly type: FileType;
}

export interface WritableFile {
  /**
   * Appends all of `chunk`; the caller may reuse it once the promise has resolved. That it could not be written may be told
   * by a later call of any method. @throws FileStoreError `no-space`, `io`
   */
  write(chunk: Bytes): Promise<void>;
  /** fsync(2). After a failure the file must be thrown away, never synced again (S4). */
  sync(): Promise<void>;
  stat(): Promise<FileStat>;
  close(): Promise<void>;
}

export interface ReadableFile {
  stat(): Promise<FileStat>;
  /** Fills `buffer` from `position` on. Answers the count of bytes read; 0 at the end. */
  read(buffer: Bytes, position: number): Promise<number>;
  /** fsync(2): what another program wrote into the file survives a power cut from now on. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type FileStoreErrorCode =
  | "exists"
  | "missing"
  | "not-a-file"
  | "not-a-directory"
  | "not-empty"
  | "symlink"
  | "no-space"
  | "read-only"
  | "too-long"
  | "denied"
  | "other-device"
  /** The system has no more descriptors or memory at the moment: nothing is wrong with the disk. */
  | "busy"
  | "io";

export class FileStoreError extends Error {
  readonly code: FileStoreErrorCode;

  constructor(code: FileStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FileStoreError";
    this.code = code;
  }
}
