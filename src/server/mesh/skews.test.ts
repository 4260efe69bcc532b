import { beforeEach, describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { Skews } from "./skews.ts";

let monotonicMs: number;
let skews: Skews;

beforeEach(() => {
  monotonicMs = 0;
  skews = new Skews({ wall: () => 0, monotonic: () => monotonicMs, after: () => () => undefined });
});

function note(...skewsMs: number[]): void {
  for (const [i, skewMs] of skewsMs.entries()) skews.note(serverNumbered(i), skewMs);
}

describe("the clocks of others", () => {
  it("C8: one wrong clock does not move the median of many", () => {
    note(-90_000, 10, 20);
    expect(skews.medianMs()).toBe(10);
  });

  it("C8: of two in the middle the one that agrees counts, so that one of two others cannot stop a server", () => {
    note(90_000, 5);
    expect(skews.medianMs()).toBe(5);
    note(90_000, 5, 7, 100_000);
    expect(skews.medianMs()).toBe(7);
  });

  it("C8: most of them being far away, this clock is the wrong one", () => {
    note(90_000, 90_010, 5);
    expect(skews.medianMs()).toBe(90_000);
  });

  it("C8: a clock that was wrong does not outlast its server, when another one answers at its address", () => {
    const [one, other] = ["10.0.0.1:4243", "10.0.0.2:4243"];
    skews.met(serverNumbered(0), 90_000, "one", one);
    skews.met(serverNumbered(1), 90_000, "one, on new disks", one);
    skews.met(serverNumbered(2), 90_000, "other", other);
    skews.note(serverNumbered(2), 90_010);
    expect(skews.medianMs()).toBe(90_000);
    skews.met(serverNumbered(3), 5, "one, on other disks", one);
    skews.met(serverNumbered(4), 10, "other, on new disks", other);
    expect(skews.all().map(({ skewMs }) => skewMs)).toEqual([5, 10]);
  });

  it("nothing is known while none was met", () => {
    expect(skews.medianMs()).toBeUndefined();
  });

  it("P2: a server that is left alone waits no longer for clocks of the dead", () => {
    note(90_000);
    monotonicMs = 599_000;
    expect(skews.medianMs()).toBe(90_000);
    skews.met(serverNumbered(9), 3, "late", "10.0.0.9:4243");
    monotonicMs = 601_000;
    expect(skews.all()).toEqual([expect.objectContaining({ server: serverNumbered(9), name: "late", skewMs: 3 })]);
    skews.note(serverNumbered(9), 4);
    expect(skews.all()[0]).toMatchObject({ name: "late", skewMs: 4 });
  });
});
