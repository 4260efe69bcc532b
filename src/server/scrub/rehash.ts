/**
 * Reads a copy as a whole and compares it with its SHA-256 (P4). Nothing is set aside for what this finds: a copy that
 * reads wrong, or is not as it was recorded, is looked at again as any that is suspect (S8), and only if it is wrong then
 * as well, in its place and with nobody at work on it, does it go. So whatever happens to files meanwhile is no damage.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FileStoreError } from "../../ports/file-store.ts";
import type { Log } from "../../ports/log.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Sources } from "../replication/sources.ts";
import { type Copies, contentOfVersion, type Inspection } from "../storage/copies.ts";
import type { DiskWatch } from "../storage/disk-watch.ts";
import { hashFile } from "../storage/hashing.ts";

/** A copy that is being moved is found in its new place. */
const ATTEMPTS = 3;

/**
 * "bad": its bytes were wrong. "missing": its file is gone. "unreadable": the disk did not give it. "changed": it was
 * deleted, overwritten or on its way, so that there was nothing to compare.
 */
export type Verdict = "good" | "bad" | "missing" | "unreadable" | "changed";

export interface Looked {
  readonly verdict: Verdict;
  /** Undefined when there is no copy any more. */
  readonly path: FilePath | undefined;
  readonly sizeBytes: number;
}

export interface RehashParts {
  readonly catalog: Catalog;
  readonly copies: Copies;
  readonly disk: DiskWatch;
  readonly sources: Pick<Sources, "holders">;
  readonly log: Log;
}

const VERDICTS: Readonly<Record<Exclude<Inspection, "unknown">, Verdict>> = {
  right: "good",
  wrong: "bad",
  missing: "missing",
  doubtful: "missing",
};

export class Rehash {
  readonly #parts: RehashParts;

  constructor(parts: RehashParts) {
    this.#parts = parts;
  }

  /** @param pass is waited for with the size of each piece that was read; what it throws is thrown */
  async look(version: VersionId, pass: (bytes: number) => Promise<void>): Promise<Looked> {
    const { catalog, disk } = this.#parts;
    const copy = readCopy(catalog.read(), version);
    if (copy === undefined) return this.#gone(version);
    const { path, sizeBytes } = copy;
    try {
      const verdict = await this.#verdict(version, pass);
      if (verdict === "good" || readCopy(catalog.read(), version) === undefined) disk.readWell(version);
      if (verdict === "bad" || verdict === "missing") this.#tellIfLost(version, path);
      return { verdict, path, sizeBytes };
    } catch (error) {
      if (!(error instanceof FileStoreError)) throw error;
      disk.readFailed(version, path, error);
      return { verdict: "unreadable", path, sizeBytes };
    }
  }

  #gone(version: VersionId): Looked {
    this.#parts.disk.readWell(version);
    return { verdict: "changed", path: undefined, sizeBytes: 0 };
  }

  async #verdict(version: VersionId, pass: (bytes: number) => Promise<void>): Promise<Verdict> {
    const { catalog, copies } = this.#parts;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await this.#readsRight(version, pass)) return "good";
      if (contentOfVersion(catalog.read(), version) === undefined) return "changed";
      const inspection = await copies.inspect(version);
      if (inspection !== "unknown") return VERDICTS[inspection];
    }
    return "changed";
  }

  async #readsRight(version: VersionId, pass: (bytes: number) => Promise<void>): Promise<boolean> {
    const { catalog, copies } = this.#parts;
    const sha256 = contentOfVersion(catalog.read(), version)?.sha256;
    if (sha256 === undefined) return false;
    const opened = await copies.openAsRecorded(version);
    if (opened === undefined) return false;
    try {
      return (await hashFile(opened.file, { sizeBytes: opened.sizeBytes, pass })) === sha256;
    } finally {
      await opened.file.close();
    }
  }

  /** The file of the last copy lies aside for the operator, and the path stays in the catalog: nothing is dropped in silence. */
  #tellIfLost(version: VersionId, path: FilePath): void {
    if (!this.isLost(version)) return;
    this.#parts.log.error(
      "ALARM: the last copy of a file is damaged or gone; what is left of it lies in .fsdfs/aside",
      {
        path,
      },
    );
  }

  /** Whether a version is at a path and nobody states to hold it. */
  isLost(version: VersionId): boolean {
    const { catalog, copies, sources } = this.#parts;
    if (contentOfVersion(catalog.read(), version) === undefined || copies.has(version)) return false;
    return sources.holders(version).length === 0;
  }
}
