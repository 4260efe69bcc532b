/**
 * Simulated time: a queue of events and the pump that runs them. One event runs, then every microtask that it set off,
 * then the next one. Nothing real is waited for, so a run is a function of its seed.
 */
import { hashText } from "./random.ts";

/** 2026-01-01: any fixed moment does. */
export const EPOCH_MS = 1_767_225_600_000;

/** Events handed to the event loop at a time. One turn of it for each event costs three times as much. */
const EVENTS_PER_TURN = 64;

interface Event {
  readonly timeMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export interface Failure {
  readonly rule: string;
  readonly message: string;
}

export class World {
  readonly seed: number;
  readonly failures: Failure[] = [];
  /** Set to print a readable trace. */
  tell: ((line: string) => void) | undefined;
  /** Set to print every call of a port as well. */
  tellCall: ((line: string) => void) | undefined;
  #nowMs = 0;
  #order = 0;
  #eventsRun = 0;
  #hash: number;
  readonly #queue: Event[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.#hash = seed | 0;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get eventsRun(): number {
    return this.#eventsRun;
  }

  /** Of everything that happened so far; equal for equal runs. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** Runs `callback` `ms` from now. Answers what cancels it. */
  after(ms: number, callback: () => void): () => void {
    const event: Event = { timeMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run: callback };
    push(this.#queue, event);
    return () => {
      event.run = undefined;
    };
  }

  /** Resolves after `ms` of simulated time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Makes a number part of the run's hash. */
  note(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193) ^ (this.#hash >>> 15);
  }

  /** A step worth reading: part of the hash, and printed in a verbose run. */
  trace(line: string): void {
    this.note(hashText(line));
    this.tell?.(`${(this.#nowMs / 1000).toFixed(4).padStart(9)}  ${line}`);
  }

  /** Messages may hold stacks, which differ from one checkout to another: they are no part of the hash. */
  fail(rule: string, message: string): void {
    this.note(hashText(rule));
    this.tell?.(`FAILED ${rule}: ${message}`);
    this.failures.push({ rule, message });
  }

  /**
   * Runs events until `done` says so, or the queue is empty, or `limitMs` of simulated time is reached. Resolves with
   * whether `done` was met.
   */
  run(limitMs: number, done: () => boolean = () => false): Promise<boolean> {
    return new Promise((resolve) => {
      let ended = false;
      const end = (met: boolean) => {
        ended = true;
        if (!met) this.#nowMs = Math.max(this.#nowMs, limitMs);
        resolve(met);
      };
      const step = () => {
        if (ended) return;
        if (done()) end(true);
        else if (!this.#runNext(limitMs)) end(false);
      };
      const turn = () => {
        if (ended) return;
        for (let i = 0; i < EVENTS_PER_TURN; i++) setImmediate(step);
        setImmediate(turn);
      };
      turn();
    });
  }

  #runNext(limitMs: number): boolean {
    for (;;) {
      const event = this.#queue[0];
      if (event === undefined || event.timeMs > limitMs) return false;
      pop(this.#queue);
      if (event.run === undefined) continue;
      this.#nowMs = event.timeMs;
      this.#eventsRun++;
      this.note(event.order);
      event.run();
      return true;
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let i = heap.length;
  heap.push(event);
  while (i > 0) {
    const up = (i - 1) >> 1;
    const parent = heap[up] as Event;
    if (!before(event, parent)) break;
    heap[i] = parent;
    i = up;
  }
  heap[i] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  const length = heap.length;
  if (length === 0) return;
  let i = 0;
  for (;;) {
    let down = 2 * i + 1;
    if (down >= length) break;
    if (down + 1 < length && before(heap[down + 1] as Event, heap[down] as Event)) down++;
    const child = heap[down] as Event;
    if (!before(child, last)) break;
    heap[i] = child;
    i = down;
  }
  heap[i] = last;
}
