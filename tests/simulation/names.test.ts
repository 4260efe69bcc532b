/** P4, T2: no name of a version is given twice by a catalog that was put back on a machine whose clock was set back. */
import { describe, expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

async function namesOf(swarm: Swarm, machine: Machine, label: string, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push((await putText(swarm, machine, "a/file", `${label} ${i}`)).version);
  return names;
}

async function serves(swarm: Swarm, machine: Machine): Promise<void> {
  while (!machine.serving) await swarm.world.sleep(10);
  while ((await machine.ask(async (face) => face.health().status, 1_000)) !== "ok") await swarm.world.sleep(10);
}

const ENDS: readonly [string, (machine: Machine) => Promise<void> | void][] = [
  ["was killed", (machine) => machine.crash()],
  ["lost its power", (machine) => machine.powerCut()],
  ["was stopped", (machine) => machine.shutdown()],
];

describe("a server that nobody else knows", () => {
  it.each(ENDS)("P4: and %s, gives no name again when its catalog and its clock are put back", (_how, end) =>
    play({ servers: 1 }, async (swarm) => {
      const [machine] = swarm.machines as [Machine];
      // The clock goes back while it runs: names count on from the last one, and so would those that are given again.
      machine.skewMs = 30_000;
      const first = await namesOf(swarm, machine, "first", 3);
      machine.skewMs = 0;
      const snapshot = machine.catalog.snapshot();
      const forgotten = await namesOf(swarm, machine, "forgotten", 50);
      await end(machine);
      machine.catalog.restore(snapshot);
      machine.start();
      await serves(swarm, machine);
      const later = await namesOf(swarm, machine, "later", 60);
      const all = [...first, ...forgotten, ...later];
      expect(new Set(all).size).toBe(all.length);
      expect((await readText(swarm, machine, "a/file")).text).toBe("later 59");
    }),
  );

  it("P4: gives no name again when kills and roll-backs follow each other", () =>
    play({ servers: 1 }, async (swarm) => {
      const [machine] = swarm.machines as [Machine];
      const all = await namesOf(swarm, machine, "first", 1);
      const snapshot = machine.catalog.snapshot();
      for (let round = 0; round < 20; round++) {
        all.push(...(await namesOf(swarm, machine, `round ${round}`, 3)));
        machine.crash();
        machine.catalog.restore(snapshot);
        machine.skewMs -= 1_000;
        machine.start();
        await serves(swarm, machine);
      }
      expect(new Set(all).size).toBe(all.length);
    }));
});

describe("a server that was killed", () => {
  it("C8: names versions by the right time again within seconds, however often it is killed", () =>
    play({ servers: 1 }, async (swarm) => {
      const [machine] = swarm.machines as [Machine];
      for (let round = 0; round < 20; round++) {
        await namesOf(swarm, machine, `round ${round}`, 2);
        machine.crash();
        machine.start();
        await serves(swarm, machine);
      }
      await namesOf(swarm, machine, "last", 1);
      const info = await machine.ask((face) => face.head("a/file"), 1_000);
      expect(Math.abs(Date.parse(info.modified!) - machine.wallMs())).toBeLessThan(5_000);
    }));
});

describe("an upload", () => {
  it("P4: waits for no sync of the mark while others have moved it, and for none beside its own otherwise", () =>
    play({ servers: 1 }, async (swarm) => {
      const [machine] = swarm.machines as [Machine];
      const syncs: string[] = [];
      machine.plan = ({ port, method, about }) => {
        if (port === "files" && method === "rename" && about.includes(".fsdfs/names-")) syncs.push(about);
        return undefined;
      };
      const startMs = swarm.world.nowMs;
      for (let i = 0; i < 200; i++) await putText(swarm, machine, `a/file ${i}`, "text");
      const seconds = (swarm.world.nowMs - startMs) / 1_000;
      expect(syncs.length).toBeGreaterThan(0);
      expect(syncs.length).toBeLessThanOrEqual(2 * seconds + 2);
    }));
});
