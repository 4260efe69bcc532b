/**
 * The same thing done to many files: some at once, a progress line on a terminal, what failed told at the end, and no
 * further attempts when the next one would fail for the same reason.
 */
import { type ErrorCode, FsdfsError } from "../errors.ts";
import { option, parseInteger } from "../options.ts";
import type { Output } from "./command.ts";
import { count, formatSeconds, formatSize, shown } from "./output.ts";
import { Progress } from "./progress.ts";
import { type Failure, failureOf, writeFailure } from "./report.ts";

const AT_ONCE = 8;
const AT_ONCE_MAX = 64;
const FAILURES_SHOWN_MAX = 20;
/** Further ones are only counted: a tree of millions of unreadable files must not fill the memory. */
const FAILURES_KEPT_MAX = 1_000;
const PROGRESS_INTERVAL_MS = 200;

export const JOBS_OPTION = option(
  {
    flag: "jobs",
    short: "j",
    env: "FSDFS_JOBS",
    placeholder: "COUNT",
    defaultText: String(AT_ONCE),
    help: "How many files are worked on at once.",
  },
  (text) => parseInteger(text, 1, AT_ONCE_MAX),
  AT_ONCE,
);

/** With these it is no use to go on. */
const FATAL: readonly ErrorCode[] = [
  "unauthorized",
  "key-unknown",
  "signature-invalid",
  "forbidden",
  "server-unreachable",
  "no-space",
];

export interface BulkFailure extends Failure {
  readonly name: string;
}

export class Bulk {
  /** The first of them. */
  readonly failures: BulkFailure[] = [];
  readonly progress = new Progress();
  readonly #err: Output;
  readonly #atOnce: number;
  /** What was left out, and why; the first of it. */
  readonly #leftOut: string[] = [];
  #leftOutCount = 0;
  #failedCount = 0;
  #progressAtMs = 0;
  #lineLength = 0;
  #over = false;

  constructor(err: Output, atOnce = AT_ONCE) {
    this.#err = err;
    this.#atOnce = atOnce;
  }

  get failedCount(): number {
    return this.#failedCount;
  }

  /** Runs `work` on every item, some at once. `items` may be made while it runs; what it throws counts as well. */
  async run<T>(items: AsyncIterable<T> | Iterable<T>, nameOf: (item: T) => string, work: (item: T) => Promise<void>) {
    const iterator = (async function* () {
      yield* items;
    })();
    const worker = async () => {
      for (let next = await iterator.next(); !next.done && !this.#over; next = await iterator.next()) {
        const item = next.value;
        await this.attempt(nameOf(item), () => work(item));
      }
    };
    const workers = Array.from({ length: this.#atOnce }, () => this.attempt("", worker));
    await Promise.all(workers);
    await iterator.return(undefined);
  }

  /** One piece of work whose failure is told at the end. */
  async attempt(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail({ ...failureOf(error), name });
      if (error instanceof FsdfsError && FATAL.includes(error.code)) this.#over = true;
    }
  }

  /** Something failed elsewhere, and is told at the end. */
  fail(failure: BulkFailure): void {
    this.#failedCount++;
    if (failure.name !== "") this.progress.failedFiles++;
    if (this.failures.length < FAILURES_KEPT_MAX) this.failures.push(failure);
  }

  /** So many failed besides, of which nobody says more. */
  failUntold(count: number): void {
    this.#failedCount += count;
  }

  /**
   * Counts what is to be done, beside the work, for a terminal's progress line; nobody else is worth the second look.
   * What cannot be counted is told by the work.
   */
  async count(sizesBytes: () => AsyncIterable<number>): Promise<void> {
    if (!this.#err.terminal) return;
    try {
      for await (const sizeBytes of sizesBytes()) {
        if (this.#over) return;
        this.progress.expectedFiles++;
        this.progress.expectedBytes += sizeBytes;
      }
      this.progress.counted = true;
    } catch {
      // The line goes on without a time.
    }
  }

  fileDone(name: string): void {
    this.progress.movedFiles++;
    this.#show(name);
  }

  bytesDone(sizeBytes: number, name: string): void {
    this.progress.movedBytes += sizeBytes;
    this.#show(name);
  }

  /** It was there already. */
  filePresent(sizeBytes: number, name: string): void {
    this.progress.presentFiles++;
    this.bytesPresent(sizeBytes, name);
  }

  bytesPresent(sizeBytes: number, name: string): void {
    this.progress.presentBytes += sizeBytes;
    this.#show(name);
  }

  leaveOut(text: string): void {
    this.#leftOutCount++;
    if (this.#leftOut.length < FAILURES_SHOWN_MAX) this.#leftOut.push(text);
  }

  get leftOutCount(): number {
    return this.#leftOutCount;
  }

  /** "400 files, 150 MB put in 3.4 s (44 MB/s)" */
  summary(verb: string): string {
    const { movedFiles, movedBytes, elapsedMs } = this.progress;
    const rate = movedBytes === 0 ? "" : ` (${formatSize((movedBytes / elapsedMs) * 1000)}/s)`;
    return `${count(movedFiles, "file")}, ${formatSize(movedBytes)} ${verb} in ${formatSeconds(elapsedMs)}${rate}`;
  }

  /** "; 12 files were there already", where there were any. */
  presentSummary(): string {
    const { presentFiles } = this.progress;
    if (presentFiles === 0) return "";
    return `; ${count(presentFiles, "file")} ${presentFiles === 1 ? "was" : "were"} there already`;
  }

  /** What a --json document ends with. */
  outcome() {
    const { presentFiles, presentBytes } = this.progress;
    return {
      present: { files: presentFiles, bytes: presentBytes },
      leftOut: this.#leftOutCount,
      failed: this.#failedCount,
      errors: this.failures,
    };
  }

  /** Tells what failed and what was left out. Answers the exit code. */
  finish(): 0 | 1 {
    this.#over = true;
    this.clearProgress();
    for (const text of this.#leftOut) this.#err.write(`fsdfs: left out: ${shown(text)}\n`);
    more(this.#err, this.#leftOutCount);
    const hints = new Set<string>();
    for (const { name, message, hint, code } of this.failures.slice(0, FAILURES_SHOWN_MAX)) {
      writeFailure(this.#err, { message: name === "" ? message : `${name}: ${message}`, hint: undefined, code });
      if (hint) hints.add(hint);
    }
    more(this.#err, this.#failedCount);
    for (const hint of hints) this.#err.write(`${shown(hint)}\n`);
    return this.#failedCount === 0 ? 0 : 1;
  }

  clearProgress(): void {
    if (this.#lineLength > 0) this.#err.write(`\r${" ".repeat(this.#lineLength)}\r`);
    this.#lineLength = 0;
  }

  #show(name: string): void {
    const nowMs = performance.now();
    if (!this.#err.terminal || nowMs - this.#progressAtMs < PROGRESS_INTERVAL_MS) return;
    this.#progressAtMs = nowMs;
    const text = `${this.progress.line()}  ${shown(name)}`.slice(0, Math.max(this.#err.columns - 1, 20));
    this.#err.write(`\r${text.padEnd(this.#lineLength)}`);
    this.#lineLength = text.length;
  }
}

function more(err: Output, total: number): void {
  if (total > FAILURES_SHOWN_MAX) err.write(`fsdfs: … and ${total - FAILURES_SHOWN_MAX} more\n`);
}
