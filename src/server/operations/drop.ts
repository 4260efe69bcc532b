/** `fsdfs drop`: this server gives up its own copy of a file, by promise (D1). */
import { readEntry } from "../../core/catalog/entries.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Parts } from "../parts.ts";

/** A copy that was given up is not copied back for so long (R6): should the file fall below N meanwhile, others copy it first. */
const NOT_BACK_MS = 60_000;

export async function drop(parts: Parts, path: FilePath): Promise<void> {
  const entry = readEntry(parts.catalog.read(), path);
  if (entry?.type === "directory") throw new FsdfsError("is-a-directory", { path });
  if (entry === undefined) throw new FsdfsError("file-not-found", { path });
  const { version } = entry.content;
  if (!parts.copies.has(version)) throw new FsdfsError("copy-not-here", { path });
  parts.puller.leaveAlone(version, NOT_BACK_MS);
  const reason = await parts.dropping.drop(version);
  if (reason !== undefined) throw new FsdfsError("drop-refused", { path, reason });
}
