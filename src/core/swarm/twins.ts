/**
 * Whether two processes run as one server, as where a machine or its disks were copied: what either states of its disk is taken
 * for true of both, so that copies are counted that nobody has. Time is handed in: monotonic milliseconds of this server.
 *
 * A server that is started again is first one process and then another. Two of them run when both are heard again and again,
 * for longer than words of one that is gone lie about in buffers.
 */
import type { ServerId } from "../ids.ts";
import type { ProcessId } from "./liveness.ts";

/** A process that was heard so long ago may be gone. */
const HEARD_MS = 3000;
/** Two that have been heard beside each other for so long both run. */
const TWINS_MS = 10_000;

export class Twins {
  /** When each process of a server was heard last. */
  readonly #heard = new Map<ServerId, Map<ProcessId, number>>();
  /** Since when several of a server have been heard beside each other. */
  readonly #beside = new Map<ServerId, number>();

  heard(server: ServerId, process: ProcessId, now: number): void {
    const processes = this.#heard.get(server) ?? new Map<ProcessId, number>();
    this.#heard.set(server, processes.set(process, now));
    for (const [other, at] of processes) if (now - at > HEARD_MS) processes.delete(other);
    if (processes.size < 2) this.#beside.delete(server);
    else if (!this.#beside.has(server)) this.#beside.set(server, now);
  }

  /** Since when two processes have run as this server; undefined when that is not so, or not certain. */
  since(server: ServerId, now: number): number | undefined {
    const since = this.#beside.get(server);
    if (since === undefined || now - since < TWINS_MS) return undefined;
    const heard = [...(this.#heard.get(server)?.values() ?? [])].filter((at) => now - at <= HEARD_MS);
    return heard.length < 2 ? undefined : since;
  }
}
