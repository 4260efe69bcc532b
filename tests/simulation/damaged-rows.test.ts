/** Rows of one server's catalog that cannot be read any more, as when a disk damages them: whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import { decodeContent, encodeContent } from "../../src/core/catalog/content.ts";
import { descendants, readEntry } from "../../src/core/catalog/entries.ts";
import { childrenKey, entryKey, versionKey } from "../../src/core/catalog/keys.ts";
import { decodeRegisters, encodeRegisters } from "../../src/core/catalog/rows.ts";
import type { FileContent } from "../../src/core/catalog/types.ts";
import type { VersionId } from "../../src/core/ids.ts";
import type { FilePath } from "../../src/core/paths.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import type { Swarm } from "./swarm.ts";
import { listAll } from "./workload.ts";

const BAD = "bad" as FilePath;
const UNREADABLE = Uint8Array.of(99);
const HEAL_MS = 60_000;

type Damage = (machine: Machine, version: string) => void;

const damageEntry: Damage = ({ catalog }) => catalog.damage(entryKey(BAD), UNREADABLE);

const damageContent: Damage = ({ catalog }) => {
  const registers = decodeRegisters(catalog.read().get(entryKey(BAD))!);
  catalog.damage(entryKey(BAD), encodeRegisters(registers.map((register) => ({ ...register, value: UNREADABLE }))));
};

function changeContent({ catalog }: Machine, change: (content: FileContent) => FileContent): void {
  const registers = decodeRegisters(catalog.read().get(entryKey(BAD))!);
  const changed = registers.map((register) => {
    const content = register.field === "content" ? decodeContent(register.value) : undefined;
    return content?.type === "file" ? { ...register, value: encodeContent(change(content)) } : register;
  });
  catalog.damage(entryKey(BAD), encodeRegisters(changed));
}

/** A file of another size, beyond all that there is. */
const damageSize: Damage = (machine) =>
  changeContent(machine, (content) => ({ ...content, sizeBytes: Number.MAX_SAFE_INTEGER }));

const damageVersion: Damage = ({ catalog }, version) => catalog.damage(versionKey(version as VersionId), UNREADABLE);

/** By its own catalog, whether or not it is fresh. */
function names({ catalog }: Machine): string {
  return Array.from(descendants(catalog.read(), ""), ({ path }) => path).join(" ");
}

/** The size of the file, as its own catalog has it. */
function sizeOf({ catalog }: Machine): number | undefined {
  const entry = readEntry(catalog.read(), BAD);
  return entry?.type === "file" ? entry.content.sizeBytes : undefined;
}

/** Files of which the row of one is damaged on the first server, which wrote all of them. */
async function begin(swarm: Swarm, damage: Damage): Promise<[Machine, Machine, Machine]> {
  const machines = swarm.machines as [Machine, Machine, Machine];
  await putText(swarm, machines[0], "a", "it");
  const { version } = await putText(swarm, machines[0], BAD, "it");
  await machines[0].ask((face) => face.setVariables(BAD, { popularity: 9 }), 20_000);
  await putText(swarm, machines[0], "c", "it");
  await swarm.world.sleep(5_000);
  machines[0].isDamaged = true;
  damage(machines[0], version);
  return machines;
}

/** What another server writes comes to one whose row is damaged, the new content of that very path as well. */
async function takesIn(swarm: Swarm, damaged: Machine, other: Machine): Promise<void> {
  await putText(swarm, other, BAD, "another");
  await putText(swarm, other, "d", "it");
  await swarm.world.sleep(HEAL_MS);
  expect(names(damaged)).toBe("a bad c d");
  expect(sizeOf(damaged)).toBe("another".length);
  expect((await readText(swarm, damaged, BAD)).text).toBe("another");
  expect(await damaged.ask(async (face) => face.health().status, 1_000)).toBe("ok");
}

describe.each<[string, Damage]>([
  ["an entry", damageEntry],
  ["a content", damageContent],
  ["a version's row", damageVersion],
])("%s that cannot be read on one server", (what, damage) => {
  it("C3: keeps nothing from a server that joins", () =>
    play({}, async (swarm) => {
      const [, , third] = await begin(swarm, damage);
      await third.shutdown();
      third.replaceDisks();
      third.start();
      await swarm.world.sleep(HEAL_MS);
      expect(names(third)).toBe("a bad c");
    }));

  it("C3: keeps nothing else from a server that joins it alone, and is told of", () =>
    play({ servers: 2 }, async (swarm) => {
      const [, second] = await begin(swarm, damage);
      let isTold = false;
      swarm.world.tell = (line) => {
        isTold ||= line.includes("a row of this catalog is damaged");
      };
      await second.shutdown();
      second.replaceDisks();
      second.start();
      await swarm.world.sleep(HEAL_MS);
      expect(names(second)).toMatch(/^a( bad)? c$/);
      expect(isTold).toBe(what !== "a content"); // That is read by who takes it in.
      expect(await second.ask(async (face) => face.health().status, 1_000)).toBe("ok");
    }));

  if (what === "a version's row") return;
  it("C3: keeps what others write from no server", () =>
    play({}, async (swarm) => {
      const [first, second] = await begin(swarm, damage);
      await takesIn(swarm, first, second);
    }));

  it("C5: is healed by the others", () =>
    play({}, async (swarm) => {
      const [first] = await begin(swarm, damage);
      await swarm.world.sleep(HEAL_MS);
      expect(names(first)).toBe("a bad c");
      expect((await readText(swarm, first, BAD)).text).toBe("it");
    }));
});

it("C3: a size that is damaged keeps what others write from no server", () =>
  play({}, async (swarm) => {
    const [first, second] = await begin(swarm, damageSize);
    await takesIn(swarm, first, second);
  }));

it.each(["00", "ff"])("C5, P4: a digest that is damaged on one server, from %s on, is taken by no other", (damaged) =>
  play({}, async (swarm) => {
    const [first, ...others] = swarm.machines as [Machine, ...Machine[]];
    const { sha256 } = await putText(swarm, first, BAD, "it");
    await swarm.world.sleep(5_000);
    first.isDamaged = true;
    changeContent(first, (content) => ({ ...content, sha256: damaged + content.sha256.slice(2) }));
    await swarm.world.sleep(HEAL_MS);
    for (const { catalog } of others) expect(readEntry(catalog.read(), BAD)).toMatchObject({ content: { sha256 } });
    for (const machine of others) expect((await readText(swarm, machine, BAD)).text).toBe("it");
  }),
);

it("C5, C12: a number of children that cannot be read on one server keeps what others write from no server", () =>
  play({}, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    await putText(swarm, first, "dir/a", "it");
    await swarm.world.sleep(5_000);
    for (const directory of ["", "dir"] as const)
      first.catalog.damage(childrenKey(directory as FilePath | ""), Uint8Array.of(0xff));
    await putText(swarm, second, "dir/b", "it");
    await second.ask((face) => face.remove("dir/a"), 20_000);
    await swarm.world.sleep(HEAL_MS);
    expect(names(first)).toBe("dir/b");
    await second.ask((face) => face.remove("dir/b"), 20_000);
    await swarm.world.sleep(HEAL_MS);
    expect([...(await first.ask((face) => listAll(face, ""), 20_000)).keys()]).toEqual([]);
  }));

describe("C5, C12: a write that one server's catalog has lost, and is told of again,", () => {
  const [GONE, THERE] = ["dir/gone", "dir/there"] as const;
  const rowOf = ({ catalog }: Machine) => catalog.read().get(entryKey(GONE as FilePath));
  const shown = (machine: Machine) => machine.ask((face) => listAll(face, ""), 20_000);

  it("leaves no directory when what it put there is gone", () =>
    play({}, async (swarm) => {
      const [first, second] = swarm.machines as [Machine, Machine];
      await putText(swarm, first, GONE, "it");
      await swarm.world.sleep(5_000);
      first.catalog.damage(entryKey(GONE as FilePath), undefined);
      await swarm.world.sleep(HEAL_MS);
      expect((await readText(swarm, first, GONE)).text).toBe("it");
      await second.ask((face) => face.remove(GONE), 20_000);
      expect([...(await shown(first)).keys()]).toEqual([]);
    }));

  it("hides no directory when it deleted what was there", () =>
    play({}, async (swarm) => {
      const [first, second] = swarm.machines as [Machine, Machine];
      for (const path of [GONE, THERE]) await putText(swarm, first, path, "it");
      const before = rowOf(first);
      await second.ask((face) => face.remove(GONE), 20_000);
      await swarm.world.sleep(5_000);
      first.catalog.damage(entryKey(GONE as FilePath), before);
      await swarm.world.sleep(HEAL_MS);
      expect(rowOf(first)).not.toEqual(before);
      expect([...(await shown(first)).keys()]).toEqual(["dir"]);
    }));
});
