/**
 * The log of a server in the background: `DATA/.fsdfs/log/server.log`, and beside it `server.log.1`, what was before.
 *
 * The file is the standard error of the server's processes, so that whatever any of them says is in it, the last words of
 * one that falls included. They go on writing to the same file, so a full one is copied and emptied, not renamed.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { copyFile, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { STATE_DIRECTORY_NAME } from "../config.ts";

/** A month of a busy server. With the file before it, twice that is the most it takes. */
const LOG_FILE_BYTES_MAX = 10 * 1024 ** 2;
const LOOK_INTERVAL_MS = 2_000;
const CHUNK_BYTES = 64 * 1024;

export function logFile(dataDirectory: string): string {
  return join(dataDirectory, STATE_DIRECTORY_NAME, "log", "server.log");
}

export function earlierLogFile(file: string): string {
  return `${file}.1`;
}

/** Answers a descriptor for further lines. */
export async function openLogFile(file: string): Promise<number> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  return openSync(file, "a", 0o600);
}

/** As long as this process runs. */
export function keepLogBounded(file: string): void {
  let busy = false;
  setInterval(async () => {
    if (busy) return;
    busy = true;
    await boundLogFile(file).catch(() => undefined);
    busy = false;
  }, LOOK_INTERVAL_MS).unref();
}

/** Begins the file anew once it is larger than `bytesMax`; what was in it is then in the earlier file. */
export async function boundLogFile(file: string, bytesMax = LOG_FILE_BYTES_MAX): Promise<void> {
  const { size } = await stat(file);
  if (size <= bytesMax) return;
  const staged = `${earlierLogFile(file)}.new`;
  // On a disk that is full it is better to lose a log than to go on filling the disk with it.
  const kept = await copyFile(file, staged).then(
    () => true,
    () => false,
  );
  cutOff(file, kept ? staged : undefined);
  if (kept) await rename(staged, earlierLogFile(file));
  else await rm(staged, { force: true });
}

/** Empties `file`. What was written since it was copied to `copy` is taken along; nothing comes between. */
function cutOff(file: string, copy: string | undefined): void {
  const from = openSync(file, "r+");
  const to = copy === undefined ? undefined : openSync(copy, "a");
  try {
    if (to !== undefined) appendRest(from, to);
    ftruncateSync(from, 0);
  } finally {
    closeSync(from);
    if (to !== undefined) closeSync(to);
  }
}

function appendRest(from: number, to: number): void {
  const chunk = new Uint8Array(CHUNK_BYTES);
  let at = fstatSync(to).size;
  for (let read = readSync(from, chunk, 0, CHUNK_BYTES, at); read > 0; ) {
    writeSync(to, chunk, 0, read);
    at += read;
    read = readSync(from, chunk, 0, CHUNK_BYTES, at);
  }
}
