/**
 * One server of three is left (P2): it reads what it holds and takes changes. When the others return, all is equal, and
 * what was deleted meanwhile stays deleted, whoever comes back first (C7, P5).
 */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { digests, read, readPlainFiles, sha256Of } from "./disk-tree.ts";

const FILES = 20;
const FILE_BYTES = 100_000;

let cluster: Cluster;
/** What should be in the swarm: digests by path. */
let expected: Map<string, string>;

beforeEach(async () => {
  cluster = await createCluster();
  for (let at = 0; at < 3; at++) await cluster.start();
  await cluster.whole();
  expected = new Map();
  await Promise.all(Array.from({ length: FILES }, (_, at) => put(server(at % 3).client, `music/${at}.ogg`)));
  await level();
});

afterEach(() => cluster.close());

function server(at: number): RealServer {
  const found = cluster.servers[at];
  if (found === undefined) throw new Error(`there is no server ${at}`);
  return found;
}

async function put(client: Client, path: string): Promise<number> {
  const content = randomBytes(FILE_BYTES);
  const open = async function* () {
    yield content;
  };
  const result = await client.put(path, { sizeBytes: content.length, open });
  expected.set(path, sha256Of(content));
  return result.copies;
}

async function remove(client: Client, path: string): Promise<void> {
  await client.remove(path);
  expected.delete(path);
}

/** Waits until every disk has what should be there and nothing else, and every server says so. */
async function level(): Promise<void> {
  const wanted = JSON.stringify([...expected].sort(([a], [b]) => (a < b ? -1 : 1)));
  for (const { name, data, client } of cluster.servers) {
    await waitFor(`${name} has on its disk what it should`, async () => {
      return JSON.stringify(digests(await readPlainFiles(data))) === wanted;
    });
    await waitFor(`${name} says so`, async () => {
      const { files, minSurplus, servers } = await client.status();
      return files === expected.size && minSurplus === 0 && servers.up === 3;
    });
    expect(await listed(client)).toEqual([...expected.keys()].sort());
  }
}

async function listed(client: Client): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of client.listAll("/", { recursive: true })) {
    if (entry.type === "file") names.push(entry.name);
  }
  return names.sort();
}

/** Reads everything through one server, and what is not there as well. */
async function readsAll(client: Client, gone: readonly string[]): Promise<void> {
  for (const [path, sha256] of expected) expect(sha256Of(await read(client, path)), path).toBe(sha256);
  for (const path of gone) await expect(client.head(path), path).rejects.toMatchObject({ code: "file-not-found" });
}

/** What clients change while only one server is left. */
async function changeAlone({ client }: RealServer): Promise<string[]> {
  const startedMs = performance.now();
  expect(await put(client, "music/new while alone.ogg")).toBe(1);
  expect(await put(client, "music/1.ogg")).toBe(1);
  await remove(client, "music/2.ogg");
  await remove(client, "music/3.ogg");
  await put(client, "music/3.ogg");
  await client.move("music/4.ogg", "moved/4.ogg");
  expected.set("moved/4.ogg", expected.get("music/4.ogg") ?? "");
  expected.delete("music/4.ogg");
  await put(client, "music/short-lived.ogg");
  await remove(client, "music/short-lived.ogg");
  console.log(`survivor: 8 changes alone in ${Math.round(performance.now() - startedMs)} ms`);
  return ["music/2.ogg", "music/4.ogg", "music/short-lived.ogg"];
}

describe.each([0, 2])("server %i is the only one left", (survivor) => {
  test("it reads what it holds and takes changes; with the others all is equal and what was deleted stays away (P2)", async () => {
    const alone = server(survivor);
    const others = cluster.servers.filter((each) => each !== alone);
    await Promise.all(others.map((other) => other.kill()));
    await readsAll(alone.client, []);
    const gone = await changeAlone(alone);
    await readsAll(alone.client, gone);
    expect(await alone.client.status()).toMatchObject({ servers: { up: 1, total: 3 } });

    const startedMs = performance.now();
    await Promise.all(others.map((other) => other.restart()));
    await level();
    for (const { client } of cluster.servers) await readsAll(client, gone);
    console.log(`survivor: level again after ${Math.round(performance.now() - startedMs)} ms`);
  });
});

test("a deletion that only a dead server knows of is made good when it returns, though the others served the file meanwhile (P5)", async () => {
  const alone = server(2);
  await Promise.all([server(0).kill(), server(1).kill()]);
  const gone = await changeAlone(alone);
  await alone.kill();
  await Promise.all([server(0).restart(), server(1).restart()]);
  await waitFor("the two go on with what they know", async () =>
    (await listed(server(0).client)).includes(gone[0] ?? ""),
  );
  expect(await put(server(1).client, "music/put meanwhile.ogg")).toBe(2);
  await server(2).restart();
  await level();
  for (const { client } of cluster.servers) await readsAll(client, gone);
});

test("a survivor that is started again alone still has and takes everything (P2)", async () => {
  await Promise.all([server(0).kill(), server(1).kill()]);
  const gone = await changeAlone(server(2));
  await server(2).restart();
  await waitFor("it serves", async () => (await server(2).client.health()).status === "ok");
  await readsAll(server(2).client, gone);
  expect(await put(server(2).client, "music/after a restart alone.ogg")).toBe(1);
  await Promise.all([server(0).restart(), server(1).restart()]);
  await level();
});
