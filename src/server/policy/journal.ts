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
  readonly #clock: Pick<Clock, "wall">;
  readonly #log: Log;
  readonly #entries: JournalEntry[] = [];
  /** Problems that were told of under the policy that came then. */
  readonly #told = new Set<string>();
  #toldSinceMs = 0;

  constructor(clock: Pick<Clock, "wall">, log: Log) {
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

  /**
   * One that was told of since the policy came is not told again: a file that is evaluated daily would fill the log. So would
   * one that is another for each file: of these only so many are told as the journal has entries.
   */
  problem(problem: PolicyProblem, path: string | null, sinceMs: number): void {
    const { message, stack } = problem;
    if (sinceMs !== this.#toldSinceMs) this.#told.clear();
    this.#toldSinceMs = sinceMs;
    const told = `${message}\n${stack}`;
    if (this.#told.has(told) || (path !== null && this.#told.size >= ENTRIES_MAX)) return;
    this.#told.add(told);
    this.#add(problem, path);
    this.#log.warn("the policy failed", { problem: message, ...(path === null ? {} : { path }) });
  }

  #add({ message, stack }: PolicyProblem, path: string | null): void {
    this.#entries.push({ timeMs: this.#clock.wall(), message, stack, path });
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
  }
}
