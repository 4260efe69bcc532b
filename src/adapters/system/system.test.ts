import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { logTo } from "./log.ts";
import { systemRandom } from "./random.ts";

function capture(pretty: boolean) {
  const lines: string[] = [];
  const log = logTo({ write: (line: string) => void lines.push(line) }, { level: "info", pretty });
  return { lines, log };
}

describe("the system's clock", () => {
  it("calls back once, later, unless it was cancelled", async () => {
    const before = systemClock.monotonic();
    let cancelled = false;
    systemClock.after(0, () => {
      cancelled = true;
    })();
    await new Promise<void>((resolve) => void systemClock.after(5, resolve));
    expect(cancelled).toBe(false);
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before + 4);
  });

  it("takes a wait that Node's timers cannot hold without firing at once", async () => {
    let fired = false;
    const cancel = systemClock.after(1e12, () => {
      fired = true;
    });
    await new Promise<void>((resolve) => void systemClock.after(5, resolve));
    cancel();
    expect(fired).toBe(false);
  });
});

describe("the system's chance", () => {
  it("gives the bytes that were asked for, and other ones each time", () => {
    expect(systemRandom.bytes(16)).toHaveLength(16);
    expect(systemRandom.bytes(16)).not.toEqual(systemRandom.bytes(16));
  });

  it("gives fractions in [0, 1) over the whole range", () => {
    const drawn = Array.from({ length: 2_000 }, () => systemRandom.fraction());
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...drawn)).toBeLessThan(0.05);
    expect(Math.max(...drawn)).toBeLessThan(1);
    expect(Math.max(...drawn)).toBeGreaterThan(0.95);
  });
});

describe("the log", () => {
  it("writes one JSON object a line, leaving out what is below its level", () => {
    const { lines, log } = capture(false);
    log.debug("not this");
    log.warn("100%s of it", { path: "/a b", files: 3, gone: undefined });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: "warn", message: "100%s of it", path: "/a b", files: 3 });
  });

  it("writes readable lines on a terminal", () => {
    const { lines, log } = capture(true);
    log.info("A server joined.", { server: "ab12", name: "two words", files: 3 });
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info {2}A server joined\. {2}server=ab12 {2}name="two words" {2}files=3\n$/,
    );
  });

  it("lets no control character of others reach the terminal", () => {
    const { lines, log } = capture(true);
    log.info("evil\u001b[2J\nline", { name: "x\u001b]0;y\u0007", path: "a\nb" });
    expect(lines[0]!.slice(0, -1)).not.toMatch(/\p{Cc}/u);
  });
});
