/** Arms a machine's process with strikes: at its so-many-th call from now, or at every call in a stretch of time. */
import type { Machine } from "./machine.ts";
import type { FaultPlan, PortName, Strike } from "./process.ts";
import type { SeededRandom } from "./random.ts";

interface Armed {
  /** Calls that pass unharmed before. */
  passes: number;
  readonly strike: Strike;
}

interface Errors {
  readonly port: PortName;
  readonly code: "io" | "no-space";
  readonly probability: number;
}

export class Armory {
  readonly #random: SeededRandom;
  readonly #armed = new Map<Machine, Armed>();
  readonly #errors = new Map<Machine, Errors>();
  /** What has struck, or will at the end of its call. */
  readonly #struck: Strike[] = [];

  constructor(machines: readonly Machine[], random: SeededRandom) {
    this.#random = random;
    for (const machine of machines) machine.plan = this.#planOf(machine);
  }

  /** Strikes once, after `passes` further calls of a port. */
  strikeAfter(machine: Machine, passes: number, strike: Strike): void {
    this.#armed.set(machine, { passes, strike });
  }

  startErrors(machine: Machine, errors: Errors): void {
    this.#errors.set(machine, errors);
  }

  stopErrors(machine: Machine): void {
    this.#errors.delete(machine);
  }

  /** Nothing strikes any more. */
  disarm(): void {
    for (const strike of this.#struck) strike.calledOff = true;
    this.#armed.clear();
    this.#errors.clear();
  }

  #planOf(machine: Machine): FaultPlan {
    return ({ port, method, about }) => {
      const armed = this.#armed.get(machine);
      if (armed && armed.passes-- <= 0) {
        this.#armed.delete(machine);
        this.#struck.push(armed.strike);
        return armed.strike;
      }
      const errors = this.#errors.get(machine);
      // Closing cannot fail, and a disk that is full is not noticed by reading it.
      if (!errors || errors.port !== port || method === "close" || !this.#random.chance(errors.probability))
        return undefined;
      if (errors.code === "no-space" && !WRITING.has(method)) return undefined;
      const side = errors.code === "io" && port === "files" && this.#random.chance(0.2) ? "after" : "before";
      const isWritten = method === "sync" && about.startsWith(".fsdfs/staged/");
      if (port === "files" && isWritten && side === "before") machine.files.failSync(about);
      return { kind: "error", code: errors.code, side };
    };
  }
}

const WRITING = new Set(["create", "write", "makeDirectory", "rename", "link", "sync", "syncDirectory"]);
