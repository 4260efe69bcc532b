/** What became of policies on this server, for `fsdfs policy log`: the last of it, and each thing once. */
import type { PolicyProblem } from "../../core/policy/verdicts.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";

const ENTRIES_MAX = 50;

export interface JournalEntry {
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly message: string;
  /** Of a problem: the policy's own lines. */
  readonly stack: string;
  /** Of a problem with one file. */
  readonly path: string | null;
}

export class Journal {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #entries: JournalEntry[] = [];

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  note(message: string): void {
    this.#add({ message, stack: "" }, null);
    this.#log.info(message);
  }

  /** One that was told of since the policy came is not told again: a file that is evaluated daily would fill the log. */
  problem(problem: PolicyProblem, path: string | null, sinceMs: number): void {
    const { message, stack } = problem;
    const isKnown = (entry: JournalEntry) =>
      entry.timeMs >= sinceMs && entry.message === message && entry.stack === stack;
    if (this.#entries.some(isKnown)) return;
    this.#add(problem, path);
    this.#log.warn("the policy failed", { problem: message, ...(path === null ? {} : { path }) });
  }

  #add({ message, stack }: PolicyProblem, path: string | null): void {
    this.#entries.push({ timeMs: this.#clock.wall(), message, stack, path });
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
  }
}
