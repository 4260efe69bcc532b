/** Two swarms with files become one by `fsdfs merge`, with real processes (C11). */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { digests, readPlainFiles, sha256Of } from "./disk-tree.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster();
});

afterEach(() => cluster.close());

async function put({ client }: RealServer, path: string, text: string): Promise<void> {
  await client.put(path, { sizeBytes: text.length, open: () => once(text) });
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

test("C11: a swarm joins another with all its files, keeps what was deleted elsewhere, and copies nothing twice", async () => {
  const host = await cluster.start();
  const guest = await cluster.start({ join: [] });
  const second = await cluster.start({ join: [guest] });
  await waitFor("there are two swarms", async () => {
    const [one, two] = await Promise.all([host.client.status(), guest.client.status()]);
    return one.swarm !== two.swarm && two.servers.up === 2;
  });
  await put(host, "ours", "of the host");
  await put(guest, "music/theirs", "of the guests");
  await put(guest, "both", "earlier");
  await put(host, "both", "later");
  await put(guest, "deleted", "only the host has deleted it");
  await put(host, "deleted", "x");
  await host.client.remove("deleted");
  const { secret } = await guest.client.createKey("theirs", "read");

  const own = await cluster.cli(["merge", `127.0.0.1:${guest.port}`, "--data", second.data]);
  expect(own).toMatchObject({ code: 1, stderr: expect.stringContaining("it is the same swarm") });
  const args = ["merge", `127.0.0.1:${host.port}`, "--data", second.data];
  const plan = await cluster.cli(args);
  expect([plan.code, plan.stderr]).toEqual([0, ""]);
  expect(plan.stdout).toContain("2 are new there");
  expect(plan.stdout).toContain("1 give way to a later file");
  expect(plan.stdout).toContain("gives way  both");
  const done = await cluster.cli([...args, "--yes"]);
  expect([done.code, done.stdout.split(":")[0]]).toEqual([0, "Done"]);

  const { swarm } = await host.client.status();
  const wanted = new Map(
    Object.entries({
      both: "later",
      deleted: "only the host has deleted it",
      "music/theirs": "of the guests",
      ours: "of the host",
    }).map(([path, text]) => [path, sha256Of(Buffer.from(text))] as const),
  );
  for (const { client, data, name } of cluster.servers) {
    await waitFor(`${name} is one of three`, async () => {
      const status = await client.status();
      return status.swarm === swarm && status.servers.up === 3 && status.files === 4 && status.minSurplus === 0;
    });
    await waitFor(`${name} has it all on its disk`, async () => {
      return JSON.stringify(digests(await readPlainFiles(data))) === JSON.stringify([...wanted]);
    });
  }
  const headers = { authorization: `Bearer ${secret}` };
  const read = await fetch(`${host.url}/files/music/theirs?redirect=never`, { headers });
  expect([read.status, await read.text()]).toEqual([200, "of the guests"]);
  await put(second, "after", "as one");
  expect((await host.client.head("after")).size).toBe(6);
});
