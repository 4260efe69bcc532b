/**
 * A version with work left on this server's disk: its copy must move or go. What was known of the version when it left its last
 * path is kept with that, since the catalog says nothing of it any more when the work is done.
 */
import { ByteReader, ByteWriter } from "../bytes.ts";
import type { VersionId } from "../ids.ts";
import { SHA256_BYTES } from "./content.ts";
import { todoKey } from "./keys.ts";
import type { ReadView, WriteView } from "./kv.ts";

export interface Todo {
  /** Of its content, hexadecimal. */
  readonly sha256?: string | undefined;
  /** It is to lie in no trash. */
  readonly forever?: boolean;
}

const KIND = { usual: 1, forever: 2 } as const;

export function writeTodo(view: WriteView, version: VersionId, { sha256 = "", forever = false }: Todo = {}): void {
  const kind = forever ? KIND.forever : KIND.usual;
  view.put(todoKey(version), new ByteWriter(1 + SHA256_BYTES).u8(kind).hex(sha256).finish());
}

/** Work that is left, whatever was known before. */
export function remindTodo(view: WriteView, version: VersionId): void {
  if (view.get(todoKey(version)) === undefined) writeTodo(view, version);
}

export function readTodo(view: ReadView, version: VersionId): Todo | undefined {
  const row = view.get(todoKey(version));
  if (row === undefined) return undefined;
  const reader = new ByteReader(row);
  const forever = reader.u8() === KIND.forever;
  return { forever, sha256: reader.done ? undefined : reader.hex(SHA256_BYTES) };
}
