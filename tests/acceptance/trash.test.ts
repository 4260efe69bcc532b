/** The trash as its users meet it: real servers, the command line and HTTP. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TrashedFile } from "../../src/server/face.ts";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await createCluster();
  for (let i = 0; i < 3; i++) await cluster.start({ args: ["--quota", "100M"] });
  await cluster.whole();
});

afterAll(() => cluster.close());

const server = (at: number) => cluster.servers[at] as RealServer;
const cli = (at: number, ...args: string[]) => cluster.cli([...args, "--data", server(at).data]);
const trashFiles = (at: number) => readdir(join(server(at).data, ".fsdfs/trash"));

async function listed(under = ""): Promise<TrashedFile[]> {
  const files: TrashedFile[] = [];
  for await (const file of server(1).client.listAllTrash({ under })) files.push(file);
  return files;
}

async function put(path: string, text: string): Promise<string> {
  const { version } = await server(0).client.put(path, text);
  await waitFor("it is on three servers", async () => (await server(0).client.locate(path)).copies === 3);
  return version;
}

async function textOf(at: number, path: string): Promise<string> {
  return Buffer.from(await (await server(at).client.get(path)).bytes()).toString();
}

describe("fsdfs trash", () => {
  test("lists on one server what was deleted through another, with who did it, and brings it back with the same bytes", async () => {
    const version = await put("/music/one.ogg", "the first song");
    const key = await cli(0, "key", "create", "--name", "ann");
    const answer = await fetch(`${server(0).url}/files/music/one.ogg`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${key.stdout.trim()}` },
    });
    expect(answer.status).toBe(204);
    await waitFor("all three have it", async () => (await listed("music"))[0]?.servers.length === 3);
    expect(await listed("music/one.ogg")).toEqual([
      {
        ...{ path: "music/one.ogg", version, size: 14, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        ...{ trashed: expect.any(String), reason: "deleted", by: "ann", servers: ["a", "b", "c"] },
      },
    ]);
    expect((await cli(1, "trash", "ls", "/music")).stdout).toMatch(/14 B .* deleted {2}ann {2}.* \/music\/one\.ogg\n/);
    const restored = await cli(2, "trash", "restore", "/music/one.ogg", "--json");
    expect(JSON.parse(restored.stdout)).toMatchObject({
      restored: [{ path: "music/one.ogg", version, created: true }],
    });
    for (const at of [0, 1, 2]) expect(await textOf(at, "/music/one.ogg")).toBe("the first song");
    expect((await server(0).client.head("/music/one.ogg")).version).toBe(version);
    await waitFor("its copies are back", async () => (await server(0).client.locate("/music/one.ogg")).copies === 3);
    expect(await trashFiles(0)).toEqual([]);
    expect(await listed()).toEqual([]);
  });

  test("brings back what was overwritten, to another path, or over what is there, and never over it unasked", async () => {
    const first = await put("/two.ogg", "before");
    const second = await put("/two.ogg", "after");
    await waitFor("it is in the trash", async () => (await listed("two.ogg")).length === 1);
    expect((await listed("two.ogg"))[0]).toMatchObject({ version: first, reason: "overwritten", by: null });
    const refused = await cli(1, "trash", "restore", "/two.ogg");
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("--overwrite") });
    expect(await cli(1, "trash", "restore", first, "--to", "/two-before.ogg")).toMatchObject({
      stdout: expect.stringMatching(/^\/two-before\.ogg is back, on [23] servers\n$/),
    });
    expect([await textOf(0, "/two.ogg"), await textOf(2, "/two-before.ogg")]).toEqual(["after", "before"]);
    await server(0).client.remove("/two-before.ogg");
    expect(await server(2).client.restore({ version: first, to: "/two.ogg", overwrite: true })).toMatchObject({
      ...{ path: "two.ogg", version: first, created: false },
    });
    expect(await textOf(0, "/two.ogg")).toBe("before");
    await waitFor("the other is in the trash", async () => (await listed("two.ogg"))[0]?.version === second);
  });

  test("tells what is not there, and what cannot be meant", async () => {
    await expect(server(0).client.restore({ path: "/never" })).rejects.toMatchObject({ code: "trash-not-found" });
    const gone = "00000000000001-aaaaaaaaaaaa";
    expect(await cli(0, "trash", "restore", gone)).toMatchObject({ code: 1, stderr: expect.stringContaining(gone) });
    await expect(server(0).client.restore({ version: "1" })).rejects.toMatchObject({ code: "argument-invalid" });
    await expect(server(0).client.restore({})).rejects.toMatchObject({ code: "argument-invalid" });
  });

  test("brings back a whole directory, each file as it was last", async () => {
    await put("/album/1.ogg", "one");
    await put("/album/1.ogg", "one again");
    await put("/album/2.ogg", "two");
    await cli(0, "rm", "-r", "/album");
    await waitFor("all are in the trash", async () => (await listed("album")).length === 3);
    expect(await cli(1, "trash", "restore", "-r", "/album")).toMatchObject({ code: 0, stdout: "2 files restored\n" });
    expect([await textOf(2, "/album/1.ogg"), await textOf(2, "/album/2.ogg")]).toEqual(["one again", "two"]);
  });

  test("is emptied by who may, below a path or all of it", async () => {
    const { secret } = await server(0).client.createKey("bob", "write");
    const ask = (key: string) =>
      fetch(`${server(0).url}/trash/empty`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
    expect((await ask(secret)).status).toBe(403);
    expect((await listed("album")).length).toBe(1);
    expect((await cli(0, "trash", "empty", "/album")).stdout).toMatch(/^[123] cop(y|ies), .* thrown away\n$/);
    expect(await listed("album")).toEqual([]);
    expect((await cli(0, "trash", "empty", "--json")).stdout).toContain('"unreached": []');
    for (const at of [0, 1, 2]) expect(await trashFiles(at)).toEqual([]);
  });
});

describe("fsdfs rm --forever", () => {
  test("leaves nothing in any trash, also of a server that was down and finds another file there", async () => {
    await put("/secret", "not to be kept");
    await put("/other-secret", "nor this");
    await server(2).kill();
    await waitFor("it is down", async () => (await server(0).client.servers()).some(({ state }) => state !== "up"));
    expect(await cli(0, "rm", "--forever", "/secret", "/other-secret")).toMatchObject({ code: 0 });
    await server(0).client.put("/other-secret", "another file of that name");
    expect((await cli(0, "trash", "ls")).stderr).toBe("Not up, so not asked: c\n");
    await server(2).restart();
    await cluster.whole();
    const names = async () => (await readdir(server(2).data)).filter((name) => name.endsWith("secret"));
    await waitFor("it has learned of it", async () => (await names()).join() === "other-secret");
    await waitFor("it has the other file", async () => (await server(2).client.locate("/other-secret")).copies === 3);
    expect(await textOf(2, "/other-secret")).toBe("another file of that name");
    expect(await listed()).toEqual([]);
    for (const at of [0, 1, 2]) expect(await trashFiles(at)).toEqual([]);
  });
});
