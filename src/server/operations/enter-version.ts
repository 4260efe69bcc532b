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

interface Made {
  readonly kind: "made";
  readonly record: CatalogRecord;
  readonly version: VersionId;
  readonly created: boolean;
}

/** What a change came to: a new version, or what this very request had made before. */
export type Entered =
  | Made
  | { readonly kind: "present"; readonly content: FileContent }
  | { readonly kind: "superseded"; readonly decided: DecidedPut };

export async function nameAndEnter(parts: Parts, wish: Wish, staged: StagedFile): Promise<Entered> {
  for (let attempt = 0; attempt < NAMING_ATTEMPTS; attempt++) {
    await parts.catalog.times.readyToName();
    try {
      const entered = await parts.catalog.change((change) => enter(parts, change, wish, staged));
      if (entered.kind === "made") rememberDecided(parts, wish, staged, entered);
      return entered;
    } catch (error) {
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
    const decided = decisions.decidedPut(path, request);
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
  return { kind: "made", record, version, created: before === undefined };
}

function rememberDecided({ decisions }: Parts, wish: Wish, staged: StagedFile, { version, created }: Made): void {
  if (wish.conditions === undefined) return;
  const { sha256, sizeBytes: size } = staged;
  decisions.remember(wish.path, wish.request, { version, sha256, size, created });
}
