/** Servers that stand still, one by one or all at once: then what is read of their disks is of one moment. */
import type { RealServer } from "./cluster.ts";
import { type PlainFile, readPlainFiles } from "./disk-tree.ts";
import { childrenOf, goOn, runs, standStill } from "./pids.ts";

export interface FrozenDisk {
  readonly name: string;
  readonly files: ReadonlyMap<string, PlainFile>;
}

export class FrozenSwarm {
  readonly #servers: readonly RealServer[];
  /** Processes that stand still, by server. */
  readonly #stopped = new Map<RealServer, readonly number[]>();
  /** Stops, ends of stops and looks come one after the other: nobody goes on while others look. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(servers: readonly RealServer[]) {
    this.#servers = servers;
  }

  /** Stops the process that moves files, and if `isWhole` those that serve as well. */
  async stop(server: RealServer, isWhole: boolean): Promise<void> {
    await this.#inTurn(async () => {
      const pids = isWhole ? [server.pid, ...childrenOf(server.pid)] : [server.pid];
      this.#stopped.set(server, pids);
      await Promise.all(pids.map(standStill));
    });
  }

  async goOn(server: RealServer): Promise<void> {
    await this.#inTurn(async () => {
      for (const pid of this.#stopped.get(server) ?? []) goOn(pid);
      this.#stopped.delete(server);
    });
  }

  /** Names of the servers that were stopped. */
  standing(): string[] {
    return Array.from(this.#stopped.keys(), ({ name }) => name);
  }

  /** All disks at one moment, and what `before` answered right before it. */
  async look<T>(before: () => T): Promise<{ disks: FrozenDisk[]; owed: T }> {
    return await this.#inTurn(async () => {
      const owed = before();
      const others = this.#servers.filter((server) => !this.#stopped.has(server));
      try {
        await Promise.all(others.map(({ pid }) => standStill(pid)));
        const disks = this.#servers.map(async ({ name, data }) => ({ name, files: await readPlainFiles(data) }));
        return { disks: await Promise.all(disks), owed };
      } finally {
        for (const { pid } of others) goOn(pid);
      }
    });
  }

  /** Nobody stands still any more, so that all can be ended. */
  release(): void {
    for (const pid of [...this.#stopped.values()].flat()) if (runs(pid)) goOn(pid);
    this.#stopped.clear();
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}
