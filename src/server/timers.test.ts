import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Clock } from "../ports/clock.ts";
import { sleep, Wakeup } from "./timers.ts";

/** A clock that is turned by hand. */
class TurnedClock implements Clock {
  #timers = new Set<() => void>();

  monotonic(): number {
    return 0;
  }

  wall(): number {
    return 0;
  }

  after(_ms: number, callback: () => void): () => void {
    this.#timers.add(callback);
    return () => this.#timers.delete(callback);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Everything that was to come later comes now. */
  turn(): void {
    const due = [...this.#timers];
    this.#timers.clear();
    for (const callback of due) callback();
  }
}

const never = (): AbortSignal => new AbortController().signal;

describe("sleeping", () => {
  it("ends when its time has come, or with its signal, and leaves no timer behind", async () => {
    const clock = new TurnedClock();
    const ending = new AbortController();
    const one = sleep(clock, 10, ending.signal);
    clock.turn();
    await one;
    const two = [sleep(clock, 10, ending.signal), sleep(clock, 10, ending.signal)];
    ending.abort();
    await Promise.all(two);
    expect(clock.pending).toBe(0);
    await sleep(clock, 10, ending.signal);
    expect(clock.pending).toBe(0);
  });
});

describe("a wakeup", () => {
  it("resolves all who wait, and is then used up", async () => {
    const clock = new TurnedClock();
    const wakeup = new Wakeup();
    const waiting = [wakeup.wait(clock, 10, never()), wakeup.wait(clock, 10, never())];
    wakeup.wake();
    await Promise.all(waiting);
    let isWoken = false;
    const next = wakeup.wait(clock, 10, never()).then(() => {
      isWoken = true;
    });
    await Promise.resolve();
    expect(isWoken).toBe(false);
    expect(clock.pending).toBe(1);
    clock.turn();
    await next;
  });

  it("that came while nobody waited resolves the next who does", async () => {
    const clock = new TurnedClock();
    const wakeup = new Wakeup();
    wakeup.wake();
    await wakeup.wait(clock, 10, never());
    expect(clock.pending).toBe(0);
  });

  it("ends with its signal", async () => {
    const clock = new TurnedClock();
    const ending = new AbortController();
    const waiting = new Wakeup().wait(clock, 10, ending.signal);
    ending.abort();
    await waiting;
    expect(clock.pending).toBe(0);
  });

  it("that never comes remembers nobody who waited for it", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const clock = new TurnedClock();
    const wakeup = new Wakeup();
    const signal = never();
    const heapAfter = async (waits: number): Promise<number> => {
      for (let i = 0; i < waits; i++) {
        const waiting = wakeup.wait(clock, 10, signal);
        clock.turn();
        await waiting;
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await heapAfter(1_000);
    // A promise that remembers them keeps some 400 bytes for each.
    expect((await heapAfter(50_000)) - before).toBeLessThan(4_000_000);
  });
});
