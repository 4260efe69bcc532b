import { expect, describe as group, test } from "vitest";
import type { ServerId } from "../../core/ids.ts";
import type { ServerInfo } from "../../server/face.ts";
import { describe, describeForecast, describeScrub } from "./servers.ts";

const SERVER: ServerInfo = {
  id: "0123456789ab" as ServerId,
  name: "attic",
  url: "http://attic:4242",
  state: "up",
  zone: "home",
  load: 0,
  self: true,
  files: 3,
  quota: { total: 10, used: 1, free: 9 },
  maxSurplus: null,
  full: false,
  pulls: 0,
  clockSkewMs: 0,
  problem: null,
  strangers: null,
  settings: { quota: null, pulls: null, pullRate: null, serveRate: null, paused: false, draining: false },
  drain: null,
  forecast: null,
  scrub: null,
  alarms: [],
  softwareVersion: "1.0.0",
};
const asOf = "2026-01-01T00:00:00.000Z";
const lastLine = (strangers: ServerInfo["strangers"]) =>
  describe([{ ...SERVER, strangers }])
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("To make"))
    .at(-1);

group("what fsdfs servers says of files that fsdfs does not know", () => {
  test("is nothing when there are none, or nobody has looked yet", () => {
    for (const strangers of [null, { files: 0, examples: [], asOf }]) expect(lastLine(strangers)).toContain("attic");
  });

  test("is how many there are, and some of their names if they are told", () => {
    const sentence = "lie in the data directory that fsdfs does not know";
    const examples = ["a", "b", "c", "d", "e", "f"];
    expect(lastLine({ files: 1, examples: ["a"], asOf })).toBe(`1 file ${sentence.replace("lie", "lies")}: a`);
    expect(lastLine({ files: 1200, examples, asOf })).toBe(`1,200 files ${sentence}: a, b, c, d, e, …`);
    expect(lastLine({ files: 12, examples: [], asOf })).toBe(`12 files ${sentence}`);
  });

  test("says how they become the swarm's", () => {
    expect(describe([{ ...SERVER, strangers: { files: 2, examples: [], asOf } }])).toMatch(
      /them .*: fsdfs adopt DIR\n$/,
    );
  });

  test("is printed without what could play tricks on the terminal", () => {
    expect(lastLine({ files: 1, examples: ["x\u001b[2J"], asOf })).not.toContain("\u001b");
  });
});

group("what the loss of a server would do", () => {
  const forecast = { lost: 0, below: 0, minSurplus: { now: 1, without: 1 }, safe: true, asOf };
  const told = (changes: Partial<typeof forecast>) =>
    describeForecast({ ...SERVER, forecast: { ...forecast, ...changes } });

  test("is told in a line where it does anything", () => {
    expect(told({ lost: 12, below: 12, minSurplus: { now: 1, without: 0 }, safe: false })).toBe(
      "without attic: 12 files would have no copy; minSurplus 1 → 0; safe to unplug: no\n",
    );
    expect(told({ below: 1, safe: false })).toBe(
      "without attic: 1 file would have fewer copies than they must; minSurplus 1 → 1; safe to unplug: no\n",
    );
    expect(told({ minSurplus: { now: 1, without: 0 } })).toBe("without attic: minSurplus 1 → 0; safe to unplug: yes\n");
    expect(told({})).toBeUndefined();
    expect(describeForecast({ ...SERVER, forecast: null })).toBeUndefined();
  });
});

test.each([
  [null, "-"],
  [{ share: 0, ended: null, damaged: 0 }, "0%"],
  [{ share: 1, ended: null, damaged: 0 }, "100%"],
  [{ share: 0.999, ended: "2026-11-27T09:09:00.000Z", damaged: 0 }, "99%, ended 2026-11-27"],
  [{ share: 1, ended: "2026-11-27T09:09:00.000Z", damaged: 2 }, "ended 2026-11-27, 2 damaged"],
])("a scrub of %j is told as %j", (scrub, told) => {
  expect(describeScrub(scrub)).toBe(told);
});
