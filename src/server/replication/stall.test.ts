import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { Stall } from "./stall.ts";

function watched() {
  const clock = new ManualClock();
  const seen = { stalls: 0 };
  const stall = new Stall(clock, 1000, () => {
    seen.stalls += 1;
  });
  return { clock, stall, seen };
}

describe("a stream that is watched", () => {
  it("stalls when nothing has come for so long, counted from when it was last waited for", async () => {
    const { clock, stall, seen } = watched();
    for (let i = 0; i < 5; i++) {
      stall.waits();
      await clock.pass(900);
      stall.came();
    }
    stall.waits();
    await clock.pass(990);
    expect(seen.stalls).toBe(0);
    await clock.pass(20);
    expect(seen.stalls).toBe(1);
  });

  it("does not stall while nobody waits for it, however long the reader takes", async () => {
    const { clock, stall, seen } = watched();
    stall.waits();
    stall.came();
    await clock.pass(5000);
    stall.waits();
    await clock.pass(990);
    expect(seen.stalls).toBe(0);
    await clock.pass(20);
    expect(seen.stalls).toBe(1);
  });

  it("does not stall any more when it has ended", async () => {
    const { clock, stall, seen } = watched();
    stall.waits();
    stall.end();
    await clock.pass(5000);
    expect(seen.stalls).toBe(0);
  });
});
