import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { isRunning, processMark } from "./process-mark.ts";

describe("the mark of a process", () => {
  test("is its own for as long as it runs, and no other's of the same number", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const pid = child.pid!;
    const mark = processMark(pid);
    expect(mark).toMatch(/^[0-9a-f-]{36}:\d+$/);
    expect(processMark(process.pid)).not.toBe(mark);
    expect(isRunning(pid, mark)).toBe(true);
    expect(isRunning(pid, undefined)).toBe(true);
    expect(isRunning(pid, `${mark}0`)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isRunning(pid, mark)).toBe(false);
    expect(processMark(pid)).toBeUndefined();
  });
});
