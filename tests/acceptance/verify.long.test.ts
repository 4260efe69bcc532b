/**
 * Bits that rot on the disks of a running swarm, without a trace in what stat(2) tells (P4): `fsdfs verify` finds all of
 * them, and makes whole what can be made whole. What clients and operators do meanwhile is no damage.
 */
import { execFile } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { lstat, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VerifyEvent } from "../../src/server/face.ts";
import { type CliHere, cliHere } from "./cli-here.ts";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { digests, readPlainFiles, sha256OfFile } from "./disk-tree.ts";

const FILES = 75;
/** Copies in which a bit is flipped, two of a file at most. */
const ROTTEN = 100;
const SIZES = [1, 700, 65_000, 300_000, 2_000_000];
const WHOLE_MS_MAX = 30_000;

let cluster: Cluster;
let cli: CliHere;

beforeAll(async () => {
  cluster = await createCluster();
  for (let at = 0; at < 3; at++) await cluster.start();
  await cluster.whole();
  cli = cliHere(cluster);
  for (let at = 0; at < FILES; at++) {
    await server(at % 3).client.put(`music/${at % 5}/${at}`, randomBytes(SIZES[at % SIZES.length]!));
  }
  await allWhole();
});

afterAll(() => cluster.close());

function server(at: number): RealServer {
  const found = cluster.servers[at];
  if (found === undefined) throw new Error(`there is no server ${at}`);
  return found;
}

/** All servers hold all files, in their places. */
async function allWhole(): Promise<void> {
  await waitFor("all three hold all", async () => (await server(0).client.status()).minSurplus === 0, WHOLE_MS_MAX);
  const settled = async () => {
    const { files } = await server(0).client.status();
    const trees = await Promise.all(cluster.servers.map(({ data }) => readPlainFiles(data)));
    return trees.every((tree) => tree.size === files);
  };
  await waitFor("all files are in their places", settled, WHOLE_MS_MAX);
}

/** Flips a bit of a file; its size, its inode and its time of change stay as they were. */
async function rot(path: string): Promise<void> {
  const reference = join(cluster.directory, "times");
  await writeFile(reference, "");
  await promisify(execFile)("touch", ["-r", path, reference]);
  const before = await lstat(path, { bigint: true });
  const file = await open(path, "r+");
  const at = randomInt(Number(before.size));
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  buffer[0]! ^= 1 << randomInt(8);
  await file.write(buffer, 0, 1, at);
  await file.close();
  await promisify(execFile)("touch", ["-r", reference, path]);
  const after = await lstat(path, { bigint: true });
  expect([after.mtimeNs, after.size, after.ino]).toEqual([before.mtimeNs, before.size, before.ino]);
}

async function verifyJson(...args: string[]): Promise<{ code: number | null; report: VerifyEvent }> {
  const { code, stdout } = await cli.run(["verify", ...args, "--json"]);
  return { code, report: JSON.parse(stdout) as VerifyEvent };
}

test("P4: fsdfs verify of a swarm that is well tells that all copies are good, below the path that is asked for", async () => {
  const { code, report } = await verifyJson();
  expect({ code, report }).toMatchObject({
    ...{ code: 0, report: { kind: "done", copies: 3 * FILES, good: 3 * FILES, bad: 0, changed: 0, examples: [] } },
  });
  const below = await verifyJson("/music/2", "--rate", "50M");
  expect(below).toMatchObject({ code: 0, report: { copies: (3 * FILES) / 5, good: (3 * FILES) / 5 } });
  const one = await cli.run(["verify", "/music/0/5"]);
  expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^3 copies, 3 B read in .*\n3 good\n$/) });
  expect(await cli.run(["verify", "/nothing"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("directory nothing"),
  });
});

test("P4: bits flipped in 100 copies are all found, set aside and repaired, and all bytes are equal afterwards", async () => {
  const before = digests(await readPlainFiles(server(0).data));
  // What lies aside is named by its bytes: two files of one byte might rot to the same.
  const large = before.filter(([name]) => SIZES[Number(name.split("/").at(-1)) % SIZES.length]! > 1);
  const mayRot = large.flatMap(([name]) => {
    const spared = randomInt(3);
    return cluster.servers.filter((_, at) => at !== spared).map(({ data }) => join(data, name));
  });
  while (mayRot.length > ROTTEN) mayRot.splice(randomInt(mayRot.length), 1);
  for (const path of mayRot) await rot(path);
  const { code, report } = await verifyJson();
  // What a server copies anew from one that has rotted as well is found by that before it is read here: all lie aside, once each.
  expect({ code, report }).toMatchObject({ code: 1, report: { repaired: report.bad, missing: 0, lost: 0 } });
  expect(report.bad).toBeGreaterThan(ROTTEN / 2);
  await allWhole();
  const aside = cluster.servers.map(async ({ data }) => (await readdir(join(data, ".fsdfs/aside"))).length);
  expect((await Promise.all(aside)).reduce((sum, count) => sum + count, 0)).toBe(ROTTEN);
  for (const { data } of cluster.servers) expect(digests(await readPlainFiles(data))).toEqual(before);
  expect(await verifyJson()).toMatchObject({ code: 0, report: { good: 3 * FILES } });
}, 60_000);

test("P4: what clients write, move and delete while a verify reads is no damage", async () => {
  let isOver = false;
  const busy = [0, 1, 2].map(async (at) => {
    const { client } = server(at);
    for (let round = 0; !isOver; round++) {
      await client.put(`busy/${at}`, randomBytes(300_000));
      await client.put(`busy/${at}-${round}`, randomBytes(100_000));
      await client.move(`busy/${at}-${round}`, `moved/${at}-${round}`);
      if (round > 2) await client.remove(`moved/${at}-${round - 2}`);
    }
  });
  for (let round = 0; round < 5; round++) {
    const { report } = await verifyJson();
    expect(report).toMatchObject({ bad: 0, missing: 0, unreadable: 0, lost: 0 });
  }
  isOver = true;
  await Promise.all(busy);
  await allWhole();
}, 60_000);

test("P4: a file whose last copy has rotted is told as lost with its path, and what is left of it lies aside", async () => {
  await server(0).client.put("last/song", "the bytes of a song");
  await allWhole();
  const rotten: string[] = [];
  for (const { data } of cluster.servers) {
    await rot(join(data, "last/song"));
    rotten.push(await sha256OfFile(join(data, "last/song")));
  }
  const { code, stdout } = await cli.run(["verify", "/last"]);
  expect(code).toBe(1);
  expect(stdout).toContain("0 good, 3 bad, 3 lost");
  expect(stdout).toContain("lost: /last/song");
  for (const [at, { data }] of cluster.servers.entries()) {
    expect(await readdir(join(data, ".fsdfs/aside"))).toContain(rotten[at]);
  }
  expect((await server(1).client.locate("last/song")).copies).toBe(0);
  expect((await server(1).client.status()).minSurplus).toBe(-3);
  await server(0).client.remove("last/song");
}, 60_000);

test("one verify goes at a time, and one that is left makes room for the next", async () => {
  const first = server(0).client.verify("/", { rate: 10_000 });
  await first.next();
  expect(await cli.run(["verify"], server(1))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("under way already"),
  });
  await first.return(undefined);
  await waitFor("it has ended", async () => (await cli.run(["verify", "/music/0"], server(1))).code === 0, 10_000);
});

test("fsdfs verify tells of a server that is down, and fsdfs servers how the scrub stands", async () => {
  const { data } = server(2);
  await rm(join(data, "music/0/0"));
  await server(2).stop();
  const { code, report } = await verifyJson("/music");
  expect(code).toBe(1);
  expect(report.servers.map(({ name, state }) => [name, state])).toEqual(
    expect.arrayContaining([
      ["a", "done"],
      ["c", "down"],
    ]),
  );
  expect(await cli.done(["servers"])).toContain("SCRUB");
  const info = (await server(0).client.servers()).find(({ name }) => name === "a");
  expect(info!.scrub).toMatchObject({ damaged: expect.any(Number) });
});
