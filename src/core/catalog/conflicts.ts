/**
 * Paths that a partition, or two writes at the same moment, made both a file and a directory (C12). The directory stays,
 * and the file moves to a conflict name beside it. Whoever sees the conflict writes that move, and all of them write the
 * very same: the name comes from path and version, and the stamps are the file's own with a server that none is, so
 *
 * N1. the move beats what it moves and nothing that any server wrote since: a file that was overwritten, a conflict file
 *     that was deleted, stay what they are, whoever learns of the conflict when.
 *
 * Merging notes where to look, in the same transaction; what is noted is looked at once this server may coordinate.
 */
import type { ServerId, VersionId } from "../ids.ts";
import { ancestorsOf, type FilePath, nameOf, PATH_BYTES_MAX, parentOf, SEGMENT_BYTES_MAX } from "../paths.ts";
import { encodeContent } from "./content.ts";
import { conflictKey } from "./keys.ts";
import { CONTENT_FIELD, contentOf } from "./merge.ts";
import type { Register } from "./rows.ts";
import type { CatalogTransaction } from "./transaction.ts";
import { hasLiveDescendant } from "./tree.ts";
import type { Content, Stamp } from "./types.ts";

/** Greater than every server's: of two writes of one time it is the later. */
const NOBODY = "ffffffffffff" as ServerId;
/** A longer one is no extension, but part of the name. */
const EXTENSION_LENGTH_MAX = 16;
/** In UTF-8. */
const CHARACTER_BYTES_MAX = 4;

/** A register to be written with a stamp of its own. */
export interface Written {
  readonly path: FilePath;
  readonly field: string;
  readonly stamp: Stamp;
  readonly value: Uint8Array;
}

/** Something has come to be at `path`: notes the file that is in its way, or that it is one in the way of others. */
export function noteConflict(
  transaction: CatalogTransaction,
  path: FilePath,
  before: Content | undefined,
  after: Content,
) {
  if (after.type === "deleted") return;
  for (const ancestor of ancestorsOf(path)) {
    if (contentOf(transaction.registers(ancestor))?.type === "file") note(transaction, ancestor);
  }
  if (after.type === "file" && before?.type !== "file" && hasLiveDescendant(transaction.view, path)) {
    note(transaction, path);
  }
}

function note(transaction: CatalogTransaction, path: FilePath): void {
  transaction.view.put(conflictKey(path), Uint8Array.of(1));
  transaction.conflicts = true;
}

/** What moves the file away from a path that is a directory as well; undefined when it is not. Destinations first (C2). */
export function resolution(transaction: CatalogTransaction, path: FilePath): readonly Written[] | undefined {
  const registers = transaction.registers(path);
  const content = contentOf(registers);
  if (content?.type !== "file" || !hasLiveDescendant(transaction.view, path)) return undefined;
  const to = conflictPath(path, content.version);
  const moved = registers.map(({ field, stamp, value }: Register) => ({ path: to, field, stamp: later(stamp), value }));
  const { stamp } = registers.find(({ field }) => field === CONTENT_FIELD)!;
  const left = encodeContent({ type: "deleted", movedTo: to });
  return [...moved, { path, field: CONTENT_FIELD, stamp: later(stamp), value: left }];
}

function later(stamp: Stamp): Stamp {
  return { ...stamp, server: NOBODY };
}

/**
 * `music/song.ogg` becomes `music/song (conflict VERSION).ogg`, its name cut where it would be too long, one directory
 * higher where the path would be.
 */
export function conflictPath(path: FilePath, version: VersionId): FilePath {
  const name = nameOf(path);
  const dot = name.lastIndexOf(".");
  const isExtension = dot > 0 && name.length - dot <= EXTENSION_LENGTH_MAX && Buffer.byteLength(name.slice(dot)) < 64;
  const [stem, extension] = isExtension ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  const mark = ` (conflict ${version})${extension}`;
  const markBytes = Buffer.byteLength(mark);
  for (let parent = parentOf(path); ; parent = parentOf(parent as FilePath)) {
    const prefix = parent === "" ? "" : `${parent}/`;
    const roomBytes = Math.min(SEGMENT_BYTES_MAX, PATH_BYTES_MAX - Buffer.byteLength(prefix)) - markBytes;
    if (roomBytes <= 0 && parent !== "") continue;
    const to = `${prefix}${cut(stem, roomBytes)}${mark}`;
    // That of a conflict file whose name was cut: another mark would be cut off again.
    return (to === path ? `${prefix}${cut(stem, roomBytes - CHARACTER_BYTES_MAX)}${mark}` : to) as FilePath;
  }
}

/** The first characters, of so many bytes at most. */
function cut(text: string, bytesMax: number): string {
  let kept = "";
  let sizeBytes = 0;
  for (const character of text) {
    sizeBytes += Buffer.byteLength(character);
    if (sizeBytes > bytesMax) break;
    kept += character;
  }
  return kept;
}
