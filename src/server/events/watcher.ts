/** One who watches: what he wants to hear of, and what he has not been told yet, which has a bound. */
import type { EventType } from "../../core/event-types.ts";
import type { Clock } from "../../ports/clock.ts";
import { Wakeup } from "../timers.ts";
import type { SwarmEvent, WatchOptions } from "./event.ts";

/** Some 200 KB; a reader that is so far behind is better told so. */
const WAITING_MAX = 1000;
/** Those that were told are kept up to here, while others always wait: each one is moved once at the most. */
const TOLD_MAX = WAITING_MAX;
/** Nothing depends on it: every event and every end wakes. */
const WAIT_MS = 60_000;

export class Watcher {
  readonly #types: ReadonlySet<EventType> | undefined;
  readonly #under: string | undefined;
  readonly #signal: AbortSignal;
  readonly #ending: AbortSignal;
  readonly #wakeup = new Wakeup();
  #waiting: SwarmEvent[] = [];
  /** Of those that wait, the next to be told. */
  #next = 0;

  constructor({ types, under, signal }: WatchOptions, ending: AbortSignal) {
    this.#types = types && new Set(types);
    this.#under = under === "" ? undefined : under;
    this.#signal = signal;
    this.#ending = ending;
  }

  offer(event: SwarmEvent): void {
    if (!this.#wants(event)) return;
    if (this.#waiting.length - this.#next >= WAITING_MAX) {
      this.#waiting = [{ type: "missed", reason: "lagging" }];
      this.#next = 0;
    }
    this.#waiting.push(event);
    this.wake();
  }

  wake(): void {
    this.#wakeup.wake();
  }

  /** Undefined when it has ended. */
  async next(clock: Clock): Promise<SwarmEvent | undefined> {
    while (!this.#signal.aborted && !this.#ending.aborted) {
      const event = this.#waiting[this.#next];
      if (event !== undefined) {
        this.#next += 1;
        if (this.#next === TOLD_MAX) this.#forgetTold();
        return event;
      }
      this.#forgetTold();
      await this.#wakeup.wait(clock, WAIT_MS, this.#signal);
    }
    return undefined;
  }

  #forgetTold(): void {
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }

  #wants(event: SwarmEvent): boolean {
    if (event.type === "ready" || event.type === "missed") return true;
    if (this.#types !== undefined && !this.#types.has(event.type)) return false;
    if (this.#under === undefined || event.type === "server" || event.type === "alarm") return true;
    const paths = [event.path, event.type === "file" && event.change === "moved" ? event.to : null];
    return paths.some((path) => path !== null && (path === this.#under || path.startsWith(`${this.#under}/`)));
  }
}
