/** C6: a server whose catalog is an older one than others know of begins a new incarnation, whatever its disk says meanwhile. */
import { expect, it } from "vitest";
import { readIncarnation } from "../../src/server/catalog/incarnation.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";

const ASK_TIMEOUT_MS = 20_000;
const FILES = 10;
/** From when others have told what they know. */
const DISK_FAILS_MS = 5_000;

const isReady = (machine: Machine): Promise<boolean> =>
  machine.ask(async (face) => face.health().status === "ok", ASK_TIMEOUT_MS).catch(() => false);

it("C6: begins it though its disk did not take that at first", () =>
  play({}, async (swarm) => {
    const [first, , last] = swarm.machines as [Machine, Machine, Machine];
    await putText(swarm, last, "old", "text");
    await swarm.world.sleep(5_000);
    const snapshot = last.catalog.snapshot();
    for (let i = 0; i < FILES; i++) await putText(swarm, last, `forgotten ${i}`, "text");
    await swarm.world.sleep(5_000);
    last.crash();
    last.catalog.restore(snapshot);
    const before = readIncarnation(last.catalog.read());
    let failed = 0;
    const until = swarm.world.nowMs + DISK_FAILS_MS;
    last.plan = ({ port, method }) => {
      if (port !== "catalog" || method !== "write" || !last.serving || swarm.world.nowMs > until) return undefined;
      failed += 1;
      return { kind: "error", code: "io", side: "before" };
    };
    last.start();
    while (!(await isReady(last))) await swarm.world.sleep(50);
    expect(failed).toBeGreaterThan(0);
    const incarnation = readIncarnation(last.catalog.read());
    await putText(swarm, last, "new", "text");
    const { entries } = await first.ask((face) => face.list(""), ASK_TIMEOUT_MS);
    expect(entries.map(({ name }) => name)).toContain("new");
    expect(incarnation).not.toBe(before);
  }));
