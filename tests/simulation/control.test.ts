/** What operators say to servers that run: it holds at once, on whichever server it was said, and over restarts. */
import { describe, expect, it } from "vitest";
import type { Location, ServerChanges, ServerInfo } from "../../src/server/face.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const ASK_MS = 20_000;
const REST_MS = 120_000;
const GRACE_MS = 20_000;

const configure = (asked: Machine, server: Machine, changes: ServerChanges) =>
  asked.ask((face) => face.configureServer(server.name, changes), ASK_MS);
const locate = async (asked: Machine, path: string): Promise<Location> =>
  (await asked.ask((face) => face.locate([path]), ASK_MS))[0]!;
const infoOf = async (asked: Machine, server: Machine): Promise<ServerInfo> =>
  (await asked.ask((face) => face.servers(), ASK_MS)).find(({ name }) => name === server.name)!;

async function until(swarm: Swarm, what: string, holds: () => Promise<boolean>, limitMs = REST_MS): Promise<void> {
  const end = swarm.world.nowMs + limitMs;
  while (!(await holds().catch(() => false))) {
    if (swarm.world.nowMs > end) throw new Error(`in vain: ${what}`);
    await swarm.world.sleep(100);
  }
}

async function rest(swarm: Swarm, machines: readonly Machine[] = swarm.machines): Promise<void> {
  expect(await comeToRest(swarm, machines, REST_MS)).toBe(undefined);
}

/** The server that would copy the file, and now and then does not. */
async function putAndFind(swarm: Swarm, path: string): Promise<Machine> {
  await putText(swarm, swarm.machines[0]!, path, `the content of ${path}`);
  const { servers } = await locate(swarm.machines[0]!, path);
  return swarm.machines.find(({ name }) => !servers.some((server) => server.name === name))!;
}

describe("a paused server", () => {
  it("copies nothing, takes uploads and readers, stays so over a restart, and goes on when it is told to", () =>
    play({}, async (swarm) => {
      const [a, b] = swarm.machines as [Machine, Machine, Machine];
      for (const machine of swarm.machines) await configure(a, machine, { paused: true });
      const behind = await putAndFind(swarm, "a/file");
      await rest(swarm);
      expect((await locate(b, "a/file")).copies).toBe(2);
      behind.crash();
      behind.start();
      await rest(swarm);
      expect((await locate(b, "a/file")).copies).toBe(2);
      expect((await infoOf(b, behind)).settings.paused).toBe(true);
      expect((await readText(swarm, behind, "a/file")).text).toBe("the content of a/file");
      await configure(b, behind, { paused: false });
      await until(swarm, "the copy", async () => (await locate(b, "a/file")).copies === 3);
    }));

  it("learns of it when it is back, though it was down when it was said", () =>
    play({}, async (swarm) => {
      const [a, , c] = swarm.machines as [Machine, Machine, Machine];
      c.crash();
      await configure(a, c, { paused: true, quota: 40_000_000 });
      await putText(swarm, a, "a/file", "text");
      c.start();
      await rest(swarm);
      expect((await locate(a, "a/file")).copies).toBe(2);
      expect(await infoOf(a, c)).toMatchObject({ quota: { total: 40_000_000 }, settings: { quota: 40_000_000 } });
    }));
});

describe("a quota at run time", () => {
  it("below what is used lets nothing be copied, and above it again everything; null gives back the start's", () =>
    play({}, async (swarm) => {
      const [a, b, c] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, a, "a/first", "x".repeat(10_000));
      await until(swarm, "three copies", async () => (await locate(a, "a/first")).copies === 3);
      for (const machine of [b, c]) await configure(a, machine, { quota: 500 });
      await putText(swarm, a, "a/second", "y".repeat(1_000));
      await rest(swarm);
      expect((await locate(a, "a/second")).copies).toBe(1);
      expect((await infoOf(a, c)).quota).toMatchObject({ total: 500, free: 0 });
      await configure(a, b, { quota: 20_000 });
      await configure(a, c, { quota: null });
      await until(swarm, "three copies", async () => (await locate(a, "a/second")).copies === 3);
      await until(swarm, "the start's quota", async () => (await infoOf(a, c)).quota.total === 50_000_000);
    }));
});

describe("rates at run time", () => {
  it("hold back copies that are made after they were said", () =>
    play({}, async (swarm) => {
      const [a] = swarm.machines as [Machine];
      for (const machine of swarm.machines) await configure(a, machine, { pullRate: 100_000, pulls: 1 });
      const startMs = swarm.world.nowMs;
      await putText(swarm, a, "a/file", "x".repeat(1_000_000));
      const three = async () => (await locate(a, "a/file")).copies === 3;
      await until(swarm, "the copy", three);
      expect(swarm.world.nowMs - startMs).toBeGreaterThan(7_000);
      for (const machine of swarm.machines) await configure(a, machine, { pullRate: "unlimited" });
      const againMs = swarm.world.nowMs;
      await putText(swarm, a, "a/other", "x".repeat(1_000_000));
      await until(swarm, "the copy", async () => (await locate(a, "a/other")).copies === 3);
      expect(swarm.world.nowMs - againMs).toBeLessThan(3_000);
    }));
});

describe("N and W at run time", () => {
  it("hold on every server, and the work index follows, also through a crash in the moment when it begins to (C13)", () =>
    play({ servers: 4, copies: 2 }, async (swarm) => {
      const [a, b, c] = swarm.machines as [Machine, Machine, Machine];
      for (let i = 0; i < 20; i++) await putText(swarm, a, `a/${i}`, `${i}`);
      await until(swarm, "all copies", async () => (await locate(a, "a/19")).copies === 4);
      await rest(swarm);
      expect((await a.ask((face) => face.status(), ASK_MS)).minSurplus).toBe(2);
      const told = await b.ask((face) => face.configureSwarm({ copies: 4, writeCopies: 3 }), ASK_MS);
      expect(told).toMatchObject({ copies: 4, writeCopies: 3 });
      c.crash();
      c.start();
      await rest(swarm);
      for (const machine of swarm.machines) {
        expect(await machine.ask((face) => face.status(), ASK_MS)).toMatchObject({ copies: 4, minSurplus: 0 });
      }
      expect((await putText(swarm, a, "a/new", "text")).copies).toBe(3);
    }));
});

describe("what the loss of each server would do", () => {
  it("is told with the servers, follows what changes, and costs nothing while nobody asks", () =>
    play({ servers: 3, copies: 2, graceMs: GRACE_MS }, async (swarm) => {
      const [a, b, c] = swarm.machines as [Machine, Machine, Machine];
      await configure(a, c, { paused: true });
      for (let i = 0; i < 5; i++) await putText(swarm, b, `a/${i}`, `${i}`);
      const forecastOf = async (server: Machine) => (await infoOf(a, server)).forecast;
      // Of five files b has all; who else has which is chance, c copies none by itself.
      await until(swarm, "copies on a", async () => (await infoOf(a, a)).files === 5);
      await rest(swarm);
      const onC = (await infoOf(a, c)).files;
      const minSurplus = { now: 0, without: -1 };
      const isTold = async () => {
        const found = await forecastOf(b);
        return found?.below === 5 - onC && found.lost === 0 && found.minSurplus?.without === minSurplus.without;
      };
      await until(swarm, "what b's loss would do", isTold);
      expect(await forecastOf(b)).toMatchObject({ minSurplus, safe: onC === 5 });
      b.crash();
      await until(swarm, "b is absent", async () => (await infoOf(a, b)).state === "absent");
      await until(swarm, "what a's loss would do", async () => (await forecastOf(a))?.lost === 5 - onC);
      await configure(a, c, { paused: false });
      await until(swarm, "nothing would be lost", async () => (await forecastOf(a))?.lost === 0);
      expect((await forecastOf(a))?.asOf).toMatch(/^\d{4}-/);
    }));
});

describe("a server's name", () => {
  it("that nobody has is refused, as is one that two have", () =>
    play({ graceMs: GRACE_MS }, async (swarm) => {
      const [a, b] = swarm.machines as [Machine, Machine];
      const ask = (named: string) => a.ask((face) => face.configureServer(named, { paused: true }), ASK_MS);
      await expect(ask("nobody")).rejects.toMatchObject({ code: "server-not-found" });
      b.crash();
      b.replaceDisks();
      b.start();
      await rest(swarm);
      await expect(ask(b.name)).rejects.toMatchObject({ code: "server-ambiguous" });
      const { id } = (await b.ask((face) => face.servers(), ASK_MS)).find(({ self }) => self)!;
      expect((await ask(id)).settings.paused).toBe(true);
    }));
});
