/** What a transaction changed, one by one, for those who watch (GET /events). Nothing is noted while nobody does. */
import type { ServerId, VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import type { CatalogTransaction } from "./transaction.ts";
import type { Content, FileContent } from "./types.ts";

export type CatalogNote =
  | { readonly kind: "put"; readonly path: FilePath; readonly content: FileContent; readonly created: boolean }
  | { readonly kind: "made"; readonly path: FilePath }
  | { readonly kind: "deleted"; readonly path: FilePath; readonly before: Exclude<Content, { type: "deleted" }> }
  | {
      readonly kind: "moved";
      readonly path: FilePath;
      readonly before: Exclude<Content, { type: "deleted" }>;
      readonly to: FilePath;
    }
  | { readonly kind: "copy"; readonly version: VersionId; readonly server: ServerId; readonly held: boolean };

/** Before the rows follow: a version that has a path already arrives by a move, which its old path tells of. */
export function noteContent(
  transaction: CatalogTransaction,
  path: FilePath,
  before: Content | undefined,
  after: Content,
): void {
  const { notes } = transaction;
  if (notes === undefined) return;
  const live = before === undefined || before.type === "deleted" ? undefined : before;
  switch (after.type) {
    case "file": {
      const isKnown = transaction.version(after.version).paths.length > 0;
      if (!isKnown) notes.push({ kind: "put", path, content: after, created: live === undefined });
      return;
    }
    case "directory":
      if (live?.type !== "directory") notes.push({ kind: "made", path });
      return;
    case "deleted":
      if (live === undefined) return;
      if (after.movedTo === undefined) notes.push({ kind: "deleted", path, before: live });
      else noteMoved(notes, { kind: "moved", path, before: live, to: after.movedTo });
  }
}

/** A directory's arrival, which comes just before, is no news of its own. */
function noteMoved(notes: CatalogNote[], moved: CatalogNote & { readonly kind: "moved" }): void {
  const last = notes.at(-1);
  if (last?.kind === "made" && last.path === moved.to) notes.pop();
  notes.push(moved);
}
