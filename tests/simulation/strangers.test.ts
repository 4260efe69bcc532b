/** C9: files in the data directory that fsdfs does not know. Whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import type { Swarm } from "./swarm.ts";

const FIRST_LOOK_MS = 90_000;

async function strangersOf(machine: Machine) {
  const servers = await machine.ask((face) => face.servers(), 1_000);
  for (const { self, strangers } of servers) if (!self) expect(strangers).toBe(null);
  return servers.find(({ self }) => self)!.strangers;
}

function write(machine: Machine, path: string): void {
  machine.files.writeExternally(path, new TextEncoder().encode(path));
}

describe("a file that fsdfs does not know", () => {
  it("C9: is counted and named by the server on whose disk it lies, and is neither listed nor copied", () =>
    play({}, async (swarm) => {
      const [one, other] = swarm.machines as [Machine, Machine];
      await putText(swarm, one, "music/song", "a song");
      expect(await strangersOf(one)).toBe(null);
      for (const path of ["stray", "music/stray", "music/deep/er/stray"]) write(one, path);
      await swarm.world.sleep(FIRST_LOOK_MS);
      const found = await strangersOf(one);
      expect(found?.files).toBe(3);
      expect([...found!.examples].sort()).toEqual(["music/deep/er/stray", "music/stray", "stray"]);
      expect(Math.abs(Date.parse(found!.asOf) - one.wallMs())).toBeLessThan(FIRST_LOOK_MS);
      expect(await strangersOf(other)).toMatchObject({ files: 0, examples: [] });
      const { entries } = await one.ask((face) => face.list("", { recursive: true }), 1_000);
      expect(entries.map(({ name }) => name)).toEqual(["music/song"]);
    }));

  it("C9: is counted however many there are, and some are named", () =>
    play({}, async (swarm) => {
      const [one] = swarm.machines as [Machine];
      for (let i = 0; i < 1_200; i++) write(one, `many/${i % 3}/${i}`);
      await swarm.world.sleep(2 * FIRST_LOOK_MS);
      const found = await strangersOf(one);
      expect(found?.files).toBe(1_200);
      expect(found?.examples).toHaveLength(20);
    }));

  it("C9: is no longer counted at the next look once it is gone", () =>
    play({}, async (swarm) => {
      const [one] = swarm.machines as [Machine];
      write(one, "stray");
      write(one, "other");
      await swarm.world.sleep(FIRST_LOOK_MS);
      expect((await strangersOf(one))?.files).toBe(2);
      one.files.removeExternally("stray");
      await one.shutdown();
      one.start();
      await swarm.world.sleep(FIRST_LOOK_MS);
      expect(await strangersOf(one)).toMatchObject({ files: 1, examples: ["other"] });
    }));
});

describe("a file that nobody holds", () => {
  it("C9, P3: is a copy where it lies, also aside or with a second name, once the catalog of its only holder was lost", () =>
    play({ copies: 1, writeCopies: 1, quotasBytes: [1_000, 1_000, 50_000_000] }, async (swarm) => {
      const [one, , holder] = swarm.machines as [Machine, Machine, Machine];
      const paths = [...Array.from({ length: 30 }, (_, i) => `music/${i}/song`), "music/linked", ".fsdfs/notes"];
      for (const path of paths) await putText(swarm, holder, path, path.repeat(1_000));
      for (const path of ["music/stray", ".fsdfs/side/stray"]) write(holder, path);
      await holder.shutdown();
      await holder.files.link("music/linked", ".fsdfs/aside/snapshot");
      holder.catalog = new MemoryCatalogStore();
      holder.start();
      await swarm.world.sleep(FIRST_LOOK_MS);
      for (const path of paths) expect((await readText(swarm, one, path)).text).toBe(path.repeat(1_000));
      expect(await strangersOf(holder)).toMatchObject({ files: 1, examples: ["music/stray"] });
    }));
});

describe("what fsdfs itself puts there", () => {
  /** Changes of all kinds until the first look of every server is over. */
  async function work(swarm: Swarm): Promise<void> {
    const [one] = swarm.machines as [Machine];
    const endMs = swarm.world.nowMs + FIRST_LOOK_MS;
    for (let i = 0; swarm.world.nowMs < endMs; i++) {
      await putText(swarm, one, `work/${i % 7}`, `text ${i}`);
      if (i % 3 === 0) await one.ask((face) => face.move(`work/${i % 7}`, `moved/${i}`), 20_000);
      if (i % 5 === 0) await one.ask((face) => face.remove("moved"), 20_000).catch(() => undefined);
      await swarm.world.sleep(40);
    }
  }

  it("C9: is never taken for a stranger, whatever is put, moved, overwritten and deleted meanwhile", () =>
    play({}, async (swarm) => {
      await work(swarm);
      await swarm.world.sleep(10_000);
      for (const machine of swarm.machines) expect(await strangersOf(machine)).toMatchObject({ files: 0 });
    }));

  it("C9: is not taken for a stranger while a slow disk brings it to its place", () =>
    play({}, async (swarm) => {
      for (const machine of swarm.machines) machine.delays.factor = 50;
      await work(swarm);
      await swarm.world.sleep(60_000);
      for (const machine of swarm.machines) expect(await strangersOf(machine)).toMatchObject({ files: 0 });
    }));
});
