/** The one name space (C12): what may be written where. Checked before bytes are taken, and again in the change. */
import { readEntry } from "../../core/catalog/entries.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import { ancestorsOf, type FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";

/** @throws FsdfsError `not-a-directory`, `is-a-directory` */
export function checkFileMayBeAt(view: ReadView, path: FilePath): void {
  checkAncestors(view, path);
  if (readEntry(view, path)?.type === "directory") throw new FsdfsError("is-a-directory", { path });
}

/** @throws FsdfsError `not-a-directory`, `already-exists` */
export function checkDirectoryMayBeAt(view: ReadView, path: FilePath): void {
  checkAncestors(view, path);
  if (readEntry(view, path)?.type === "file") throw new FsdfsError("already-exists", { path });
}

/** @throws FsdfsError `not-a-directory` when an ancestor is a file */
export function checkAncestors(view: ReadView, path: FilePath): void {
  for (const ancestor of ancestorsOf(path)) {
    const content = contentOf(readRegisters(view, entryKey(ancestor)));
    if (content?.type === "file") throw new FsdfsError("not-a-directory", { path: ancestor });
  }
}
