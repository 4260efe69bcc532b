import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import type { HybridTime, ServerId, VersionId } from "../../core/ids.ts";
import { versionId } from "../../core/ids.ts";
import { TURN_MS, Turns, type TurnsParts } from "./turns.ts";

const SERVERS = Array.from({ length: 12 }, (_, i) => `${i}`.padStart(12, "0") as ServerId);

function swarm(clock: ManualClock) {
  return SERVERS.map((self) => {
    const upLinks = () => SERVERS.filter((server) => server !== self).map((server) => ({ server }));
    return { self, turns: new Turns({ clock, catalog: { self }, mesh: { upLinks } } as unknown as TurnsParts) };
  });
}

function madeAt(ms: number): VersionId {
  return versionId((Math.floor(ms) * 1024) as HybridTime, SERVERS[0]!);
}

describe("turns at a new file", () => {
  it("lets as many begin as it wants for and two more, and all when they may have heard of those", async () => {
    const clock = new ManualClock();
    const servers = swarm(clock);
    const version = madeAt(clock.wall());
    for (const { turns } of servers) turns.hear([version]);
    const isTaken = (server: ServerId) => server === SERVERS[3];
    const beginning = (surplus: number) =>
      servers.filter(({ self, turns }) => !isTaken(self) && turns.waitMs(version, surplus, isTaken) === 0).length;
    expect(beginning(-2)).toBe(4);
    expect(beginning(1)).toBe(2);
    await clock.pass(TURN_MS);
    expect(beginning(1)).toBe(11);
  });

  it("holds nobody back from a file that is not new", async () => {
    const clock = new ManualClock();
    const version = madeAt(clock.wall());
    await clock.pass(61_000);
    for (const { turns } of swarm(clock)) {
      turns.hear([version]);
      expect(turns.waitMs(version, 5, () => false)).toBe(0);
    }
  });
});
