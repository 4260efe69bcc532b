/**
 * Files that were looked at become copies, many in one change of the catalog.
 *
 * A1. Nobody else moves a file at these paths meanwhile, and each is looked at once more: it is what was hashed.
 * A2. Its name is durable, and those of its directories, before the catalog speaks of it (P3). A crash before the change
 *     leaves the file where it was, and perhaps a second name at its path, which the next run takes for its own.
 * A3. What the user calls his own loses no name before the copy is durable.
 */
import { hex } from "../../core/bytes.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { addCopy, hasTodo, placeCopy, readCopy, removeCopy } from "../../core/catalog/copies.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { VersionId } from "../../core/ids.ts";
import { ancestorsOf } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { FileStat } from "../../ports/file-store.ts";
import type { Change } from "../catalog/change.ts";
import { NamesReserved } from "../catalog/times.ts";
import { afterChange } from "../failures.ts";
import { withForever } from "../operations/forever.ts";
import { checkFileMayBeAt } from "../operations/names.ts";
import { removeLeftVariables } from "../operations/variables.ts";
import type { Parts } from "../parts.ts";
import type { StillWanted } from "../readiness.ts";
import { isDiskError, removeQuietly, statOrNothing } from "../storage/disk.ts";
import { directoryOf, STAGED_DIRECTORY, stagedName } from "../storage/layout.ts";
import type { StagedFile } from "../storage/staging.ts";
import {
  isSameContent,
  isUnchanged,
  type Job,
  notAdoptable,
  type Outcome,
  type Ready,
  reasonToSkip,
  removeSource,
} from "./looking.ts";

const NAMING_ATTEMPTS = 5;
/** A directory that is emptied and removed while a file is on its way into it is made again so often. */
const LINK_ATTEMPTS = 5;
const STAGED_ID_BYTES = 12;

/** What the change made of a file; `superseding` has to take the place of another content, in a way of its own. */
type Verdict = Outcome | { readonly kind: "superseding" };

/** Durable here when it resolves. Gives the claimed room back. */
export async function enter(
  parts: Parts,
  job: Job,
  files: readonly Ready[],
  stillWanted: StillWanted,
): Promise<Outcome[]> {
  const { settler, space } = parts;
  try {
    const paths = files.map(({ path }) => path);
    const verdicts = await settler.withPaths(paths, () => new Entering(parts, job, stillWanted).enter(files));
    const outcomes: Outcome[] = [];
    for (const [i, verdict] of verdicts.entries()) {
      outcomes.push(verdict.kind === "superseding" ? await supersede(parts, job, files[i]!, stillWanted) : verdict);
    }
    if (job.move) await removeSources(job, files, outcomes);
    return outcomes;
  } finally {
    for (const { stat } of files) space.release(stat.sizeBytes);
  }
}

/** One batch under the lock of its paths. */
class Entering {
  readonly #parts: Parts;
  readonly #job: Job;
  readonly #stillWanted: StillWanted;
  /** Files that have got a name in the data directory just now. */
  readonly #linked = new Set<Ready>();

  constructor(parts: Parts, job: Job, stillWanted: StillWanted) {
    this.#parts = parts;
    this.#job = job;
    this.#stillWanted = stillWanted;
  }

  async enter(files: readonly Ready[]): Promise<Verdict[]> {
    const { catalog } = this.#parts;
    const placed = await Promise.all(files.map((file) => this.#place(file)));
    try {
      await this.#syncNames(files.filter((_, i) => placed[i] === undefined));
      const verdicts = await this.#change(files, placed);
      await afterChange(() => catalog.flushed());
      const left = files.filter((file, i) => this.#linked.has(file) && verdicts[i]!.kind !== "adopted");
      await this.#unlink(left.filter((file) => !this.#isCopy(file)));
      return verdicts;
    } catch (error) {
      if (!(error instanceof FsdfsError && error.code === "interrupted")) await this.#unlink([...this.#linked]);
      throw error;
    }
  }

  /** Sees to it that the file lies at its path (A1). Answers why it does not; undefined when all is well. */
  async #place(file: Ready): Promise<Verdict | undefined> {
    try {
      const { path, stat } = file;
      if (this.#job.source.place.kind === "inside") {
        const now = await statOrNothing(this.#parts.ports.files, path);
        if (now === undefined || !isUnchanged(now, stat)) throw new FsdfsError("file-changed", { path: file.name });
        if (await this.#parts.settler.isOfAnother(undefined, path, now)) {
          throw notAdoptable(file.name, "fsdfs is moving it just now");
        }
        return undefined;
      }
      const view = this.#parts.catalog.read();
      const entry = readEntry(view, path);
      if (entry?.type === "file") {
        if (entry.content.sha256 !== file.sha256) return this.#otherContent(file);
        if (readCopy(view, entry.content.version) !== undefined) return { kind: "present", sizeBytes: stat.sizeBytes };
      }
      await this.#link(file);
      const now = await statOrNothing(this.#parts.ports.files, path);
      // A name that an interrupted run has left is of the file that lay there then.
      const there = await this.#job.source.stat(file.name);
      if (isFile(now, stat) && isFile(there, stat)) return undefined;
      await this.#unlink([file]);
      throw new FsdfsError("file-changed", { path: file.name });
    } catch (error) {
      // What is in the way there, and is no copy, goes aside when it is to make way, as for an upload.
      if (this.#job.overwrite && isDiskError(error, "exists")) return { kind: "superseding" };
      return { kind: "skipped", name: file.name, error: reasonToSkip(error, file.name) };
    }
  }

  #otherContent({ name, path }: Ready): Verdict {
    if (this.#job.overwrite) return { kind: "superseding" };
    return { kind: "skipped", name, error: new FsdfsError("adopt-conflict", { path }) };
  }

  async #link(file: Ready): Promise<void> {
    const { files } = this.#parts.ports;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#parts.settler.makeDirectories(directoryOf(file.path));
        await this.#job.source.linkTo(file.name, file.path);
        this.#linked.add(file);
        return;
      } catch (error) {
        if (isDiskError(error, "exists") && (await files.stat(file.path))?.inode === file.stat.inode) return;
        const isGone = isDiskError(error, "missing") && (await this.#job.source.stat(file.name)) !== undefined;
        if (!isGone || attempt === LINK_ATTEMPTS) throw error;
      }
    }
  }

  async #unlink(files: readonly Ready[]): Promise<void> {
    for (const file of files) {
      if (this.#linked.delete(file)) await removeQuietly(this.#parts.ports.files, file.path);
    }
  }

  /** A2. A user's directories may be as new as his files. */
  async #syncNames(files: readonly Ready[]): Promise<void> {
    const directories = new Set(files.flatMap(({ path }) => ["", ...ancestorsOf(path)]));
    await Promise.all([...directories].map((each) => this.#parts.ports.files.syncDirectory(each)));
  }

  async #change(files: readonly Ready[], placed: readonly (Verdict | undefined)[]): Promise<Verdict[]> {
    const { catalog } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      await catalog.times.readyToName();
      try {
        return await catalog.change((change) => {
          this.#stillWanted(change);
          return files.map((file, i) => placed[i] ?? this.#decide(change, file));
        });
      } catch (error) {
        // Nothing was changed: the clock ran on, or jumped.
        if (!(error instanceof NamesReserved) || attempt === NAMING_ATTEMPTS) throw error;
      }
    }
  }

  #decide(change: Change, file: Ready): Verdict {
    const { path, stat, sha256, name } = file;
    try {
      checkFileMayBeAt(change.view, path);
    } catch (error) {
      return { kind: "skipped", name, error: reasonToSkip(error, name) };
    }
    const entry = readEntry(change.view, path);
    if (entry?.type === "file" && entry.content.sha256 === sha256) {
      if (readCopy(change.view, entry.content.version) === undefined) {
        enterInPlace(change, entry.content.version, file);
      }
      return { kind: "present", sizeBytes: stat.sizeBytes };
    }
    if (entry?.type === "file") {
      if (!this.#job.overwrite || this.#job.source.place.kind !== "inside") return this.#otherContent(file);
      // The file that lies there is not that version's any more: it was edited, or took its place.
      const before = entry.content.version;
      if (hasTodo(change.view, before)) {
        return { kind: "skipped", name, error: notAdoptable(name, "fsdfs is moving it just now") };
      }
      if (readCopy(change.view, before)?.location === path) {
        removeCopy(change.transaction, before);
        change.writeHolding(before, false);
      }
    }
    enterInPlace(change, writeVersion(this.#parts, change, file), file);
    return { kind: "adopted", sizeBytes: stat.sizeBytes };
  }

  #isCopy({ path, stat }: Ready): boolean {
    const view = this.#parts.catalog.read();
    const entry = readEntry(view, path);
    const copy = entry?.type === "file" ? readCopy(view, entry.content.version) : undefined;
    return copy?.location === path && copy.inode === stat.inode;
  }
}

function writeVersion({ catalog }: Parts, change: Change, { path, sha256, stat }: Ready): VersionId {
  removeLeftVariables(change, path);
  const time = catalog.timeAfter(change, path);
  const version = change.nameVersion(time);
  const content = { type: "file", version, sizeBytes: stat.sizeBytes, sha256, request: undefined } as const;
  change.writePath(path, CONTENT_FIELD, encodeContent(withForever(change.view, path, content)), time);
  return version;
}

function enterInPlace(change: Change, version: VersionId, { path, stat }: Ready): void {
  const { sizeBytes, inode, modifiedNs } = stat;
  const copy = { path, location: path, staged: undefined, sizeBytes, inode, modifiedNs };
  addCopy(change.transaction, version, copy);
  placeCopy(change.transaction, version, copy);
  change.writeHolding(version, true);
}

/** A file from outside becomes the newer version of one that has a place on this disk: as an upload does, by its staged name. */
async function supersede(parts: Parts, job: Job, file: Ready, stillWanted: StillWanted): Promise<Outcome> {
  const { catalog, copies, settler } = parts;
  const { files, random } = parts.ports;
  const id = hex(random.bytes(STAGED_ID_BYTES));
  const { sha256 } = file;
  const { sizeBytes } = file.stat;
  try {
    await job.source.linkTo(file.name, stagedName(id));
    await files.syncDirectory(STAGED_DIRECTORY);
    const stat: FileStat | undefined = await files.stat(stagedName(id));
    if (stat === undefined || !isSameContent(stat, file.stat))
      throw new FsdfsError("file-changed", { path: file.name });
    const staged: StagedFile = { id, name: stagedName(id), sizeBytes, sha256, stat };
    await catalog.times.readyToName();
    const version = await catalog.change((change) => {
      stillWanted(change);
      checkFileMayBeAt(change.view, file.path);
      const made = writeVersion(parts, change, file);
      copies.enter(change, made, file.path, staged);
      return made;
    });
    await afterChange(async () => {
      await catalog.flushed();
      await settler.settle(version);
    });
    return { kind: "adopted", sizeBytes };
  } catch (error) {
    if (error instanceof FsdfsError && error.code === "interrupted") throw error;
    await removeQuietly(files, stagedName(id));
    return { kind: "skipped", name: file.name, error: reasonToSkip(error, file.name) };
  }
}

/** A3: only what is this server's copy now, by its very inode, loses the user's name. */
async function removeSources({ source }: Job, files: readonly Ready[], outcomes: readonly Outcome[]): Promise<void> {
  if (source.place.kind !== "outside") return;
  for (const [i, { name, stat }] of files.entries()) {
    if (outcomes[i]!.kind === "adopted") await removeSource(source, name, stat);
  }
}

function isFile(found: FileStat | undefined, file: FileStat): boolean {
  return found !== undefined && isSameContent(found, file);
}
