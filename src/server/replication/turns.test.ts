import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import { NEUTRAL, Weights } from "../../core/policy/weights.ts";
import { TURN_MS, Turns } from "./turns.ts";

const SERVERS = Array.from({ length: 12 }, (_, i) => `${i}`.padStart(12, "0") as ServerId);
const FILE = "00000000000001-000000000001" as VersionId;

describe("taking turns at a file", () => {
  const clock = new ManualClock();
  const servers = SERVERS.map((self) => ({ self, turns: new Turns(clock, self) }));
  const begin = (surplus: number, without: readonly ServerId[] = [], weights = NEUTRAL) => {
    const waiting = servers.filter(({ self }) => !without.includes(self));
    return waiting.filter(({ self, turns }) => {
      const others = SERVERS.filter((server) => server !== self && !without.includes(server));
      return turns.waitMs(FILE, turns.rank(FILE, others, weights), surplus) === 0;
    });
  };

  it("holds nobody back from a file that has not changed lately", () => {
    expect(begin(0)).toHaveLength(12);
  });

  it("lets as many begin at once as it wants for, one at least, and then one after the other", async () => {
    for (const { turns } of servers) turns.hear([FILE]);
    expect(begin(-3)).toHaveLength(3);
    const [first] = begin(2);
    expect(begin(2)).toHaveLength(1);
    await clock.pass(TURN_MS);
    expect(begin(2)).toHaveLength(2);
    expect(begin(2, [first!.self])).toHaveLength(2);
    for (const { turns } of servers) turns.hear([FILE]);
    expect(begin(2, [first!.self])).toHaveLength(1);
  });

  it("R5: begins where the file should rather be, and ends where it should rather not", async () => {
    for (const { turns } of servers) turns.hear([FILE]);
    const usual = begin(-12).map(({ self }) => self);
    const last = usual[0]!;
    const liked = SERVERS.slice(5, 7);
    const weights = new Weights(new Map([[last, 0], ...liked.map((server) => [server, 2] as const)]));
    expect(begin(-2, [], weights).map(({ self }) => self)).toEqual(liked);
    expect(begin(-11, [], weights).map(({ self }) => self)).not.toContain(last);
  });

  it("takes turns anew at what one began to copy and gave up, whose copy had been counted on", async () => {
    const none = () => false;
    for (const { turns } of servers) turns.hear([FILE]);
    const [first] = begin(0);
    const others = servers.filter((server) => server !== first);
    for (const { turns } of others) expect(turns.hearPulls(first!.self, [FILE], none)).toBe(false);
    await clock.pass(12 * TURN_MS);
    expect(begin(0, [first!.self])).toHaveLength(11);
    for (const { turns } of others) expect(turns.hearPulls(first!.self, [FILE], none)).toBe(false);
    for (const { turns } of others) expect(turns.hearPulls(first!.self, [], none)).toBe(true);
    const next = () => begin(0).filter((server) => server !== first);
    expect(next()).toHaveLength(1);
    await clock.pass(TURN_MS);
    expect(next()).toHaveLength(2);
  });

  it("hears nothing new in the end of a pull that made its copy", async () => {
    const { turns } = servers[0]!;
    await clock.pass(60_000);
    turns.hearPulls(SERVERS[1]!, [FILE], () => false);
    expect(turns.hearPulls(SERVERS[1]!, [], (version) => version === FILE)).toBe(false);
    expect(turns.waitMs(FILE, 5, 0)).toBe(0);
  });

  it("forgets what changed long ago, and hears no more at once than it can keep", async () => {
    await clock.pass(60_000);
    const { turns } = servers[0]!;
    const versions = Array.from({ length: 10_001 }, (_, i) => `${i}`.padStart(14, "0") as VersionId);
    turns.hear(versions);
    expect(turns.waitMs(FILE, 5, 0)).toBe(0);
    expect(turns.waitMs(versions[9_999]!, 5, 0)).toBeGreaterThan(0);
    expect(turns.waitMs(versions[10_000]!, 5, 0)).toBe(0);
  });
});
