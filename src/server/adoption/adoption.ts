/**
 * Adopting (C9, P7): files of a directory on this machine become files of the swarm without a byte being copied. Those in
 * the data directory become copies where they lie, those of another directory get a second name in it. One adoption at a
 * time; it can be ended at any moment and begun again, and passes over what is adopted already.
 */
import { type FilePath, isFilePath, parseDirectoryPath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { FileStoreError, type SourceDirectory } from "../../ports/file-store.ts";
import type { AdoptCounts, AdoptEvent, AdoptOptions } from "../face.ts";
import { afterChange } from "../failures.ts";
import type { Parts } from "../parts.ts";
import { IDENTITY_FILE } from "../storage/layout.ts";
import { onAbort, sleep } from "../timers.ts";
import { enter } from "./entering.ts";
import { type Candidate, type Job, lookAt, notAdoptable, type Outcome, type Ready } from "./looking.ts";
import { type Found, walk } from "./walk.ts";

/** Entered in one change of the catalog: some 3 ms of work. */
const BATCH_FILES = 32;
/** Looked at once a batch has so many bytes, so that a stop loses little. */
const BATCH_BYTES = 256 * 1024 ** 2;
/** Files that are read at once. */
const READ_AT_ONCE = 4;
const PROGRESS_MS = 500;

export class Adoption {
  #isRunning = false;

  /** The first step refuses what is to be refused. Returning early ends it, cleanly. */
  async *run(parts: Parts, directory: string, options: AdoptOptions): AsyncGenerator<AdoptEvent> {
    if (this.#isRunning) throw new FsdfsError("adopt-running");
    this.#isRunning = true;
    const left = new AbortController();
    const forget = onAbort(parts.ending, () => left.abort());
    let source: SourceDirectory | undefined;
    try {
      source = await openSource(parts, directory, options);
      yield* new Run(parts, source, options, left).events();
    } finally {
      forget();
      source?.close();
      this.#isRunning = false;
    }
  }
}

/** @throws FsdfsError `adopt-refused`, `argument-invalid` */
async function openSource(parts: Parts, directory: string, options: AdoptOptions): Promise<SourceDirectory> {
  const refused = (reason: string, cause?: unknown) =>
    new FsdfsError("adopt-refused", { directory, reason }, { cause });
  let source: SourceDirectory;
  try {
    source = await parts.ports.files.openSource(directory, IDENTITY_FILE);
  } catch (error) {
    if (!(error instanceof FileStoreError)) throw error;
    // Who is not on this machine is not told what it has.
    if (!options.local) throw refused("it is no directory in the data directory of this server", error);
    throw refused(OPEN_REASONS[error.code] ?? `the disk failed (${error.code})`, error);
  }
  const reason = reasonAgainst(source, options) ?? (await reasonOfDisk(parts, source));
  if (reason === undefined) return source;
  source.close();
  throw refused(reason);
}

const OPEN_REASONS: Readonly<Partial<Record<FileStoreError["code"], string>>> = {
  missing: "there is no such directory on the server's machine",
  "not-a-directory": "it is no directory",
  symlink: "it is a symbolic link, or the way there leads through one; name the directory itself",
  denied: "the server's user may not read it",
};

function reasonAgainst({ place }: SourceDirectory, { local, to }: AdoptOptions): string | undefined {
  if (place.kind === "inside") {
    if (/^\.fsdfs(\/|$)/.test(place.name)) return "it is fsdfs's own";
    if (to === undefined || parseDirectoryPath(to) === place.name) return undefined;
    return `it lies in the data directory, so its files become those of /${place.name}; move them there first, or afterwards`;
  }
  if (!local) return "it is no directory in the data directory of this server";
  if (place.kind === "around") return "the data directory lies in it; name directories beside that";
  if (place.kind === "foreign") return "it is the data directory of another server, or lies in one";
  return undefined;
}

/** Links and renames do not lead from one file system to another. */
async function reasonOfDisk({ ports: { files } }: Parts, source: SourceDirectory): Promise<string | undefined> {
  const [here, there] = await Promise.all([files.stat(""), source.stat("")]);
  if (here?.device === there?.device) return undefined;
  return "it lies on another file system than the data directory; copy it instead: fsdfs put";
}

class Run {
  readonly #parts: Parts;
  readonly #source: SourceDirectory;
  readonly #job: Job;
  readonly #to: FilePath | "";
  /** Nobody waits for its outcome any more, or the server stops. */
  readonly #left: AbortController;
  readonly #signal: AbortSignal;
  readonly #counts = { total: 0, adopted: 0, present: 0, skipped: 0, bytes: 0, readBytes: 0 };

  constructor(parts: Parts, source: SourceDirectory, options: AdoptOptions, left: AbortController) {
    this.#parts = parts;
    this.#source = source;
    this.#left = left;
    this.#signal = left.signal;
    this.#to = source.place.kind === "inside" ? (source.place.name as FilePath) : parseDirectoryPath(options.to ?? "");
    const { overwrite = false, move = false, dryRun = false } = options;
    const onRead = (bytes: number) => {
      this.#counts.readBytes += bytes;
    };
    this.#job = { source, overwrite, move, dryRun, signal: this.#signal, onRead };
  }

  async *events(): AsyncGenerator<AdoptEvent> {
    for await (const found of walk(this.#source)) {
      this.#counts.total += found.filter(({ type }) => type === "file").length;
      this.#checkGoesOn();
    }
    yield this.#progress();
    let batch: Candidate[] = [];
    for await (const found of walk(this.#source)) {
      for (const each of found) {
        const candidate = this.#candidate(each);
        if ("error" in candidate) yield this.#skipped(candidate.name, candidate.error);
        else batch.push(candidate);
        if (batch.length < BATCH_FILES) continue;
        yield* this.#adopt(batch);
        batch = [];
      }
    }
    yield* this.#adopt(batch);
    // What is done is known to all who may answer readers (F3). To wait for them after each batch would take them all the time.
    const { catalog, readiness } = this.#parts;
    await afterChange(() => readiness.known(catalog.ownFlushedNumber));
    if (this.#counts.adopted + this.#counts.present > 0 && !this.#job.dryRun) this.#parts.strangers.lookAgain();
    yield { kind: "done", ...this.#told() };
  }

  #candidate({ name, type }: Found): Candidate | { readonly name: string; readonly error: FsdfsError } {
    const path = this.#to === "" ? name : name === "" ? this.#to : `${this.#to}/${name}`;
    if (type === "foreign") return { name, error: notAdoptable(name, "it is the data directory of another server") };
    if (type === "unlisted") return { name, error: notAdoptable(name, "the server's user may not list it") };
    if (name.includes("\ufffd") || !isFilePath(path)) {
      return { name, error: notAdoptable(name, "its name is no UTF-8, or its path is too long") };
    }
    if (type !== "file") return { name, error: new FsdfsError("no-regular-file", { path: name }) };
    return { name, path };
  }

  async *#adopt(candidates: readonly Candidate[]): AsyncGenerator<AdoptEvent> {
    this.#checkGoesOn();
    const adopting = this.#carryOut(candidates);
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    const ended = adopting.then(over, over);
    try {
      while (!isOver) {
        await Promise.race([ended, sleep(this.#parts.ports.clock, PROGRESS_MS, this.#signal)]);
        if (this.#signal.aborted) await ended;
        if (!isOver) yield this.#progress();
      }
    } finally {
      if (!isOver) this.#left.abort();
      await ended;
    }
    for (const outcome of await adopting) {
      if (outcome.kind === "skipped") yield this.#skipped(outcome.name, outcome.error);
    }
    this.#checkGoesOn();
    yield this.#progress();
  }

  async #carryOut(candidates: readonly Candidate[]): Promise<Outcome[]> {
    const { readiness } = this.#parts;
    const outcomes: Outcome[] = [];
    const left = [...candidates];
    while (left.length > 0 && !this.#signal.aborted) {
      if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
      readiness.checkClock();
      const stillWanted = readiness.stillWanted();
      const looked = await this.#lookAtSome(left);
      const ready = looked.filter((each) => each.kind === "ready");
      const others = looked.filter((each) => each.kind !== "ready");
      const entered = ready.length === 0 ? [] : await enter(this.#parts, this.#job, ready, stillWanted);
      for (const outcome of [...others, ...entered]) this.#count(outcome);
      outcomes.push(...others, ...entered);
    }
    return outcomes;
  }

  /** Takes from `left` what makes a batch of bytes, some being read at once. */
  async #lookAtSome(left: Candidate[]): Promise<(Ready | Outcome)[]> {
    const looked: (Ready | Outcome)[] = [];
    const enoughBytes = this.#counts.readBytes + BATCH_BYTES;
    const worker = async () => {
      while (this.#counts.readBytes < enoughBytes && !this.#signal.aborted) {
        const next = left.shift();
        if (next === undefined) return;
        looked.push(await lookAt(this.#parts, this.#job, next));
      }
    };
    const results = await Promise.allSettled(Array.from({ length: READ_AT_ONCE }, worker));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return looked;
    for (const each of looked) if (each.kind === "ready") this.#parts.space.release(each.stat.sizeBytes);
    throw failed.reason;
  }

  #count(outcome: Outcome): void {
    if (outcome.kind === "skipped") return;
    this.#counts[outcome.kind] += 1;
    if (outcome.kind === "adopted") this.#counts.bytes += outcome.sizeBytes;
  }

  #skipped(path: string, { code, message, hint }: FsdfsError): AdoptEvent {
    this.#counts.skipped += 1;
    return { kind: "skipped", path, code, message, hint };
  }

  #progress(): AdoptEvent {
    return { kind: "progress", ...this.#told() };
  }

  #told(): AdoptCounts {
    return { ...this.#counts };
  }

  /** @throws FsdfsError `stopping` */
  #checkGoesOn(): void {
    if (this.#signal.aborted) throw new FsdfsError("stopping");
  }
}
