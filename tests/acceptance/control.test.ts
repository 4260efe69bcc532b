/** What operators say to servers that run, by the command line, over two real servers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerInfo } from "../../src/server/face.ts";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await createCluster();
  await cluster.start({ args: ["--quota", "100M"] });
  await cluster.start({ args: ["--quota", "100M"] });
  await cluster.whole();
});

afterAll(() => cluster.close());

const server = (at: number) => cluster.servers[at] as RealServer;

async function cli(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return await cluster.cli([...args, "--data", server(0).data]);
}

async function infoOf(at: number): Promise<ServerInfo> {
  return (await server(0).client.servers()).find(({ name }) => name === server(at).name)!;
}

describe("fsdfs quota", () => {
  test("holds for the other server, over its restart with the same options, until it is started with others", async () => {
    expect(await cli("quota", "b", "50M")).toMatchObject({ code: 0, stdout: "b may take 50.0 MB, and takes 0 B\n" });
    await waitFor("it has it", async () => (await infoOf(1)).quota.total === 50_000_000);
    await server(1).restart();
    await waitFor("it has it still", async () => (await infoOf(1)).quota.total === 50_000_000);
    expect((await cli("quota", "b")).stdout).toBe("b may take 50.0 MB, and takes 0 B\n");
    await server(1).restart({ args: ["--quota", "70M"] });
    await waitFor("it has what it was started with", async () => (await infoOf(1)).quota.total === 70_000_000);
    await waitFor("nothing is said any more", async () => (await infoOf(1)).settings.quota === null);
    expect((await cli("quota", "b")).stdout).toBe("b may take 70.0 MB, as it was started, and takes 0 B\n");
  });

  test("without a server's name is about the one that is asked, and default takes it back", async () => {
    expect((await cli("quota", "30M")).stdout).toBe("a may take 30.0 MB, and takes 0 B\n");
    expect((await cli("quota", "default")).stdout).toBe("a may take what it was started with, and takes 0 B\n");
    await waitFor("it is as it was started", async () => (await infoOf(0)).quota.total === 100_000_000);
  });

  test("tells what it is not given rightly", async () => {
    expect(await cli("quota", "c", "50M")).toMatchObject({ code: 1, stderr: expect.stringContaining("No server c") });
    expect(await cli("quota", "b", "much")).toMatchObject({ code: 2 });
    expect(await cli("copies", "none")).toMatchObject({ code: 2, stderr: expect.stringContaining("N is not valid") });
    expect(await cli("throttle", "b", "--pull-rate", "1")).toMatchObject({ code: 2 });
  });
});

describe("fsdfs drain", () => {
  test("empties a server, tells that it is safe to unplug, and that it goes on being an ordinary one when it is cancelled", async () => {
    await cli("copies", "1", "--write-copies", "1");
    await server(1).client.put("/a/file", "text");
    await waitFor("two copies", async () => (await server(0).client.locate("/a/file")).copies === 2);
    const drain = await cli("drain", "b");
    expect(drain).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nb is empty, safe to unplug: yes\n$|^b is empty, safe/),
    });
    expect((await server(0).client.locate("/a/file")).servers.map(({ name }) => name)).toEqual(["a"]);
    expect((await cli("servers")).stdout).toMatch(/ b +up, draining [\s\S]*\nb is empty, safe to unplug: yes\n/);
    expect((await cli("drain", "b", "--cancel")).stdout).toBe("b is an ordinary server again\n");
    await waitFor("two copies", async () => (await server(0).client.locate("/a/file")).copies === 2);
    expect(JSON.parse((await cli("drain", "b", "--no-wait", "--json")).stdout)).toMatchObject({
      settings: { draining: true },
    });
    await cli("drain", "b", "--cancel");
    expect(await cli("drain")).toMatchObject({ code: 2 });
  });
});

describe("fsdfs remove", () => {
  test("is refused for a server that is not empty, then takes it out; it stops serving, and starts only with --new", async () => {
    const c = await cluster.start();
    await cluster.whole();
    const refused = await cli("remove", "c");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("c is not removed: it is not drained") });
    expect(await cli("drain", "c")).toMatchObject({ code: 0 });
    expect(await cli("remove", "c")).toMatchObject({ code: 0, stdout: "c is removed\n" });
    const response = await fetch(`${c.url}/health`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: "removed", error: { code: "server-removed" } });
    expect((await cli("servers")).stdout).not.toMatch(/ c +up/);
    const again = await c.restart({ waitless: true });
    expect(await again.exited).toMatchObject({ code: 1 });
    expect(again.output()).toContain("fsdfs start --new");
    const anew = await again.restart({ args: ["--new"] });
    await cluster.whole();
    expect((await anew.client.health()).status).toBe("ok");
  });
});

describe("fsdfs throttle, pause, resume and copies", () => {
  test("show what was said, to people and as JSON", async () => {
    expect((await cli("throttle", "b", "--pull-rate", "1M", "--pulls", "2")).stdout).toBe(
      "server         b\npulls at once  2\npull rate      1.0 MB/s\nserve rate     as it was started\n",
    );
    const json = JSON.parse(
      (await cli("throttle", "b", "--pull-rate", "unlimited", "--pulls", "default", "--json")).stdout,
    );
    expect((json as ServerInfo).settings).toMatchObject({ pullRate: "unlimited", pulls: null, serveRate: null });
    expect((await cli("pause", "b")).stdout).toBe("b is paused\n");
    expect((await cli("servers")).stdout).toMatch(/ b +up, paused /);
    expect((await cli("resume", "b")).stdout).toBe("b goes on\n");
    expect((await cli("copies", "2", "--write-copies", "1")).stdout).toBe(
      "Each file is to have 2 copies, and is acknowledged with 1.\n",
    );
    expect(await server(1).client.status()).toMatchObject({ copies: 2, writeCopies: 1 });
  });
});
