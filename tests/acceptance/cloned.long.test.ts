/**
 * A machine is cloned with its data directory, and both run: the others tell of it, and what the alarm says to do makes two
 * servers of them, of which each states what it has (C6).
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { type Cluster, createCluster, waitFor } from "./cluster.ts";
import { readPlainFiles } from "./disk-tree.ts";

const FILES = 20;
const WAIT_MS = 60_000;

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster();
});

afterEach(() => cluster.close());

async function putAll(client: Client, directory: string): Promise<void> {
  for (let at = 0; at < FILES; at++) {
    const content = Buffer.from(`${directory} ${at}`);
    const open = async function* () {
      yield content;
    };
    await client.put(`${directory}/${at}`, { sizeBytes: content.length, open });
  }
}

const twinsToldOf = async (client: Client): Promise<string[]> =>
  (await client.servers()).filter(({ alarms }) => alarms.some(({ kind }) => kind === "twins")).map(({ id }) => id);

test("two servers that run as one are told of, and are two once the catalog of one is deleted", async () => {
  const first = await cluster.start();
  await cluster.start();
  let original = await cluster.start();
  await cluster.whole();
  await putAll(first.client, "before");
  await original.stop();
  await cp(original.data, join(cluster.directory, "clone"), { recursive: true, preserveTimestamps: true });
  original = await original.restart();
  let clone = await cluster.start({ name: "clone" });
  await putAll(clone.client, "by-clone");
  await putAll(original.client, "by-original");
  const told = async () => (await twinsToldOf(first.client)).length === 1;
  await waitFor("it is told of", told, WAIT_MS);

  await original.stop();
  await clone.stop();
  await rm(join(clone.data, ".fsdfs", "catalog"), { recursive: true });
  original = await original.restart();
  clone = await clone.restart();
  await waitFor(
    "both have all files",
    async () => {
      const { servers, files } = await first.client.status();
      const here = await Promise.all([original, clone].map(async ({ data }) => (await readPlainFiles(data)).size));
      return servers.up === 4 && files === 3 * FILES && here.every((count) => count === files);
    },
    WAIT_MS,
  );
  expect(await twinsToldOf(first.client)).toEqual([]);
}, 180_000);
