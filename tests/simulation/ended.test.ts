/** A worker plays thousands of seeds: nothing of one may be kept when it has ended. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { composeServer } from "../../src/main.ts";
import type { Ports } from "../../src/server/server.ts";
import type { Compose } from "./machine.ts";
import { runSeed } from "./scenario.ts";

/** Runs with kills, power cuts and servers that run on to the end. */
const SEEDS = [1, 2, 3];
/** What the last run had handed to the event loop is over by then, on a busy machine as well. What leaks stays for ever. */
const TURNS_MAX = 200;

it("A run that has ended leaves nothing of its servers in memory, of killed ones neither", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const servers: WeakRef<Ports>[] = [];
  const compose: Compose = (ports, options) => {
    servers.push(new WeakRef(ports));
    return composeServer(ports, options);
  };
  for (const seed of SEEDS) await runSeed(seed, { compose });
  const kept = () => servers.filter((server) => server.deref() !== undefined);
  for (let turn = 0; turn < TURNS_MAX && kept().length > 0; turn++) {
    await nextTurn();
    collect();
  }
  expect(servers.length).toBeGreaterThan(SEEDS.length * 3);
  expect(kept()).toHaveLength(0);
});
