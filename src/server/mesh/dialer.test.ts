import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { Dialer, type DialResult } from "./dialer.ts";

const ADDRESS = "10.0.0.2:4243";

function dialing(result: () => DialResult, why?: "found") {
  const clock = new ManualClock();
  const ending = new AbortController();
  let attempts = 0;
  const dialer = new Dialer(clock, ending.signal, async () => {
    attempts++;
    return result();
  });
  dialer.add(ADDRESS, why);
  return { clock, dialer, ending, attempts: () => attempts };
}

describe("dialing", () => {
  it("tries an address that fails again and again, with growing pauses to 30 s (M1)", async () => {
    const { clock, attempts } = dialing(() => ({ kind: "failed" }));
    await clock.pass(1_000);
    expect(attempts()).toBe(3);
    await clock.pass(120_000);
    const before = attempts();
    await clock.pass(30_001);
    expect(attempts() - before).toBe(1);
  });

  it("tries soon again when the server there has called", async () => {
    const { clock, dialer, attempts } = dialing(() => ({ kind: "failed" }));
    await clock.pass(120_000);
    const before = attempts();
    dialer.add(ADDRESS, "soon");
    await clock.pass(260);
    expect(attempts()).toBeGreaterThan(before);
  });

  it("is not driven faster than every 250 ms by a server that calls without end", async () => {
    const { clock, dialer, attempts } = dialing(() => ({ kind: "failed" }));
    for (let i = 0; i < 1_000; i++) {
      dialer.add(ADDRESS, "soon");
      await clock.pass(1);
    }
    expect(attempts()).toBeLessThanOrEqual(5);
    expect(attempts()).toBeGreaterThanOrEqual(4);
  });

  it("tries the addresses that it was told of however many strangers announce on the network (M1)", async () => {
    const tried = new Set<string>();
    const dialer = new Dialer(new ManualClock(), new AbortController().signal, async (address) => {
      tried.add(address);
      return { kind: "failed" };
    });
    for (let i = 0; i < 10_000; i++) dialer.add(`10.1.0.1:${i}`, "found");
    expect(tried.size).toBeGreaterThan(100);
    dialer.add(ADDRESS);
    expect(tried).toContain(ADDRESS);
  });

  it("gives up what was announced and never answers, until it is announced again", async () => {
    const { clock, dialer, attempts } = dialing(() => ({ kind: "failed" }), "found");
    await clock.pass(600_000);
    const before = attempts();
    await clock.pass(600_000);
    expect(attempts()).toBe(before);
    dialer.add(ADDRESS, "found");
    expect(attempts()).toBe(before + 1);
    dialer.add(ADDRESS);
    await clock.pass(600_000);
    expect(attempts()).toBeGreaterThan(before + 10);
  });

  it("looks again each second at an address that is known, also when that server calls", async () => {
    let looks = 0;
    const again = () => {
      // Without a limit a mistake here would never give the event loop back.
      if (++looks > 1_000) throw new Error("it looks without pausing");
      return false;
    };
    const { clock, dialer, ending } = dialing(() => ({ kind: "known", again }));
    await clock.pass(10);
    dialer.add(ADDRESS, "soon");
    await clock.pass(5_000);
    expect(looks).toBeLessThan(10);
    ending.abort();
    await clock.pass(1);
  });
});
