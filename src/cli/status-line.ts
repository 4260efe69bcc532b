/** One line of a terminal that says how far something is, written over by the next; nothing where no terminal is. */
import type { Context } from "./command.ts";

const COLUMNS_MIN = 20;

export class StatusLine {
  readonly #err: Context["err"];
  #length = 0;

  constructor(err: Context["err"]) {
    this.#err = err;
  }

  show(line: string): void {
    if (!this.#err.terminal) return;
    const text = line.slice(0, Math.max(this.#err.columns - 1, COLUMNS_MIN));
    this.#err.write(`\r${text.padEnd(this.#length)}${text === "" ? "\r" : ""}`);
    this.#length = text.length;
  }

  clear(): void {
    this.show("");
  }
}
