/**
 * The data directory as a serving process reads it: at once, without leaving the event loop, since what is read is small
 * or lies in the page cache. Names are those of file-store.ts.
 */
import type { Bytes } from "../core/catalog/kv.ts";

export interface LocalFiles {
  /**
   * A file, open for reading, if it is the one with that inode number on the data directory's own file system; which
   * makes it the same file, however its name leads there. Undefined when it is not, or cannot be opened.
   */
  open(name: string, inode: number): LocalFile | undefined;
  /** Whether that file is still as recorded. */
  isStill(name: string, recorded: RecordedFile): boolean;
  /** All bytes of such a file, if it still has that size and time of change once they are read. Blocks while the disk does. */
  readWhole(name: string, recorded: RecordedFile): Bytes | undefined;
}

/** A file as the catalog has it. */
export interface RecordedFile {
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
}

export interface LocalFile {
  /** As the disk has them at this moment. */
  look(): { readonly sizeBytes: number; readonly modifiedNs: bigint };
  /** Answers the count of bytes read; 0 at the end. Blocks while the disk does. */
  readNow(buffer: Bytes, position: number): number;
  read(buffer: Bytes, position: number): Promise<number>;
  close(): void;
}
