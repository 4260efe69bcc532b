/**
 * Paths (S7): the only place where text or a URL becomes a path. A path is the segments' names joined by "/", without
 * one at either end, kept byte for byte as given: "é" written in two ways names two files. Whether a disk can hold a
 * name is not known here; paths below `.fsdfs/` are as valid as any.
 */
import { FsdfsError } from "../errors.ts";

declare const brand: unique symbol;

/** The path of a file or of a directory other than the root. */
export type FilePath = string & { readonly [brand]: "FilePath" };

/** With LMDB's keys of 1,978 bytes this leaves an index room for its prefix and its numbers. */
export const PATH_BYTES_MAX = 1800;
/** NAME_MAX of the file systems in use. */
export const SEGMENT_BYTES_MAX = 255;

/** Takes one leading "/", as people write it. @throws FsdfsError `path-invalid` */
export function parsePath(text: string): FilePath {
  const path = text.startsWith("/") ? text.slice(1) : text;
  if (path === "") refuse("it is empty");
  checkPath(path);
  return path as FilePath;
}

/** A directory's path, with or without "/" at its ends; "" is the root. @throws FsdfsError `path-invalid` */
export function parseDirectoryPath(text: string): FilePath | "" {
  if (text === "" || text === "/") return "";
  return parsePath(text.endsWith("/") ? text.slice(0, -1) : text);
}

/** `.fsdfs` and below: what governs the swarm, as its policy, lies there, and only an admin key changes it. */
export function isGoverning(path: string): boolean {
  return path === ".fsdfs" || path.startsWith(".fsdfs/");
}

/** Whether a path that came from elsewhere than a client is one. */
export function isFilePath(text: string): text is FilePath {
  try {
    checkPath(text);
    return true;
  } catch {
    return false;
  }
}

export interface DecodedUrlPath {
  /** "" is the root. */
  readonly path: FilePath | "";
  /** The URL ended in "/", so it speaks of a directory. */
  readonly directory: boolean;
}

/**
 * Decodes, once, what follows a route's prefix ("/files/") in a request's target as it came over the wire: still
 * percent-encoded, one character a byte, the query behind it.
 *
 * @throws FsdfsError `path-invalid`
 */
export function decodeUrlPath(rawTarget: string): DecodedUrlPath {
  const query = rawTarget.indexOf("?");
  const raw = query < 0 ? rawTarget : rawTarget.slice(0, query);
  const directory = raw === "" || raw.endsWith("/");
  if (raw === "") return { path: "", directory };
  const path = raw
    .slice(0, directory ? -1 : undefined)
    .split("/")
    .map(decodeSegment)
    .join("/");
  checkPath(path);
  return { path: path as FilePath, directory };
}

/** The opposite of `decodeUrlPath`, for a file. */
export function encodeUrlPath(path: FilePath): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** "" for what lies in the root. */
export function parentOf(path: FilePath): FilePath | "" {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0)) as FilePath | "";
}

/** The last segment. */
export function nameOf(path: FilePath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The directories above, from the top down, without the root. */
export function ancestorsOf(path: FilePath): FilePath[] {
  const ancestors: FilePath[] = [];
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) {
    ancestors.push(path.slice(0, end) as FilePath);
  }
  return ancestors;
}

/** Overlong forms and surrogates are errors; a byte order mark is part of the name. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function checkPath(path: string): void {
  if (!path.isWellFormed()) refuse("it is not valid Unicode");
  if (path.includes("\0")) refuse("it contains NUL");
  const sizeBytes = utf8Bytes(path);
  if (sizeBytes > PATH_BYTES_MAX) refuse(`it has ${sizeBytes} bytes, and ${PATH_BYTES_MAX} are the most`);
  for (const segment of path.split("/")) checkSegment(segment);
}

function checkSegment(segment: string): void {
  if (segment === "") refuse("a segment is empty");
  if (segment === "." || segment === "..") refuse(`it has a segment '${segment}'`);
  const sizeBytes = utf8Bytes(segment);
  if (sizeBytes > SEGMENT_BYTES_MAX) {
    refuse(`a segment has ${sizeBytes} bytes, and ${SEGMENT_BYTES_MAX} are the most`);
  }
}

/** Without an allocation: every path that comes or goes is measured. Of well-formed text; needs nothing of Node.js. */
function utf8Bytes(text: string): number {
  let sizeBytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair makes two of the pair's four bytes.
    sizeBytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return sizeBytes;
}

/** As most are; `decodeSegment` reads the others, and says what is wrong. */
const ASCII = /^[\x20-\x7e]*$/;

function decodeSegment(raw: string): string {
  const segment = (ASCII.test(raw) ? decodeQuickly(raw) : undefined) ?? decodeBytes(raw);
  if (segment.includes("/")) refuse("a name cannot contain '/', and %2F stands for it");
  return segment;
}

/** Undefined when it cannot be decoded. */
function decodeQuickly(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

function decodeBytes(raw: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i] === "%" ? escapedByte(raw.slice(i + 1, i + 3)) : raw.charCodeAt(i);
    if (raw[i] === "%") i += 2;
    if (byte > 255) refuse("it has characters that a URL cannot have");
    bytes.push(byte);
  }
  return decodeUtf8(Uint8Array.from(bytes));
}

function escapedByte(digits: string): number {
  if (!/^[0-9a-fA-F]{2}$/.test(digits)) refuse("its percent-encoding is broken");
  return Number.parseInt(digits, 16);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return refuse("it is not valid UTF-8");
  }
}

function refuse(reason: string): never {
  throw new FsdfsError("path-invalid", { reason });
}
