/** What the simulator itself destroyed: an oracle must not blame the servers for it. */
import type { Bytes } from "../../src/core/catalog/kv.ts";
import { sha256Of } from "./content.ts";
import type { History, Operation } from "./history.ts";
import type { Machine } from "./machine.ts";

/** A catalog of one moment was put back at another. */
export interface RollBack {
  readonly machine: Machine;
  readonly ofMs: number;
  readonly atMs: number;
}

export class Losses {
  /** By digest: how many right copies were destroyed. */
  readonly #copies = new Map<string, number>();
  /** By operation: how many catalogs lost the record of a change. */
  readonly #records = new Map<number, number>();
  /** Copies that rot on a disk without a trace in their times: nobody can know before a scrubber reads them. */
  readonly #rotten = new Set<string>();
  readonly #rollBacks: RollBack[] = [];
  /** Machines whose disk was lost. */
  readonly #renewed = new Set<Machine>();
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  /** All that lies on a machine's disk goes. */
  disk(machine: Machine): void {
    this.#renewed.add(machine);
    for (const { type, content } of machine.files.tree()) if (type === "file") this.copy(sha256Of(content));
    this.catalogSince(0);
  }

  copy(sha256: string): void {
    this.#copies.set(sha256, (this.#copies.get(sha256) ?? 0) + 1);
  }

  bit(machine: Machine, content: Bytes): void {
    const sha256 = sha256Of(content);
    this.#rotten.add(`${machine.name} ${sha256}`);
    this.copy(sha256);
  }

  /** Every copy has been read since: what has rotted is found, and excuses nothing any more. */
  scrubbed(): void {
    this.#rotten.clear();
  }

  /** Whether a machine's copy of that content may be wrong without anybody's fault. */
  isRotten(machine: Machine, sha256: string): boolean {
    return this.#rotten.has(`${machine.name} ${sha256}`);
  }

  /** Whether any machine's may. */
  isRottenAnywhere(sha256: string): boolean {
    return [...this.#rotten].some((rotten) => rotten.endsWith(` ${sha256}`));
  }

  /** A machine has an old catalog again. */
  rolledBack(machine: Machine, ofMs: number, atMs: number): void {
    this.#rollBacks.push({ machine, ofMs, atMs });
    this.catalogSince(ofMs);
  }

  /**
   * What a put stored lies on the disk of a machine whose old catalog knows nothing of it, as a file that is nobody's (C9). It is
   * found there by who wants a copy. Others would have told that the catalog is an old one, unless it was another version, as when a
   * put is tried again, or their disks are new.
   */
  mayLieForgotten(machine: Machine, sha256: string): boolean {
    const put = this.#history.putOf(sha256);
    if (put === undefined || !(put.doubtful || [...this.#renewed].some((other) => other !== machine))) return false;
    return this.#rollBacks.some((rollBack) => rollBack.machine === machine && put.startMs <= rollBack.atMs);
  }

  get rollBacks(): readonly RollBack[] {
    return this.#rollBacks;
  }

  /** A catalog forgets everything that was done after a moment, what nobody was told of included: that may have been there only. */
  catalogSince(sinceMs: number): void {
    for (const { id, outcome, endMs } of this.#history.operations) {
      if (outcome !== "failed" && endMs >= sinceMs) this.#records.set(id, (this.#records.get(id) ?? 0) + 1);
    }
  }

  /** Whether so much was destroyed that the acknowledgement of this change need not hold any more (P3). */
  excuses(operation: Operation, writeCopies: number): boolean {
    // Changes without content are told to every server that is up; how many that were is not known to a client.
    const made = Math.min(writeCopies, operation.copies ?? 1);
    const sha256 = operation.sha256 ?? operation.restored;
    const copies = sha256 === undefined ? 0 : (this.#copies.get(sha256) ?? 0);
    return Math.max(copies, this.#records.get(operation.id) ?? 0) >= made;
  }

  get any(): boolean {
    return this.#copies.size > 0 || this.#records.size > 0;
  }
}
