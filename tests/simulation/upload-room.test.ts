/** S3: what an upload is told that finds no room at the moment, though there will be some. Whole servers in simulated time. */
import { expect, it } from "vitest";
import type { FsdfsError } from "../../src/errors.ts";
import type { Machine } from "./machine.ts";
import { play } from "./play.ts";
import { comeToRest } from "./rest.ts";

const SIZE = 1000;
const TIMEOUT_MS = 20_000;
/** They are up still, and behind when they go on. */
const STILL_MS = 2500;
/** Until a server counts as down. */
const DOWN_MS = 4000;

async function put(machine: Machine, path: string, sizeBytes = SIZE): Promise<number> {
  const body = async function* () {
    yield new Uint8Array(sizeBytes).fill(path.charCodeAt(path.length - 1));
  };
  return (await machine.ask((face) => face.put(path, body(), { sizeBytes }), TIMEOUT_MS)).copies;
}

function stagedBytes({ files }: Machine): number {
  const staged = files.tree().filter(({ name }) => name.startsWith(".fsdfs/staged/"));
  return staged.reduce((bytes, { stat }) => bytes + stat.sizeBytes, 0);
}

it("S3: while servers that stood still promise nothing yet, an upload is told to come again, not that there is no room", () =>
  play({ servers: 4, quotaBytes: 3.5 * SIZE }, async (swarm) => {
    const [asked, ...others] = swarm.machines as [Machine, ...Machine[]];
    for (const path of ["a", "b", "c", "d"]) await put(asked, path);
    expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
    asked.plan = ({ about }) => {
      if (about === "promise") for (const other of others) other.stop(STILL_MS);
      return undefined;
    };
    await expect(put(asked, "e")).rejects.toMatchObject({ code: "overloaded" });
    asked.plan = () => undefined;
    await swarm.world.sleep(STILL_MS);
    expect(await put(asked, "e")).toBe(2);
  }));

it("S3: a copy that is given up for an upload does not come back out of the trash before its room is taken", () =>
  play(
    { servers: 4, copies: 2, writeCopies: 1, quotasBytes: [3, 3, 3, 1].map((units) => units * SIZE), reserve: 0 },
    async (swarm) => {
      const [asked] = swarm.machines as [Machine, ...Machine[]];
      // It takes a while to give up, as its directories go with it.
      await put(asked, `${"deep/".repeat(40)}large`, 2 * SIZE);
      await put(asked, "small", SIZE / 10); // More servers have room for it: copies of it would go for the other to come back (R1).
      expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
      const body = async function* () {
        for (let piece = 0; piece < 3; piece++) yield new Uint8Array(0.75 * SIZE).fill(piece);
      };
      expect(await asked.ask((face) => face.put("new", body(), {}), TIMEOUT_MS)).toMatchObject({ size: 2.25 * SIZE });
    },
  ));

it("S3: under --strict an upload is told whether it is room that is lacking or servers", () =>
  play({ servers: 2, strict: true, quotasBytes: [3, 1].map((units) => units * SIZE), reserve: 0 }, async (swarm) => {
    const [asked, small] = swarm.machines as [Machine, Machine];
    const told = async () => put(asked, "a", 2 * SIZE).catch((error: FsdfsError) => [error.code, error.message]);
    expect(await told()).toEqual(["not-enough-servers", expect.stringContaining("the others have no room for it")]);
    small.crash();
    await swarm.world.sleep(DOWN_MS);
    expect(await told()).toEqual(["not-enough-servers", expect.stringContaining("no more are up")]);
  }));

it("S3: an upload comes in the place of a copy beyond N that is just being made", () =>
  play(
    {
      servers: 2,
      copies: 1,
      writeCopies: 1,
      quotasBytes: [200, 300].map((units) => units * SIZE),
      reserve: 0,
      pullRate: 20 * SIZE,
    },
    async (swarm) => {
      const [first, second] = swarm.machines as [Machine, Machine];
      await put(first, "a", 200 * SIZE);
      while (stagedBytes(second) < 60 * SIZE) await swarm.world.sleep(50);
      expect(await put(second, "b", 250 * SIZE)).toBe(1);
      expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
      expect((await second.ask((face) => face.servers(), TIMEOUT_MS)).map(({ files }) => files)).toEqual([1, 1]);
    },
  ));

it("R2: a copy that the disk does not let go of keeps no other from going for an upload", () =>
  play(
    { servers: 3, copies: 1, writeCopies: 1, quotasBytes: [2, 2, 2].map((units) => units * SIZE), reserve: 0 },
    async (swarm) => {
      const [asked] = swarm.machines as [Machine];
      for (const path of ["a", "b"]) await put(asked, path);
      expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
      let stuck: string | undefined;
      asked.plan = ({ method, about }) => {
        if (method !== "rename" || !/^[ab] /.test(about)) return undefined;
        stuck ??= about;
        return about === stuck ? { kind: "error", code: "io", side: "before" } : undefined;
      };
      expect(await put(asked, "c")).toBe(1);
      expect(stuck).toBeDefined();
    },
  ));
