/**
 * System calls as the adapter makes them. Through the thread pool goes what may wait for the disk. What the kernel answers
 * from memory is asked at once, since handing a call to another thread costs ten times as much as such a call takes.
 * Files are plain descriptors: Node's FileHandle is an object for each, and can be closed by another thread only.
 */
import { type BigIntStats, close, fsync, lstat, lstatSync, open, read, write } from "node:fs";
import { promisify } from "node:util";
import type { Bytes } from "../../core/catalog/kv.ts";

const READ_OWN_AND_OTHERS = 0o666; // Less the umask, as for any file.

export const syncFile = promisify(fsync);
export const closeFile = promisify(close);

export function openFile(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, READ_OWN_AND_OTHERS, (error, descriptor) => {
      if (error === null) resolve(descriptor);
      else reject(error);
    });
  });
}

/** Answers how many of the bytes from `start` on were written at `position`. */
export function writeFile(descriptor: number, bytes: Bytes, start: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, start, bytes.length - start, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/** Answers how many bytes were read to `start` and behind it. */
export function readFile(descriptor: number, bytes: Bytes, start: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, bytes, start, bytes.length - start, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** Undefined when nothing has that name. */
export function look(path: string): Promise<BigIntStats | undefined> {
  return new Promise((resolve, reject) => {
    lstat(path, { bigint: true }, (error, stats) => {
      if (error === null) resolve(stats);
      else if (isMissing(error)) resolve(undefined);
      else reject(error);
    });
  });
}

/** The same on this thread, for names that the kernel has just looked up: it has them in memory. */
export function lookAtOnce(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function isMissing(error: NodeJS.ErrnoException): boolean {
  return error.code === "ENOENT" || error.code === "ENOTDIR";
}
