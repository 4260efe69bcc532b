/** A server is removed from the swarm for good (C7): what it takes, what becomes of it, and of those that stay. */
import { describe, expect, it } from "vitest";
import type { Location, ServerInfo } from "../../src/server/face.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const ASK_MS = 20_000;
const LIMIT_MS = 120_000;
const GRACE_MS = 20_000;
const FILES = 6;

const locate = async (asked: Machine, path: string): Promise<Location> =>
  (await asked.ask((face) => face.locate([path]), ASK_MS))[0]!;
const serversOf = (asked: Machine): Promise<ServerInfo[]> => asked.ask((face) => face.servers(), ASK_MS);
const remove = (asked: Machine, server: string, acceptLoss = false) =>
  asked.ask((face) => face.removeServer(server, { acceptLoss }), ASK_MS);
const drain = (asked: Machine, server: Machine) =>
  asked.ask((face) => face.configureServer(server.name, { draining: true }), ASK_MS);

async function until(swarm: Swarm, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = swarm.world.nowMs + LIMIT_MS;
  while (!(await holds().catch(() => false))) {
    if (swarm.world.nowMs > end) throw new Error(`in vain: ${what}`);
    await swarm.world.sleep(200);
  }
}

async function putAll(swarm: Swarm, copies: number): Promise<void> {
  const [a] = swarm.machines as [Machine];
  for (let i = 0; i < FILES; i++) await putText(swarm, a, `a/${i}`, `the content of ${i}`);
  await until(swarm, "all copies", async () => (await locate(a, `a/${FILES - 1}`)).copies === copies);
  expect(await comeToRest(swarm, swarm.machines, LIMIT_MS)).toBe(undefined);
}

const stateIs = (asked: Machine, server: Machine, wanted: (info: ServerInfo) => boolean) => async () =>
  (await serversOf(asked)).some((info) => info.name === server.name && wanted(info));
const isEmpty = ({ drain: left }: ServerInfo) => left?.safe === true;
const isAbsent = ({ state }: ServerInfo) => state === "absent";

describe("a server that is drained", () => {
  it("is not empty while what it wrote is known to nobody but others that are drained", () =>
    play({}, async (swarm) => {
      const [a, b, c] = swarm.machines as [Machine, Machine, Machine];
      await putAll(swarm, 3);
      a.crash();
      for (let i = 0; i < FILES; i++) await b.ask((face) => face.remove(`a/${i}`), ASK_MS);
      for (const machine of [b, c]) await drain(c, machine);
      await swarm.world.sleep(LIMIT_MS);
      for (const machine of [b, c]) expect(await stateIs(c, machine, isEmpty)()).toBe(false);
      a.start();
      for (const machine of [b, c]) await until(swarm, "it is empty", stateIs(c, machine, isEmpty));
      for (const machine of [b, c]) machine.powerCut();
      await swarm.world.sleep(LIMIT_MS);
      await expect(a.ask((face) => face.remove("a/0"), ASK_MS)).rejects.toMatchObject({ code: "file-not-found" });
    }));

  it("is removed at once, serves no more, starts only as new, and then its files count where they lie", () =>
    play({ servers: 4, copies: 3 }, async (swarm) => {
      const [a, b, , d] = swarm.machines as [Machine, Machine, Machine, Machine];
      await putAll(swarm, 4);
      await drain(a, d);
      await until(swarm, "it is empty", stateIs(a, d, isEmpty));
      expect(await remove(a, d.name)).toMatchObject({ name: d.name, lost: 0, below: 0 });
      expect((await serversOf(b)).map(({ name }) => name)).not.toContain(d.name);
      await expect(serversOf(d)).rejects.toMatchObject({ code: "server-removed" });
      await expect(putText(swarm, d, "a/new", "text")).rejects.toMatchObject({ code: "server-removed" });
      expect((await d.ask(async (face) => face.health(), ASK_MS)).status).toBe("removed");
      await expect(remove(a, d.name)).rejects.toMatchObject({ code: "server-not-found" });
      d.crash();
      d.start();
      await swarm.world.sleep(5_000);
      expect(d.serving).toBe(false);
      for (let i = 0; i < FILES; i++)
        d.files.writeExternally(`a/${i}`, new TextEncoder().encode(`the content of ${i}`));
      d.startsAsNew();
      await until(swarm, "it is there again", async () => (await locate(a, "a/0")).copies === 4);
      expect(await comeToRest(swarm, swarm.machines, LIMIT_MS)).toBe(undefined);
    }));
});

describe("a server that is not drained", () => {
  it("is refused while it is up or silent for a moment, with what would be lost, and removed when that is accepted", () =>
    play({ servers: 3, copies: 1, writeCopies: 1, graceMs: GRACE_MS }, async (swarm) => {
      const [a, , c] = swarm.machines as [Machine, Machine, Machine];
      for (const machine of swarm.machines)
        await a.ask((face) => face.configureServer(machine.name, { paused: true }), ASK_MS);
      await putText(swarm, c, "a/only", "text");
      expect((await locate(a, "a/only")).copies).toBe(1);
      const refused = { code: "remove-refused", message: expect.stringContaining("1 files would have no copy") };
      await expect(remove(a, c.name)).rejects.toMatchObject(refused);
      await expect(remove(c, c.name)).rejects.toMatchObject({ code: "remove-refused" });
      c.crash();
      await expect(remove(a, c.name)).rejects.toMatchObject(refused);
      await until(swarm, "it is absent", stateIs(a, c, isAbsent));
      await expect(remove(a, c.name)).rejects.toMatchObject(refused);
      expect(await remove(a, c.name, true)).toMatchObject({ lost: 1, below: 1 });
      expect((await locate(a, "a/only")).copies).toBe(0);
    }));

  it("is removed when it is absent and nothing is lost; back again it is told so and serves nobody", () =>
    play({ servers: 4, copies: 2, graceMs: GRACE_MS }, async (swarm) => {
      const [a, b, c, d] = swarm.machines as [Machine, Machine, Machine, Machine];
      await putAll(swarm, 4);
      d.crash();
      await until(swarm, "it is absent", stateIs(a, d, isAbsent));
      await remove(a, d.name);
      d.start();
      await until(
        swarm,
        "it knows",
        async () => (await d.ask(async (face) => face.health(), ASK_MS)).status === "removed",
      );
      await expect(putText(swarm, d, "a/new", "text")).rejects.toMatchObject({ code: "server-removed" });
      expect(await comeToRest(swarm, [a, b, c], LIMIT_MS)).toBe(undefined);
      expect((await serversOf(a)).length).toBe(3);
    }));

  it("X1: has acknowledged nothing that those who stay do not know", () =>
    play({ copies: 1, writeCopies: 1 }, async (swarm) => {
      const [a, , c] = swarm.machines as [Machine, Machine, Machine];
      const acknowledged: string[] = [];
      const make = async (name: string) => {
        await c.ask((face) => face.makeDirectory(name), ASK_MS);
        acknowledged.push(name);
      };
      const removing = remove(a, c.name, true);
      const made: Promise<unknown>[] = [];
      for (let i = 0; i < 50; i++) {
        made.push(Promise.allSettled([make(`d${i}`)]));
        await swarm.world.sleep(1);
      }
      await Promise.all([removing, ...made]);
      await swarm.world.sleep(5_000);
      const { entries } = await a.ask((face) => face.list(""), ASK_MS);
      const known = new Set(entries.map(({ name }) => name));
      expect(acknowledged.filter((name) => !known.has(name))).toEqual([]);
    }));

  it("C14: keeps nobody from deciding conditions any more", () =>
    play({ servers: 3, copies: 2, graceMs: GRACE_MS }, async (swarm) => {
      const [a, b, c] = swarm.machines as [Machine, Machine, Machine];
      const put = (path: string) =>
        a.ask((face) => face.put(path, bytes("text"), { conditions: { ifNoneMatch: "*" } }), ASK_MS);
      await putAll(swarm, 3);
      c.crash();
      await until(swarm, "it is absent", stateIs(a, c, isAbsent));
      const before = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          put(`b/${i}`).then(
            () => true,
            () => false,
          ),
        ),
      );
      expect(before).toContain(false);
      await remove(b, c.name);
      const after = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          put(`c/${i}`).then(
            () => true,
            () => false,
          ),
        ),
      );
      expect(after).not.toContain(false);
    }));

  it("X1: goes on when it hears of it only after the removal was refused because it did not answer", () =>
    play({}, async (swarm) => {
      const [a, , c] = swarm.machines as [Machine, Machine, Machine];
      await putAll(swarm, 3);
      c.stop(8_000);
      await expect(remove(a, c.name, true)).rejects.toMatchObject({ code: "remove-refused" });
      await until(
        swarm,
        "it is up again",
        stateIs(a, c, ({ state }) => state === "up"),
      );
      await putText(swarm, c, "b", "text");
      expect((await locate(a, "b")).copies).toBeGreaterThan(1);
      await remove(a, c.name, true);
      await expect(putText(swarm, c, "c", "text")).rejects.toMatchObject({ code: "server-removed" });
    }));
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
