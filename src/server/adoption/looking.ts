/**
 * One file that is to be adopted: whether it may be, whether it is a copy already, and its digest, taken while nobody
 * changes it. Its bytes are durable then, and room for it is claimed.
 */
import { createHash } from "node:crypto";
import { hasTodo, readCopy } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { type FileStat, FileStoreError, type ReadableFile, type SourceDirectory } from "../../ports/file-store.ts";
import { checkFileMayBeAt } from "../operations/names.ts";
import type { Parts } from "../parts.ts";
import { statOrNothing } from "../storage/disk.ts";
import { isReserved } from "../storage/layout.ts";
import { sleep } from "../timers.ts";

/** Small enough that hashing one keeps the event loop for a fifth of a millisecond. */
const CHUNK_BYTES = 256 * 1024;
/** A file that changes while it is read is read again so often. */
const ATTEMPTS = 3;
/** What changed so lately may change again without its times showing it: they tick every few milliseconds. */
const TICK_MS = 50;

export interface Candidate {
  /** In the source. */
  readonly name: string;
  /** In the swarm. */
  readonly path: FilePath;
}

export interface Ready extends Candidate {
  readonly kind: "ready";
  readonly sha256: string;
  readonly stat: FileStat;
}

export type Outcome =
  | { readonly kind: "adopted"; readonly sizeBytes: number }
  /** The swarm had this content at that path; this server has a copy now, if it had none. */
  | { readonly kind: "present"; readonly sizeBytes: number }
  | { readonly kind: "skipped"; readonly name: string; readonly error: FsdfsError };

export interface Job {
  readonly source: SourceDirectory;
  readonly overwrite: boolean;
  readonly move: boolean;
  readonly dryRun: boolean;
  /** Aborted when nobody waits for it any more, or the server stops. */
  readonly signal: AbortSignal;
  /** So many bytes were read. */
  readonly onRead: (bytes: number) => void;
}

/** Room of what is "ready" stays claimed, and is to be released once the catalog counts the file, or it comes to nothing. */
export async function lookAt(parts: Parts, job: Job, candidate: Candidate): Promise<Ready | Outcome> {
  try {
    return await look(parts, job, candidate);
  } catch (error) {
    return { kind: "skipped", name: candidate.name, error: reasonToSkip(error, candidate.name) };
  }
}

async function look(parts: Parts, job: Job, candidate: Candidate): Promise<Ready | Outcome> {
  const { name, path } = candidate;
  const { source } = job;
  const stat = await source.stat(name);
  if (stat === undefined) throw new FsdfsError("file-changed", { path: name });
  if (stat.type !== "file") throw new FsdfsError("no-regular-file", { path: name });
  if (isReserved(path)) throw notAdoptable(name, "that path is fsdfs's own");
  if (await isCopy(parts, job, path, stat)) {
    if (job.move && !job.dryRun && source.place.kind === "outside") {
      await parts.catalog.flushed();
      await removeSource(source, name, stat); // A run that was interrupted came so far.
    }
    return { kind: "present", sizeBytes: stat.sizeBytes };
  }
  const isSameSize = checkCatalog(parts, job, path, stat);
  await checkDisk(parts, job, candidate, stat);
  if (job.dryRun) return { kind: isSameSize ? "present" : "adopted", sizeBytes: stat.sizeBytes };
  if (!(await claim(parts, stat.sizeBytes))) {
    throw new FsdfsError("adopt-no-room", { path: name, size: stat.sizeBytes });
  }
  try {
    return { kind: "ready", ...candidate, ...(await hashed(parts, job, name, stat.sizeBytes)) };
  } catch (error) {
    parts.space.release(stat.sizeBytes);
    throw error;
  }
}

/** By what the catalog recorded of this server's copy: what was adopted before is passed over without being read. */
async function isCopy(parts: Parts, { source }: Job, path: FilePath, stat: FileStat): Promise<boolean> {
  const view = parts.catalog.read();
  const entry = readEntry(view, path);
  if (entry?.type !== "file") return false;
  const { version } = entry.content;
  const copy = readCopy(view, version);
  if (copy?.location !== path || hasTodo(view, version) || copy.inode !== stat.inode) return false;
  if (copy.sizeBytes !== stat.sizeBytes || copy.modifiedNs !== stat.modifiedNs) return false;
  return source.place.kind === "inside" || (await statOrNothing(parts.ports.files, path))?.inode === stat.inode;
}

/** Whether the swarm has a file of this size there. @throws FsdfsError `adopt-conflict`, `is-a-directory`, `not-a-directory` */
function checkCatalog(parts: Parts, job: Job, path: FilePath, stat: FileStat): boolean {
  const view = parts.catalog.read();
  checkFileMayBeAt(view, path);
  const entry = readEntry(view, path);
  const isSameSize = entry?.type === "file" && entry.content.sizeBytes === stat.sizeBytes;
  if (entry?.type === "file" && !isSameSize && !job.overwrite) throw new FsdfsError("adopt-conflict", { path });
  return isSameSize;
}

/** A copy's file is on the data directory's disk, so that it can be renamed, and is the copy of one version only. */
async function checkDisk(parts: Parts, { source }: Job, { name, path }: Candidate, stat: FileStat): Promise<void> {
  const { files } = parts.ports;
  if (stat.device !== (await files.stat(""))?.device) {
    throw notAdoptable(name, "it lies on another file system than the data directory; put it instead (fsdfs put)");
  }
  if (stat.links === 1) return;
  // A run that was interrupted may have left the file linked already.
  const isLinked = source.place.kind === "outside" && (await statOrNothing(files, path))?.inode === stat.inode;
  if (stat.links > 2 || !isLinked) {
    throw notAdoptable(name, `it has ${stat.links} names (hard links), and would change under all of them`);
  }
}

async function claim({ space, trash }: Parts, bytes: number): Promise<boolean> {
  if (space.claim(bytes, "upload")) return true;
  await trash.makeRoom(bytes, "upload");
  return space.claim(bytes, "upload");
}

async function hashed(
  parts: Parts,
  job: Job,
  name: string,
  sizeBytes: number,
): Promise<{ readonly sha256: string; readonly stat: FileStat }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const file = await job.source.open(name);
    try {
      const before = await file.stat();
      if (before.sizeBytes !== sizeBytes) break; // Room was claimed for another file.
      await lieStill(parts, job, before);
      await file.sync();
      const sha256 = await digest(file, sizeBytes, job);
      const after = await file.stat();
      if (isUnchanged(before, after)) return { sha256, stat: after };
    } finally {
      await file.close();
    }
  }
  throw new FsdfsError("file-changed", { path: name });
}

/** Waits until any further change would show in the file's times. */
async function lieStill({ ports: { clock } }: Parts, { signal }: Job, stat: FileStat): Promise<void> {
  const sinceMs = clock.wall() - Number(stat.changedNs / 1_000_000n);
  if (sinceMs >= 0 && sinceMs < TICK_MS) await sleep(clock, TICK_MS, signal);
}

async function digest(file: ReadableFile, sizeBytes: number, { signal, onRead }: Job): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes + 1));
  for (let position = 0; position <= sizeBytes; ) {
    if (signal.aborted) throw new FsdfsError("stopping");
    const count = await file.read(buffer, position);
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    position += count;
    onRead(count);
  }
  return hash.digest("hex");
}

export function isUnchanged(a: FileStat, b: FileStat): boolean {
  return a.changedNs === b.changedNs && isSameContent(a, b);
}

/** As far as the times of a file tell that was given another name meanwhile. */
export function isSameContent(a: FileStat, b: FileStat): boolean {
  return a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.modifiedNs === b.modifiedNs;
}

/** Takes away the user's name of what is durable under its own (A3). He may have put another file there since. */
export async function removeSource(source: SourceDirectory, name: string, adopted: FileStat): Promise<void> {
  const found = await source.stat(name);
  if (found !== undefined && isSameContent(found, adopted)) await source.remove(name);
}

export function notAdoptable(path: string, reason: string): FsdfsError {
  return new FsdfsError("not-adoptable", { path, reason });
}

/** What a failure means for one file; what no file is to blame for is thrown on. */
export function reasonToSkip(error: unknown, name: string): FsdfsError {
  if (error instanceof FsdfsError && !JOB_ENDS.includes(error.code)) return error;
  if (!(error instanceof FileStoreError)) throw error;
  switch (error.code) {
    case "missing":
    case "not-a-file":
    case "symlink":
      return new FsdfsError("file-changed", { path: name }, { cause: error });
    case "exists":
      return notAdoptable(name, "something else lies at that path on this server's disk");
    case "not-a-directory":
      return notAdoptable(name, "a file lies on the way to it on this server's disk");
    case "other-device":
      return notAdoptable(name, "it lies on another file system than the data directory; put it instead (fsdfs put)");
    case "denied":
    case "read-only":
      return notAdoptable(name, "the server's user may not read or link it");
    default:
      return notAdoptable(name, `the disk failed (${error.code})`);
  }
}

const JOB_ENDS: readonly string[] = ["stopping", "behind", "clock-wrong", "interrupted"];
