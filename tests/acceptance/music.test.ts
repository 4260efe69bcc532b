/** Three servers as a user starts them, and real music put at one of them by the command line (P1, P6, P7). */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { digests, filesBelow, readPlainFiles } from "./disk-tree.ts";
import { checkMusic, MUSIC } from "./music.ts";

/** "Within seconds": on two busy cores. */
const REPLICATION_MS_MAX = 30_000;

let cluster: Cluster;
let servers: RealServer[];

beforeAll(async () => {
  cluster = await createCluster();
  servers = [await cluster.start(), await cluster.start(), await cluster.start()];
  for (const server of servers) {
    await waitFor("all three are up", async () => (await server.client.status()).servers.up === 3);
  }
});

afterAll(() => cluster.close());

test("music that is put at one server lies on all three within seconds, the same bytes, plain under its own names (P7)", async () => {
  const [first] = servers;
  if (first === undefined) throw new Error("no server");
  await checkMusic();
  const music = await readPlainFiles(MUSIC);
  const sizeBytes = Array.from(music.values()).reduce((sum, file) => sum + file.sizeBytes, 0);
  expect(music.size).toBeGreaterThan(30);
  expect(sizeBytes).toBeGreaterThan(140e6);

  const startedMs = performance.now();
  const put = await cluster.cli(["put", MUSIC, "/", "--data", first.data]);
  const putMs = performance.now() - startedMs;
  expect(put).toMatchObject({ code: 0, stderr: "" });
  expect(put.stdout).toMatch(/on 2 servers at least by now/);
  for (const server of servers) {
    const arrived = async () => (await filesBelow(server.data)).length >= music.size;
    await waitFor(`every file lies on ${server.name}`, arrived, REPLICATION_MS_MAX);
  }
  const allMs = performance.now() - startedMs;

  for (const server of servers) {
    expect(await filesBelow(server.data)).toEqual(Array.from(music.keys(), (name) => join("music", name)).sort());
    expect(digests(await readPlainFiles(join(server.data, "music")))).toEqual(digests(music));
  }
  for (const server of servers) {
    const state = () => server.client.status();
    await waitFor("the swarm says so", async () => (await state()).minSurplus === 0);
    expect(await state()).toMatchObject({ files: music.size, bytes: sizeBytes, minSurplus: 0 });
  }
  const rate = Math.round((3 * sizeBytes) / 1e3 / allMs);
  console.log(
    `music: ${music.size} files, ${Math.round(sizeBytes / 1e6)} MB: put in ${(putMs / 1e3).toFixed(1)} s,`,
    `on all three after ${(allMs / 1e3).toFixed(1)} s (${rate} MB/s onto disks)`,
  );
});
