/**
 * The log: for each origin and number, which register that record wrote (C3). A row is a pointer, so what is streamed is
 * the register as it is now; a superseded record is thereby never sent, and its superseder always is.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import type { VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { readVersion, writeVersion } from "./keys.ts";
import type { Bytes } from "./kv.ts";

export type LogPointer =
  | { readonly kind: "path"; readonly path: FilePath; readonly field: string }
  /** The content register of the path where this version is current: shorter than its path. */
  | { readonly kind: "content"; readonly version: VersionId }
  /** The holder is the origin's server. */
  | { readonly kind: "holding"; readonly version: VersionId }
  | { readonly kind: "setting"; readonly name: string };

const KIND = { path: 1, content: 2, holding: 3, setting: 4 } as const;

export function encodePointer(pointer: LogPointer): Bytes {
  const writer = new ByteWriter(64).u8(KIND[pointer.kind]);
  switch (pointer.kind) {
    case "path":
      return writer.text(pointer.path).text(pointer.field).finish();
    case "content":
    case "holding":
      writeVersion(writer, pointer.version);
      return writer.finish();
    case "setting":
      return writer.text(pointer.name).finish();
  }
}

export function decodePointer(row: Bytes): LogPointer {
  const reader = new ByteReader(row);
  const kind = reader.u8();
  switch (kind) {
    case KIND.path:
      return { kind: "path", path: reader.text() as FilePath, field: reader.text() };
    case KIND.content:
      return { kind: "content", version: readVersion(reader) };
    case KIND.holding:
      return { kind: "holding", version: readVersion(reader) };
    case KIND.setting:
      return { kind: "setting", name: reader.text() };
    default:
      throw new RangeError(`unknown kind of log row ${kind}`);
  }
}
