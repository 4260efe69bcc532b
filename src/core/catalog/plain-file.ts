/**
 * Reading the rows of most files, which were put and never moved, and lie at one path. Of such rows only what a listing
 * or a location shows is made, in a fraction of the time that decoding all of it takes (rows.ts). What is no such row is
 * told apart and left to rows.ts, damaged ones included.
 */
import { hex } from "../bytes.ts";
import type { HybridTime, VersionId } from "../ids.ts";
import { CONTENT_KIND, REQUEST_BYTES, SHA256_BYTES } from "./content.ts";
import { TIME_BYTES, VERSION_BYTES, versionKey } from "./keys.ts";
import type { Bytes } from "./kv.ts";
import { FIELD_CODES, ROW_FORMAT, STAMP_IN_VALUE } from "./rows.ts";

const SLASH = 0x2f;
const NO_VERSION = `${"0".repeat(2 * TIME_BYTES)}-${"0".repeat(2 * (VERSION_BYTES - TIME_BYTES))}` as VersionId;

/** What was read last; each `read` writes over it. */
export class PlainFile {
  /** Where the version's row is. */
  readonly versionKey: Bytes = versionKey(NO_VERSION);
  version: VersionId = NO_VERSION;
  sizeBytes = 0;
  sha256 = "";
  /** Of the version, and of the content's register; with the rank that this has. */
  readonly rank = 0;
  time = 0 as HybridTime;
  /** What a register says N is. */
  target: number | undefined;
  /** There are registers of variables; what they say is left to variables.ts. */
  hasVariables = false;
  /** The local indexes of the origins by which servers say to hold it. */
  readonly origins: number[] = [];
  #row: Bytes = new Uint8Array(0);
  #at = 0;

  /** Takes in a path's row; false when it is no plain file's. */
  read(row: Bytes): boolean {
    this.#begin(row);
    this.target = undefined;
    this.hasVariables = false;
    let hasContent = false;
    if (row[0] !== ROW_FORMAT) return false;
    for (let left = this.#varint(); left > 0; left--) {
      const code = row[this.#at++]!;
      const inValue = code >= STAMP_IN_VALUE;
      const field = inValue ? code - STAMP_IN_VALUE : code;
      if (field === FIELD_CODES.variable) {
        if (!this.#skipName()) return false;
        this.hasVariables = true;
      }
      if (!inValue) {
        this.#varint();
        this.#at += VERSION_BYTES;
      }
      this.#skipMarks(this.#varint());
      const end = this.#varint() + this.#at;
      if (field === FIELD_CODES.content) {
        if (hasContent || !inValue || !this.#content(end)) return false;
        hasContent = true;
      } else if (field === FIELD_CODES.target) {
        if (this.target !== undefined) return false;
        this.target = this.#varint() || undefined;
        if (this.#at > end) return false;
      } else if (field !== FIELD_CODES.attributes && field !== FIELD_CODES.variable) {
        return false;
      }
      this.#at = end;
      if (!(end <= row.length)) return false;
    }
    return hasContent;
  }

  /** Takes in its version's row; false when the version has not this one path, whose key is `key`. */
  readHolders(row: Bytes | undefined, key: Bytes): boolean {
    if (row?.[0] !== ROW_FORMAT) return false;
    this.#begin(row);
    this.#at = row[1] === 0 ? 2 : 4;
    if (this.#varint() !== 1) return false;
    const length = this.#varint();
    if (length !== key.length - 1) return false;
    for (let i = 1; i <= length; i++) {
      if (row[this.#at++] !== (key[i] === 0 ? SLASH : key[i])) return false;
    }
    const { origins } = this;
    origins.length = 0;
    for (let left = this.#varint(); left > 0; left--) {
      const held = row[this.#at++] === 1;
      const marks = this.#varint();
      // The first mark is what counts; none is not seen where there is a holding.
      if (!(marks > 0)) return false;
      if (held) origins.push(row[this.#at]! * 256 + row[this.#at + 1]!);
      this.#skipMarks(marks);
      if (this.#at > row.length) return false;
    }
    return this.#at <= row.length;
  }

  #content(end: number): boolean {
    const row = this.#row;
    const kind = row[this.#at++];
    if (kind !== CONTENT_KIND.file && kind !== CONTENT_KIND.requestedFile) return false;
    const start = this.#at;
    if (start + VERSION_BYTES > row.length) return false;
    for (let i = 0; i < VERSION_BYTES; i++) this.versionKey[1 + i] = row[start + i]!;
    let time = 0;
    for (let i = start; i < start + TIME_BYTES; i++) time = time * 256 + row[i]!;
    this.time = time as HybridTime;
    const digits = hex(row, start, start + VERSION_BYTES);
    this.version = `${digits.slice(0, 2 * TIME_BYTES)}-${digits.slice(2 * TIME_BYTES)}` as VersionId;
    this.#at = start + VERSION_BYTES;
    this.sizeBytes = this.#varint();
    const behind = this.#at + SHA256_BYTES + (kind === CONTENT_KIND.file ? 0 : REQUEST_BYTES);
    // Versions may follow (content.ts), and nothing else.
    if (!(behind <= end && behind <= row.length) || (end - behind) % VERSION_BYTES !== 0) return false;
    this.sha256 = hex(row, this.#at, this.#at + SHA256_BYTES);
    return true;
  }

  /** Names are ASCII. */
  #skipName(): boolean {
    for (let left = this.#varint(); left > 0; left--) {
      const byte = this.#row[this.#at++];
      if (byte === undefined || byte >= 0x80) return false;
    }
    return true;
  }

  #begin(row: Bytes): void {
    this.#row = row;
    this.#at = 1;
  }

  #skipMarks(count: number): void {
    for (let left = count; left > 0 && this.#at < this.#row.length; left--) {
      this.#at += 2;
      this.#varint();
    }
  }

  /** What is too long for one puts the place behind the row, where nothing is taken for plain. */
  #varint(): number {
    const row = this.#row;
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count++) {
      const byte = row[this.#at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (value <= Number.MAX_SAFE_INTEGER) return value;
        break;
      }
      factor *= 128;
    }
    this.#at = Number.POSITIVE_INFINITY;
    return 0;
  }
}
