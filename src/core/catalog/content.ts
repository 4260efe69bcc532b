/** The value of a content register as bytes. Its first byte is the kind; unknown kinds are refused, never guessed. */
import { ByteReader, ByteWriter, readable } from "../bytes.ts";
import type { VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { readVersion, VERSION_BYTES, versionOfBytes, writeVersion } from "./keys.ts";
import type { Bytes } from "./kv.ts";
import type { Content } from "./types.ts";

/** The first byte of a content. */
export const CONTENT_KIND = { file: 1, directory: 2, deleted: 3, moved: 4, requestedFile: 5 } as const;
export const SHA256_BYTES = 32;
export const REQUEST_BYTES = 8;

export function encodeContent(content: Content): Bytes {
  const writer = new ByteWriter(64);
  switch (content.type) {
    case "file":
      writer.u8(content.request === undefined ? CONTENT_KIND.file : CONTENT_KIND.requestedFile);
      writeVersion(writer, content.version)
        .varint(content.sizeBytes)
        .hex(content.sha256)
        .hex(content.request ?? "");
      return writeForever(writer, content.forever).finish();
    case "directory":
      return writeForever(writer.u8(CONTENT_KIND.directory), content.forever).finish();
    case "deleted":
      if (content.movedTo !== undefined) return writer.u8(CONTENT_KIND.moved).text(content.movedTo).finish();
      writer.u8(CONTENT_KIND.deleted);
      if (content.by !== undefined || content.forever !== undefined) writer.text(content.by ?? "");
      return writeForever(writer, content.forever).finish();
  }
}

/** What most contents have none of stands at the end, and takes no byte of them. */
function writeForever(writer: ByteWriter, versions: readonly VersionId[] = []): ByteWriter {
  for (const version of versions) writeVersion(writer, version);
  return writer;
}

function readForever(reader: ByteReader): readonly VersionId[] | undefined {
  const versions: VersionId[] = [];
  while (!reader.done) versions.push(readVersion(reader));
  return versions.length === 0 ? undefined : versions;
}

/** Whether a content register's value is a deletion, moves included. */
export function isDeletion(value: Bytes): boolean {
  return value[0] === CONTENT_KIND.deleted || value[0] === CONTENT_KIND.moved;
}

/** Whether a content register's value is a file's. */
export function isFileContent(value: Bytes): boolean {
  return value[0] === CONTENT_KIND.file || value[0] === CONTENT_KIND.requestedFile;
}

/** The version of a file's content, without the rest being read; undefined for what is no file. */
export function fileVersionIn(value: Bytes): VersionId | undefined {
  return isFileContent(value) ? versionOfBytes(value, 1) : undefined;
}

/** The bytes that a file has by its content, without the rest being read; undefined for what is no file. */
export function fileSizeIn(value: Bytes): number | undefined {
  if (!isFileContent(value)) return undefined;
  return readable(() => new ByteReader(value, 1 + VERSION_BYTES).varint());
}

/** @throws RangeError when the bytes are no content this version of fsdfs knows */
export function decodeContent(bytes: Bytes): Content {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  switch (kind) {
    case CONTENT_KIND.file:
    case CONTENT_KIND.requestedFile:
      return {
        type: "file",
        version: readVersion(reader),
        sizeBytes: reader.varint(),
        sha256: reader.hex(SHA256_BYTES),
        request: kind === CONTENT_KIND.requestedFile ? reader.hex(REQUEST_BYTES) : undefined,
        forever: readForever(reader),
      };
    case CONTENT_KIND.directory:
      return { type: "directory", forever: readForever(reader) };
    case CONTENT_KIND.deleted:
      return {
        type: "deleted",
        movedTo: undefined,
        by: (reader.done ? "" : reader.text()) || undefined,
        forever: readForever(reader),
      };
    case CONTENT_KIND.moved:
      return { type: "deleted", movedTo: reader.text() as FilePath };
    default:
      throw new RangeError(`unknown kind of content ${kind}`);
  }
}
