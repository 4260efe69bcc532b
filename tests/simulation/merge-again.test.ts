/** C11: a swarm that was made one with another before becomes one with a third. */
import { describe, expect, it } from "vitest";
import type { FilePath } from "../../src/core/paths.ts";
import { MOVED_KEY } from "../../src/server/swarms/messages.ts";
import { type Machine, SWARM_PORT } from "./machine.ts";
import { playApart, putText, readText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const MERGED_LIMIT_MS = 60_000;
const ASK_TIMEOUT_MS = 20_000;
const DELETED = 1_100;

async function merge(swarm: Swarm, guest: Machine, host: Machine): Promise<void> {
  await guest.ask((face) => face.merge(`${host.host}:${SWARM_PORT}`), ASK_TIMEOUT_MS);
  const swarmOf = async (machine: Machine) => (await machine.ask((face) => face.mergeState(), ASK_TIMEOUT_MS)).swarm;
  const deadlineMs = swarm.world.nowMs + MERGED_LIMIT_MS;
  while ((await swarmOf(guest)) !== (await swarmOf(host))) {
    expect(swarm.world.nowMs).toBeLessThan(deadlineMs);
    await swarm.world.sleep(100);
  }
  await swarm.world.sleep(10_000);
}

describe("a server that has moved", () => {
  it("C11: remembers where from until it knows all that its swarm has offered", () =>
    playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
      const [guest, host] = swarm.machines as [Machine, Machine];
      await putText(swarm, guest, "a/file", "text");
      await putText(swarm, host, "another/file", "text");
      const isMoving = () => guest.catalog.read().get(MOVED_KEY) !== undefined;
      const merging = merge(swarm, guest, host);
      const deadlineMs = swarm.world.nowMs + MERGED_LIMIT_MS;
      while (!isMoving()) {
        expect(swarm.world.nowMs).toBeLessThan(deadlineMs);
        await swarm.world.sleep(1);
      }
      await merging;
      expect(isMoving()).toBe(false);
    }));
});

describe("a merge", () => {
  it("C11: brings what lies behind more deleted files than are walked through in one turn", () =>
    playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
      const [guest, host] = swarm.machines as [Machine, Machine];
      const deleted = Array.from({ length: DELETED }, (_, i) => `deleted/${i}` as FilePath);
      for (const path of deleted) await putText(swarm, guest, path, "text");
      for (const path of deleted) await guest.ask((face) => face.remove(path), ASK_TIMEOUT_MS);
      await putText(swarm, guest, "later", "text");
      await merge(swarm, guest, host);
      expect((await readText(swarm, host, "later")).text).toBe("text");
    }));
});

describe("a merge after a merge", () => {
  const OF_THE_MERGED = ["guest", "host"] as const;
  it.each(OF_THE_MERGED)("C11: of two files the later one stays, whenever the %s took it over from a third", (side) =>
    playApart({ servers: 3, copies: 1, writeCopies: 1 }, async (swarm) => {
      const [third, merged, other] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, third, "a/file", "early");
      await putText(swarm, merged, "another/file", "text");
      await swarm.world.sleep(5_000);
      await putText(swarm, other, "a/file", "late");
      await swarm.world.sleep(5_000);
      await merge(swarm, third, merged);
      const [guest, host] = side === "guest" ? [merged, other] : [other, merged];
      await merge(swarm, guest, host);
      for (const machine of [guest, host]) expect((await readText(swarm, machine, "a/file")).text).toBe("late");
    }),
  );
});

it("C11: a swarm that was put back from before its merge is not taken for one that has offered what it took since", () =>
  playApart({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [guest, host] = swarm.machines as [Machine, Machine];
    await putText(swarm, guest, "a/file", "text");
    await putText(swarm, host, "another/file", "text");
    const before = guest.catalog.snapshot();
    await merge(swarm, guest, host);
    await guest.shutdown();
    guest.catalog.restore(before);
    guest.start();
    await swarm.world.sleep(10_000);
    await putText(swarm, guest, "since", "text");
    await expect(merge(swarm, guest, host)).rejects.toMatchObject({ code: "merge-refused" });
    expect((await readText(swarm, guest, "since")).text).toBe("text");
  }));
