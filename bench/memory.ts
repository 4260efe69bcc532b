/** The most memory of their own that processes ever had while they were watched. */
import { readFileSync } from "node:fs";
import { childrenOf } from "./processes.ts";

const EVERY_MS = 100;

interface Watched {
  readonly pid: number;
  readonly children: string | undefined;
}

/** By the names that they are given here. */
export class MemoryWatch {
  readonly #peaks = new Map<string, number>();
  readonly #watched = new Map<string, Watched>();
  readonly #timer = setInterval(() => this.#look(), EVERY_MS);

  /** @param children what its children are called, with a number behind; undefined: they are not looked at */
  watch(name: string, pid: number, children?: string): void {
    this.#watched.set(name, { pid, children });
  }

  /** Ends the watching. The most bytes of each process. */
  peaks(): ReadonlyMap<string, number> {
    clearInterval(this.#timer);
    return this.#peaks;
  }

  #look(): void {
    for (const [name, { pid, children }] of this.#watched) {
      try {
        this.#note(name, pid);
        if (children === undefined) continue;
        for (const [i, child] of childrenOf(pid).entries()) this.#note(`${children} ${i + 1}`, child);
      } catch {
        this.#watched.delete(name); // It has ended.
      }
    }
  }

  #note(name: string, pid: number): void {
    this.#peaks.set(name, Math.max(this.#peaks.get(name) ?? 0, ownBytes(pid)));
  }
}

/** RssAnon: pages that are mapped from files, LMDB's for one, are the system's to take back. */
function ownBytes(pid: number): number {
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes ?? 0) * 1024;
}
