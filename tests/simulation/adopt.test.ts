/** C9, P7: a directory's files become the swarm's without being copied. Whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import { outsideName } from "../../src/adapters/memory/sources.ts";
import type { AdoptEvent, AdoptOptions } from "../../src/server/face.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";

const LIBRARY = "/library/music";
const HERE = { local: true } as const;

const bytes = (text: string) => new TextEncoder().encode(text);

function write(machine: Machine, path: string, text: string): void {
  machine.files.writeExternally(path.startsWith("/") ? outsideName(path) : path, bytes(text));
}

async function adopt(machine: Machine, directory: string, options: AdoptOptions = HERE): Promise<AdoptEvent[]> {
  return machine.ask(async (face) => {
    const events: AdoptEvent[] = [];
    for await (const event of face.adopt(directory, options)) events.push(event);
    return events;
  }, 600_000);
}

const outcome = (events: readonly AdoptEvent[]) => {
  const { kind, total, adopted, present, skipped, bytes: size } = events.at(-1) as AdoptEvent & { kind: "done" };
  return { kind, total, adopted, present, skipped, bytes: size };
};

const codes = (events: readonly AdoptEvent[]) =>
  events.flatMap((event) => (event.kind === "skipped" ? [`${event.path} ${event.code}`] : [])).sort();

const inodeOf = (machine: Machine, name: string) =>
  machine.files.tree().find((entry) => entry.name === name)?.stat.inode;

async function listed(machine: Machine): Promise<string[]> {
  const { entries } = await machine.ask((face) => face.list("", { recursive: true }), 1_000);
  return entries.filter(({ type }) => type === "file").map(({ name }) => name);
}

describe("files in the data directory", () => {
  it("C9, P7: become the swarm's where they lie, and are copied to the other servers", () =>
    play({}, async (swarm) => {
      const [one, other] = swarm.machines as [Machine, Machine];
      for (let i = 0; i < 70; i++) write(one, `music/${i % 3}/${i}`, `song ${i}`);
      const inodes = one.files.tree().map(({ name, stat }) => [name, stat.inode]);
      const events = await adopt(one, "/data/music");
      expect(outcome(events)).toMatchObject({ kind: "done", total: 70, adopted: 70, present: 0, skipped: 0 });
      expect(await listed(other)).toHaveLength(70);
      await swarm.world.sleep(30_000);
      for (const machine of swarm.machines) expect(inodeOf(machine, "music/1/40")).toBeDefined();
      expect(one.files.tree().map(({ name, stat }) => [name, stat.inode])).toEqual(expect.arrayContaining(inodes));
      expect(outcome(await adopt(one, "/data/music"))).toMatchObject({ adopted: 0, present: 70, skipped: 0 });
    }));
});

describe("files beside the data directory", () => {
  it("P7: get a second name in it, and keep their own unless they are to be moved", () =>
    play({}, async (swarm) => {
      const [one, other] = swarm.machines as [Machine, Machine];
      for (let i = 0; i < 40; i++) write(one, `${LIBRARY}/${i % 2}/${i}`, `song ${i}`);
      const events = await adopt(one, LIBRARY, { ...HERE, to: "shared" });
      expect(outcome(events)).toMatchObject({ adopted: 40, skipped: 0 });
      expect(await listed(other)).toContain("shared/1/39");
      const before = one.files.treeOutside(LIBRARY).find(({ name }) => name === "1/39");
      expect(inodeOf(one, "shared/1/39")).toBe(before!.stat.inode);
      expect(outcome(await adopt(one, LIBRARY, { ...HERE, to: "shared" }))).toMatchObject({ adopted: 0, present: 40 });
      await adopt(one, LIBRARY, { ...HERE, to: "shared", move: true });
      expect(one.files.treeOutside(LIBRARY).filter(({ type }) => type === "file")).toEqual([]);
      expect(await listed(one)).toHaveLength(40);
    }));
});

describe("files that were adopted before and are to be moved now", () => {
  it("P7: stay when somebody has put another in their place since they were looked at", () =>
    play({}, async (swarm) => {
      const [one] = swarm.machines as [Machine];
      for (const name of ["kept", "moved"]) write(one, `${LIBRARY}/${name}`, `a song that is ${name}`);
      expect(outcome(await adopt(one, LIBRARY))).toMatchObject({ adopted: 2 });
      one.catalog.holdFlushes();
      const moving = adopt(one, LIBRARY, { ...HERE, move: true });
      await swarm.world.sleep(1_000);
      write(one, `${LIBRARY}/kept`, "another song");
      one.catalog.releaseFlushes();
      expect(outcome(await moving)).toMatchObject({ present: 2, skipped: 0 });
      expect(one.files.treeOutside(LIBRARY).map(({ name }) => name)).toEqual(["kept"]);
    }));
});

describe("what is not adopted", () => {
  it("C9: is told, file by file, and left as it is", () =>
    play({}, async (swarm) => {
      const [one] = swarm.machines as [Machine];
      await putText(swarm, one, "same", "same");
      await putText(swarm, one, "other", "other");
      await putText(swarm, one, "dir/inside", "x");
      await putText(swarm, one, "file", "x");
      for (const [name, text] of [
        ["same", "same"],
        ["other", "another"],
        ["dir", "x"],
        ["file/below", "x"],
        [".fsdfs/x", "x"],
        ["new", "n"],
      ] as const) {
        write(one, `/from/${name}`, text);
      }
      one.files.plantExternally(outsideName("/from/link"), "symlink");
      one.files.plantExternally(outsideName("/from/fifo"), "other");
      write(one, "/from/twin", "twin");
      await one.files.link(outsideName("/from/twin"), outsideName("/from/twin2"));
      write(one, "/from/server/.fsdfs/identity", "x");
      write(one, "/from/server/theirs", "x");
      const events = await adopt(one, "/from", HERE);
      expect(codes(events)).toEqual([
        ".fsdfs/x not-adoptable",
        "dir is-a-directory",
        "fifo no-regular-file",
        "file/below not-a-directory",
        "link no-regular-file",
        "other adopt-conflict",
        "server not-adoptable",
        "twin not-adoptable",
        "twin2 not-adoptable",
      ]);
      expect(outcome(events)).toMatchObject({ adopted: 1, present: 1 });
      expect((await adopt(one, "/from", { ...HERE, overwrite: true })).at(-1)).toMatchObject({ adopted: 1 });
      const told = await one.ask((face) => face.head("other"), 1_000);
      expect(told.size).toBe(7);
    }));
});
