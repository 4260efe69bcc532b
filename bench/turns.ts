/** CPU time of the event loop's thread between two turns of a timer: what blocks, however busy the machine is. */
import { createHistogram } from "node:perf_hooks";

const TIMER_MS = 1;

export interface TurnMs {
  readonly p999: number;
  readonly max: number;
}

export class TurnMeter {
  readonly #turns = createHistogram();
  #used = process.threadCpuUsage();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const { user, system } = process.threadCpuUsage(this.#used);
      this.#used = process.threadCpuUsage();
      this.#turns.record(Math.max(1, user + system));
    }, TIMER_MS).unref();
  }

  reset(): void {
    this.#turns.reset();
  }

  get turnMs(): TurnMs {
    return { p999: this.#turns.percentile(99.9) / 1000, max: this.#turns.max / 1000 };
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
