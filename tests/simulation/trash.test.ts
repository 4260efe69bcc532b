/** A trash of many files on simulated servers. */
import { expect, test } from "vitest";
import { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import { emptyInSteps } from "../../src/client/trash.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";

const ASK_TIMEOUT_MS = 60_000;
const FILES = 120;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test("is emptied in steps, each of which tells how far it came; what lay at a path last is found by the path", () =>
  play({ servers: 2, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    const paths = Array.from({ length: FILES }, (_, i) => `a/${i}`);
    for (const path of paths) {
      await putText(swarm, first, path, `of ${path}`);
      await first.ask((face) => face.remove(path), ASK_TIMEOUT_MS);
    }
    await putText(swarm, first, "a/7", "the last of a/7");
    await second.ask((face) => face.remove("a/7"), ASK_TIMEOUT_MS);
    expect(await second.ask((face) => face.restore({ path: "a/7" }), ASK_TIMEOUT_MS)).toMatchObject({ path: "a/7" });
    expect((await readText(swarm, second, "a/7")).text).toBe("the last of a/7");
    await swarm.world.sleep(10_000);

    for (const machine of swarm.machines) machine.delays.factor = 500;
    const told: number[] = [];
    const emptied = await emptyInSteps((options) => second.ask((face) => face.emptyTrash(options), ASK_TIMEOUT_MS), {
      under: "a",
      onProgress: ({ thrownAway }) => told.push(thrownAway.copies),
    });
    for (const machine of swarm.machines) machine.delays.factor = 1;
    expect(told.length).toBeGreaterThan(0);
    expect(told.at(-1)).toBeGreaterThan(0);
    expect(emptied.thrownAway.copies).toBeGreaterThan(told.at(-1)!);
    expect(emptied.thrownAway.copies).toBeGreaterThanOrEqual(FILES);
    expect(emptied).toMatchObject({ kept: { copies: 0, bytes: 0 }, unreached: [], next: null });
    expect((await first.ask((face) => face.listTrash(), ASK_TIMEOUT_MS)).files).toEqual([]);
    const after = "000000000000/1";
    await expect(second.ask((face) => face.emptyTrash({ after }), ASK_TIMEOUT_MS)).rejects.toMatchObject({
      code: "argument-invalid",
    });
  }));

test("S2: what was overwritten gives way, and goes after its days, where there are fewer servers than copies are wanted", () =>
  play(
    { servers: 1, copies: 3, writeCopies: 2, quotaBytes: 100_000 },
    async (swarm) => {
      const [machine] = swarm.machines as [Machine];
      const usedBytes = async () => (await machine.ask(async (face) => face.status(), ASK_TIMEOUT_MS)).quota.used;
      for (let i = 0; i < 20; i++) await putText(swarm, machine, "a", `${i}`.padEnd(8_000));
      expect(await usedBytes()).toBeGreaterThan(8_000);
      machine.stop(8 * DAY_MS);
      await swarm.world.sleep(8 * DAY_MS + 2 * HOUR_MS);
      expect(await usedBytes()).toBe(8_000);
    },
    9 * DAY_MS,
  ));

test("S3: what a lowered quota has given up does not lie in the trash beyond it, and what was deleted does", () =>
  play({ copies: 2, quotaBytes: 200_000 }, async (swarm) => {
    const [machine] = swarm.machines as [Machine];
    for (let i = 0; i < 15; i++) await putText(swarm, machine, `a${i}`, `${i}`.padEnd(8_000));
    await swarm.world.sleep(60_000);
    await machine.ask((face) => face.remove("a0"), ASK_TIMEOUT_MS);
    await machine.ask((face) => face.configureServer(machine.name, { quota: 50_000 }), ASK_TIMEOUT_MS);
    await swarm.world.sleep(120_000);
    const servers = await machine.ask(async (face) => face.servers(), ASK_TIMEOUT_MS);
    expect(servers.find(({ name }) => name === machine.name)!.quota.used).toBeLessThanOrEqual(58_000);
    const { files } = await machine.ask((face) => face.listTrash(), ASK_TIMEOUT_MS);
    expect(files).toMatchObject([{ path: "a0", servers: expect.arrayContaining([machine.name]) }]);
  }));

test("only an admin has back what lay where the swarm's own files are, also by its version", () =>
  play({ servers: 1, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [only] = swarm.machines as [Machine];
    const { version } = await putText(swarm, only, ".fsdfs", "in the way of a policy");
    await only.ask((face) => face.remove(".fsdfs"), ASK_TIMEOUT_MS);
    const restored = (asAdmin: boolean) => only.ask((face) => face.restore({ version, asAdmin }), ASK_TIMEOUT_MS);
    await expect(restored(false)).rejects.toMatchObject({ code: "forbidden" });
    expect(await restored(true)).toMatchObject({ path: ".fsdfs" });
  }));

test("V2: what comes back to another path has no variables of the file that was there", () =>
  play({ servers: 2, copies: 2 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    for (const path of ["a", "b"]) {
      await putText(swarm, first, path, path);
      await first.ask((face) => face.setVariables(path, { of: path }), ASK_TIMEOUT_MS);
      await first.ask((face) => face.remove(path), ASK_TIMEOUT_MS);
    }
    const variablesAt = async (path: string) => (await second.ask((face) => face.head(path), ASK_TIMEOUT_MS)).variables;
    await second.ask((face) => face.restore({ path: "b", to: "a" }), ASK_TIMEOUT_MS);
    expect(await variablesAt("a")).toBeUndefined();
    await putText(swarm, first, "c", "c");
    await first.ask((face) => face.setVariables("c", { of: "c" }), ASK_TIMEOUT_MS);
    await first.ask((face) => face.remove("c"), ASK_TIMEOUT_MS);
    await second.ask((face) => face.restore({ path: "c" }), ASK_TIMEOUT_MS);
    expect(await variablesAt("c")).toEqual({ of: "c" });
  }));

test("S2: lies aside, for the operator, where the catalog that knew of it is lost", () =>
  play({ servers: 1, copies: 1, writeCopies: 1 }, async (swarm) => {
    const [machine] = swarm.machines as [Machine];
    await putText(swarm, machine, "a.ogg", "some bytes");
    await machine.ask((face) => face.remove("a.ogg"), ASK_TIMEOUT_MS);
    await swarm.world.sleep(10_000);
    machine.crash();
    machine.catalog = new MemoryCatalogStore();
    machine.start();
    await swarm.world.sleep(60_000);
    const kept = machine.files.tree().filter(({ name, type }) => type === "file" && name.endsWith("a.ogg"));
    expect(kept).toEqual([expect.objectContaining({ name: expect.stringContaining(".fsdfs/aside/") })]);
    await putText(swarm, machine, "a.ogg", "other bytes");
    await machine.ask((face) => face.remove("a.ogg"), ASK_TIMEOUT_MS);
    await swarm.world.sleep(10_000);
    expect((await machine.ask((face) => face.listTrash(), ASK_TIMEOUT_MS)).files).toHaveLength(1);
  }));
