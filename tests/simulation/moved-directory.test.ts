/** Directories that are moved with what is in them. */
import { expect, it } from "vitest";
import { PATH_BYTES_MAX } from "../../src/core/paths.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";

const ASK_TIMEOUT_MS = 20_000;

const filesOn = async (machine: Machine): Promise<string[]> => {
  const { entries } = await machine.ask((face) => face.list("", { recursive: true }), ASK_TIMEOUT_MS);
  return entries.flatMap(({ type, name }) => (type === "file" ? [name] : []));
};

/** Of so many bytes, in segments that disks can hold. */
function pathOf(sizeBytes: number): string {
  const segments = "x"
    .repeat(200)
    .concat("/")
    .repeat(Math.ceil(sizeBytes / 200));
  return segments.slice(0, sizeBytes).replace(/\/$/, "x");
}

it("S7: a directory is not moved where a path below it would be too long; nothing of it is", () =>
  play({}, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    const long = `b/${pathOf(PATH_BYTES_MAX - 10)}`;
    await putText(swarm, first, "b/a", "short");
    await putText(swarm, first, long, "long");
    const moveTo = (to: string) => first.ask((face) => face.move("b", to), ASK_TIMEOUT_MS);
    await expect(moveTo("ten letters")).rejects.toMatchObject({ code: "path-invalid" });
    await swarm.world.sleep(5_000);
    for (const machine of swarm.machines) expect(await filesOn(machine)).toEqual(["b/a", long]);
    await first.ask((face) => face.remove(long), ASK_TIMEOUT_MS);
    await moveTo("ten letters");
    for (const machine of swarm.machines) expect(await filesOn(machine)).toEqual(["ten letters/a"]);
  }));

const MANY = 700;

it("C2: a directory of more than is moved at once is moved as a whole", () =>
  play({ servers: 1 }, async (swarm) => {
    const [only] = swarm.machines as [Machine];
    const names = Array.from({ length: MANY }, (_, i) => `d${i}`).sort();
    await only.ask(async (face) => {
      await face.makeDirectory("a");
      await Promise.all(names.map((name) => face.makeDirectory(`a/${name}`)));
    }, ASK_TIMEOUT_MS);
    await putText(swarm, only, "a/z/file", "text");
    await only.ask((face) => face.move("a", "longer"), ASK_TIMEOUT_MS);
    const { entries } = await only.ask((face) => face.list("longer", { limit: 10_000 }), ASK_TIMEOUT_MS);
    expect(entries.map(({ name }) => name)).toEqual([...names, "z"]);
    expect((await readText(swarm, only, "longer/z/file")).text).toBe("text");
    await expect(only.ask((face) => face.list("a"), ASK_TIMEOUT_MS)).rejects.toMatchObject({ code: "file-not-found" });
  }));

it("C10: a directory is moved by another server for one that is behind, as long as that takes", () =>
  play({}, async (swarm) => {
    const [first, second, late] = swarm.machines as [Machine, Machine, Machine];
    const names = Array.from({ length: 2 * MANY }, (_, i) => `d${i}`).sort();
    await first.ask(async (face) => {
      await Promise.all(names.map((name) => face.makeDirectory(`a/${name}`)));
    }, ASK_TIMEOUT_MS);
    late.crash();
    await swarm.world.sleep(4_000);
    await putText(swarm, first, "while/away", "text");
    late.delays.factor = 30_000;
    late.start();
    const isBehind = async () =>
      late.serving && (await late.ask(async (face) => face.health(), ASK_TIMEOUT_MS)).status === "behind";
    while (!(await isBehind())) await swarm.world.sleep(100);
    for (const machine of [first, second]) machine.delays.factor = 30_000;
    const begunMs = swarm.world.nowMs;
    await late.ask((face) => face.move("a", "b"), 600_000);
    expect(swarm.world.nowMs - begunMs).toBeGreaterThan(60_000);
    for (const machine of swarm.machines) machine.delays.factor = 1;
    await swarm.world.sleep(180_000);
    const { entries } = await first.ask((face) => face.list("b", { limit: 10_000 }), ASK_TIMEOUT_MS);
    expect(entries.map(({ name }) => name)).toEqual(names);
  }));

it("P3, P5: what comes to where a directory is being moved to is not replaced by what has yet to come there", () =>
  play({ servers: 1 }, async (swarm) => {
    const [only] = swarm.machines as [Machine];
    const names = Array.from({ length: 4 * MANY }, (_, i) => `d${i}`);
    await only.ask(async (face) => {
      await Promise.all(names.map((name) => face.makeDirectory(`a/${name}`)));
    }, ASK_TIMEOUT_MS);
    await putText(swarm, only, "a/z", "moved");
    await putText(swarm, only, "other", "came meanwhile");
    only.delays.factor = 100;
    const moved = only
      .ask((face) => face.move("a", "b"), ASK_TIMEOUT_MS)
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    const isThere = (path: string) =>
      only
        .ask(async (face) => face.head(path), ASK_TIMEOUT_MS)
        .then(
          () => true,
          () => false,
        );
    while (!(await isThere("b"))) await swarm.world.sleep(1);
    await only.ask((face) => face.move("other", "b/z"), ASK_TIMEOUT_MS);
    expect(await moved).toMatchObject({ code: "interrupted" });
    expect((await readText(swarm, only, "b/z")).text).toBe("came meanwhile");
    expect((await readText(swarm, only, "a/z")).text).toBe("moved");
  }));

it("P3, P5: a file that comes to where an emptied directory is being moved to is not replaced by that", () =>
  play({ servers: 1 }, async (swarm) => {
    const [only] = swarm.machines as [Machine];
    const paths = Array.from({ length: 4 * MANY }, (_, i) => `a/d${i}`);
    await only.ask(async (face) => {
      await face.makeDirectory("a");
      await Promise.all(paths.map((path) => face.makeDirectory(path)));
      await Promise.all(paths.map((path) => face.remove(path, { only: "directory" })));
    }, ASK_TIMEOUT_MS);
    await putText(swarm, only, "other", "came meanwhile");
    only.delays.factor = 100;
    const moved = only
      .ask((face) => face.move("a", "b"), ASK_TIMEOUT_MS)
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    await swarm.world.sleep(1);
    await only.ask((face) => face.move("other", "b"), ASK_TIMEOUT_MS);
    expect(await moved).toMatchObject({ code: "interrupted" });
    expect((await readText(swarm, only, "b")).text).toBe("came meanwhile");
  }));
