/**
 * The same thing done to many files: some at once, a progress line on a terminal, what failed told at the end, and no
 * further attempts when the next one would fail for the same reason.
 */
import { type ErrorCode, FsdfsError } from "../errors.ts";
import type { Output } from "./command.ts";
import { count, formatSeconds, formatSize, shown } from "./output.ts";
import { type Failure, failureOf, writeFailure } from "./report.ts";

export const AT_ONCE = 8;
const FAILURES_SHOWN_MAX = 20;
const PROGRESS_INTERVAL_MS = 200;

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
  readonly failures: BulkFailure[] = [];
  doneFiles = 0;
  doneBytes = 0;
  /** What was left out, and why. */
  readonly skipped: string[] = [];
  readonly #err: Output;
  readonly #startedMs = performance.now();
  #progressAtMs = 0;
  #lineLength = 0;
  #fatal = false;

  constructor(err: Output) {
    this.#err = err;
  }

  /** Runs `work` on every item, AT_ONCE at a time. `items` may be made while it runs; what it throws counts as well. */
  async run<T>(items: AsyncIterable<T> | Iterable<T>, nameOf: (item: T) => string, work: (item: T) => Promise<void>) {
    const iterator = (async function* () {
      yield* items;
    })();
    const worker = async () => {
      for (let next = await iterator.next(); !next.done && !this.#fatal; next = await iterator.next()) {
        const item = next.value;
        await this.attempt(nameOf(item), () => work(item));
      }
    };
    const workers = Array.from({ length: AT_ONCE }, () => this.attempt("", worker));
    await Promise.all(workers);
    await iterator.return(undefined);
  }

  /** One piece of work whose failure is told at the end. */
  async attempt(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failures.push({ ...failureOf(error), name });
      if (error instanceof FsdfsError && FATAL.includes(error.code)) this.#fatal = true;
    }
  }

  fileDone(name: string): void {
    this.doneFiles++;
    this.#progress(name);
  }

  bytesDone(sizeBytes: number, name: string): void {
    this.doneBytes += sizeBytes;
    this.#progress(name);
  }

  /** "400 files, 150 MB put in 3.4 s (44 MB/s)" */
  summary(verb: string): string {
    const ms = Math.max(performance.now() - this.#startedMs, 1);
    const rate = this.doneBytes === 0 ? "" : ` (${formatSize((this.doneBytes / ms) * 1000)}/s)`;
    return `${count(this.doneFiles, "file")}, ${formatSize(this.doneBytes)} ${verb} in ${formatSeconds(ms)}${rate}`;
  }

  /** Tells what failed and what was left out. Answers the exit code. */
  finish(): 0 | 1 {
    this.clearProgress();
    for (const text of this.skipped.slice(0, FAILURES_SHOWN_MAX)) this.#err.write(`fsdfs: left out: ${shown(text)}\n`);
    more(this.#err, this.skipped.length);
    const hints = new Set<string>();
    for (const { name, message, hint, code } of this.failures.slice(0, FAILURES_SHOWN_MAX)) {
      writeFailure(this.#err, { message: name === "" ? message : `${name}: ${message}`, hint: undefined, code });
      if (hint) hints.add(hint);
    }
    more(this.#err, this.failures.length);
    for (const hint of hints) this.#err.write(`${shown(hint)}\n`);
    return this.failures.length === 0 ? 0 : 1;
  }

  clearProgress(): void {
    if (this.#lineLength > 0) this.#err.write(`\r${" ".repeat(this.#lineLength)}\r`);
    this.#lineLength = 0;
  }

  #progress(name: string): void {
    const nowMs = performance.now();
    if (!this.#err.terminal || nowMs - this.#progressAtMs < PROGRESS_INTERVAL_MS) return;
    this.#progressAtMs = nowMs;
    const text = `${this.summary("so far")}  ${shown(name)}`.slice(0, Math.max(this.#err.columns - 1, 20));
    this.#err.write(`\r${text.padEnd(this.#lineLength)}`);
    this.#lineLength = text.length;
  }
}

function more(err: Output, total: number): void {
  if (total > FAILURES_SHOWN_MAX) err.write(`fsdfs: … and ${total - FAILURES_SHOWN_MAX} more\n`);
}
