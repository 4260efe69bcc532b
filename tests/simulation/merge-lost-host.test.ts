/** C11, P3: the only server that knows what a swarm has offered is gone for good, while those that offered it move. */
import { expect, it } from "vitest";
import { MOVED_KEY } from "../../src/server/swarms/messages.ts";
import { type Machine, SWARM_PORT } from "./machine.ts";
import { playApart, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";

const LIMIT_MS = 60_000;
const ASK_TIMEOUT_MS = 20_000;
const LOOK_EVERY_MS = 10;
const TAKING_MS = 20_000;

const isMoved = (guest: Machine) => guest.catalog.read().get(MOVED_KEY) !== undefined;

it("C11, P3: a swarm is not given up before others than its host's only server know its files", () =>
  playApart({ servers: 3 }, async (swarm) => {
    const [host, ...guests] = swarm.machines as [Machine, Machine, Machine];
    const until = async (holds: () => boolean | Promise<boolean>) => {
      const deadlineMs = swarm.world.nowMs + LIMIT_MS;
      while (!(await holds())) {
        expect(swarm.world.nowMs).toBeLessThan(deadlineMs);
        await swarm.world.sleep(LOOK_EVERY_MS);
      }
    };
    const merge = (guest: Machine, into: Machine) =>
      guest.ask((face) => face.merge(`${into.host}:${SWARM_PORT}`), ASK_TIMEOUT_MS);
    await merge(guests[0]!, guests[1]!);
    await until(() => isMoved(guests[0]!));
    expect(await comeToRest(swarm, guests, LIMIT_MS)).toBe(undefined);
    await putText(swarm, host, "of the host", "text");
    expect(await putText(swarm, guests[0]!, "of the guests", "text")).toMatchObject({ copies: 2 });
    await merge(guests[0]!, host);
    await until(() => guests.some(isMoved));
    // Who has moved takes long to take the host's catalog in, as if it were large.
    for (let ms = 0; ms < TAKING_MS; ms += LOOK_EVERY_MS) {
      for (const guest of guests.filter(isMoved)) guest.catalog.holdFlushes();
      await swarm.world.sleep(LOOK_EVERY_MS);
    }
    host.crash();
    for (const guest of guests) guest.catalog.releaseFlushes();
    await swarm.world.sleep(10_000);
    const read = (guest: Machine) => readText(swarm, guest, "of the guests").then(({ text }) => text);
    expect(await Promise.any(guests.map(read))).toBe("text");
  }));
