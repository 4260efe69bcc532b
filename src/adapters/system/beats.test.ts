import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BEAT_MS, Beats } from "./beats.ts";

let beats: Beats;
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  beats = new Beats();
});
afterEach(() => void vi.useRealTimers());

/** Waits of these lengths, begun one millisecond after the other and again whenever one ends. Answers when they end. */
function repeating(waitsMs: readonly number[], durationMs: number): number[] {
  const ends: number[] = [];
  for (const ms of waitsMs) {
    const again = () => {
      ends.push(performance.now());
      beats.after(ms, again);
    };
    beats.after(ms, again);
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(durationMs);
  return ends;
}

describe("what is due at a beat", () => {
  it("wakes the process four times a second at most, and each comes as often as it was asked for", () => {
    const ends = repeating([250, 250, 250, 500, 500], 10_000);
    expect(new Set(ends).size).toBeLessThanOrEqual((10_000 / BEAT_MS) * 1.05);
    expect(ends.length).toBeGreaterThanOrEqual((3 * 40 + 2 * 20) * 0.95);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("comes an eighth of a second sooner or later than it was asked for, and not more", () => {
    for (let beginMs = 0; beginMs < 1000; beginMs += 7) {
      vi.advanceTimersByTime(7);
      const from = performance.now();
      let tookMs = Number.NaN;
      beats.after(600, () => {
        tookMs = performance.now() - from;
      });
      vi.advanceTimersByTime(1000);
      expect(Math.abs(tookMs - 600)).toBeLessThanOrEqual(BEAT_MS / 2 + 1);
    }
  });

  it("does not come when it is cancelled, and leaves no timer that keeps the process", () => {
    const called: string[] = [];
    const cancel = beats.after(250, () => called.push("first"));
    const cancelLater = beats.after(1000, () => called.push("later"));
    cancel();
    cancel();
    vi.advanceTimersByTime(500);
    cancelLater();
    expect(called).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("comes in one waking, in its order, when the process stood still over it", () => {
    const called: string[] = [];
    for (const ms of [250, 500, 5000]) beats.after(ms, () => called.push(`${ms}`));
    const stoodStill = vi.spyOn(performance, "now").mockReturnValue(10_000);
    vi.advanceTimersByTime(250);
    stoodStill.mockRestore();
    expect(called).toEqual(["250", "500", "5000"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
