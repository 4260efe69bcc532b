/** The change that makes a version of a PUT: its name, its content, this server's copy, all in one transaction (W1 of put.ts). */
import { encodeContent } from "../../core/catalog/content.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { CatalogRecord, FileContent } from "../../core/catalog/types.ts";
import type { Conditions } from "../../core/conditions.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Change } from "../catalog/change.ts";
import { NamesReserved } from "../catalog/times.ts";
import type { Parts } from "../parts.ts";
import type { StillWanted } from "../readiness.ts";
import type { StagedFile } from "../storage/staging.ts";
import type { DecidedPut } from "./decisions.ts";
import { withForever } from "./forever.ts";
import { checkFileMayBeAt } from "./names.ts";
import { removeLeftVariables } from "./variables.ts";

const NAMING_ATTEMPTS = 5;

export interface Wish {
  readonly path: FilePath;
  /** Digest of the request's id. */
  readonly request: string | undefined;
  readonly conditions: Conditions | undefined;
  readonly stillWanted: StillWanted;
}

/** What a change came to: a new version, or what this very request had made before. */
export type Entered =
  | {
      readonly kind: "made";
      readonly record: CatalogRecord;
      readonly version: VersionId;
      readonly created: boolean;
    }
  | { readonly kind: "present"; readonly content: FileContent }
  | { readonly kind: "superseded"; readonly decided: DecidedPut };

export async function nameAndEnter(parts: Parts, wish: Wish, staged: StagedFile): Promise<Entered> {
  for (let attempt = 0; attempt < NAMING_ATTEMPTS; attempt++) {
    await parts.catalog.times.readyToName();
    let entered: Entered | undefined;
    const settled = (isDone: boolean) => {
      if (entered?.kind === "made") parts.decisions.settled(wish.path, wish.request, isDone);
    };
    try {
      await parts.catalog.change((change) => {
        entered = enter(parts, change, wish, staged);
      });
      settled(true);
      return entered!;
    } catch (error) {
      settled(false);
      if (!(error instanceof NamesReserved)) throw error; // Nothing was changed: the clock ran on, or jumped.
    }
  }
  throw new FsdfsError("behind");
}

function enter(parts: Parts, change: Change, wish: Wish, staged: StagedFile): Entered {
  const { catalog, copies, decisions } = parts;
  const { path, request, conditions } = wish;
  wish.stillWanted(change);
  checkFileMayBeAt(change.view, path);
  const before = readEntry(change.view, path);
  if (before?.type === "file" && request !== undefined && before.content.request === request) {
    return { kind: "present", content: before.content };
  }
  if (conditions !== undefined) {
    const decided = decisions.decidedPutInChange(path, request);
    if (decided !== undefined) return { kind: "superseded", decided };
    decisions.decide(change.view, path, before, conditions);
  }
  removeLeftVariables(change, path);
  const time = catalog.timeAfter(change, path);
  const version = change.nameVersion(time);
  const { sizeBytes, sha256 } = staged;
  const value = encodeContent(withForever(change.view, path, { type: "file", version, sizeBytes, sha256, request }));
  const stamp = change.writePath(path, CONTENT_FIELD, value, time);
  const record: CatalogRecord = {
    key: { kind: "path", path, field: CONTENT_FIELD },
    stamp,
    value,
    origin: catalog.origin!,
    number: change.number,
  };
  copies.enter(change, version, path, staged);
  const created = before === undefined;
  if (conditions !== undefined) decisions.remember(path, request, { version, sha256, size: sizeBytes, created });
  return { kind: "made", record, version, created };
}
