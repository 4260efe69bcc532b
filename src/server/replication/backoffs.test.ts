import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import type { VersionId } from "../../core/ids.ts";
import { Backoffs } from "./backoffs.ts";

const FIRST = "first" as VersionId;
const SECOND = "second" as VersionId;

describe("backoffs", () => {
  it("R-step 1: what has ended is waited for no more, and is remembered only to wait longer the next time", async () => {
    const clock = new ManualClock();
    const backoffs = new Backoffs(clock);
    backoffs.failed(FIRST, false);
    backoffs.leaveAlone(SECOND, 60_000);
    expect(backoffs.soonestMs()).toBe(1000);
    await clock.pass(1000);
    expect(backoffs.has(FIRST)).toBe(false);
    expect(backoffs.soonestMs()).toBe(59_000);
    await clock.pass(59_000);
    expect(backoffs.soonestMs()).toBe(Number.POSITIVE_INFINITY);
    backoffs.failed(FIRST, false);
    expect(backoffs.soonestMs()).toBe(2000);
  });
});
