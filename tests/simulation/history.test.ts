/** What a history says of the time of a change, by the clocks of the servers. */
import { expect, it } from "vitest";
import { composeServer } from "../../src/main.ts";
import { History } from "./history.ts";
import type { Machine } from "./machine.ts";
import { CONFIG } from "./play.ts";
import { Swarm } from "./swarm.ts";
import { EPOCH_MS, World } from "./world.ts";

it("C8: a change may have any time that a clock showed while it lasted, before or after the clock was set back", () => {
  const world = new World(1);
  let nowMs = 0;
  Object.defineProperty(world, "nowMs", { get: () => nowMs });
  const swarm = new Swarm(world, { ...CONFIG, servers: 2, copies: 2 }, composeServer);
  const history = new History(swarm);
  const [one, other] = swarm.machines as [Machine, Machine];
  const setBackAndRight = () => {
    for (const skewMs of [-30_000, 0]) {
      swarm.setClock(one, skewMs);
      nowMs += 1_000;
    }
  };

  swarm.setClock(other, 80_000);
  setBackAndRight();
  const within = history.begin("c", "remove", "a");
  const startMs = nowMs;
  nowMs += 1_000;
  history.end(within, "acknowledged");
  setBackAndRight();
  expect(within.clockLowMs).toBe(EPOCH_MS + startMs);

  const across = history.begin("c", "remove", "a");
  nowMs += 1_000;
  const setMs = nowMs;
  setBackAndRight();
  history.end(across, "acknowledged");
  expect(across.clockLowMs).toBe(EPOCH_MS + setMs - 30_000);

  const ahead = history.begin("c", "remove", "a");
  nowMs += 60_000;
  const mostMs = other.wallMs();
  swarm.setClock(other, 0);
  history.end(ahead, "acknowledged");
  expect(ahead.clockHighMs).toBeGreaterThanOrEqual(mostMs);
});
