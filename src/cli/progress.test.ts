import { expect, test } from "vitest";
import { formatLeft, Progress } from "./progress.ts";

/** Turned by hand. */
function clock() {
  let ms = 0;
  return { now: () => ms, turn: (byMs: number) => (ms += byMs) };
}

test("a line tells what is done, of how much, how fast and for how long", () => {
  const { now, turn } = clock();
  const progress = new Progress(now);
  progress.expectedFiles = 100;
  progress.expectedBytes = 100_000_000;
  expect(progress.line()).toBe("0 of 100+ files, 0 B of 100 MB+, 0 B/s");
  progress.counted = true;
  for (let at = 0; at < 25; at++) {
    turn(1000);
    progress.movedFiles++;
    progress.movedBytes += 1_000_000;
    progress.line();
  }
  expect(progress.line()).toBe("25 of 100 files, 25.0 MB of 100 MB, 1.0 MB/s, 75 s left");
});

test("the rate is that of the last seconds, and what was there already brings the end nearer", () => {
  const { now, turn } = clock();
  const progress = new Progress(now);
  progress.expectedFiles = 1_000;
  progress.expectedBytes = 1_000_000_000;
  progress.counted = true;
  for (let at = 0; at < 60; at++) {
    turn(1000);
    progress.presentFiles += 10;
    progress.presentBytes += 10_000_000;
    progress.line();
  }
  expect(progress.line()).toBe("600 of 1,000 files, 600 MB of 1.0 GB, 0 B/s, 40 s left");
  turn(60_000);
  progress.movedBytes += 6_000_000;
  expect(progress.line()).toContain("600 of 1,000 files, 606 MB of 1.0 GB, 50.0 kB/s");
});

test("without a count there is no total and no time", () => {
  const progress = new Progress(clock().now);
  progress.movedFiles = 3;
  expect(progress.line()).toBe("3 files, 0 B, 0 B/s");
});

test.each([
  [1, "1 s"],
  [89_000, "89 s"],
  [12 * 60_000, "12 min"],
  [80 * 60_000, "80 min"],
  [100 * 60_000, "1 h 40 min"],
  [72 * 3_600_000, "3 days"],
])("%d ms are told as %s", (ms, text) => {
  expect(formatLeft(ms)).toBe(text);
});
