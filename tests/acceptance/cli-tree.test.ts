/** Looking into the swarm and keeping directories alike: cat, stat, find and sync. */
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliHere, cliHere, readTree, writeTree } from "./cli-here.ts";
import { type Cluster, createCluster, waitFor } from "./cluster.ts";

let cluster: Cluster;
let cli: CliHere;
let local: string;

beforeAll(async () => {
  cluster = await createCluster();
  await cluster.start();
  await cluster.start();
  await cluster.whole();
  cli = cliHere(cluster);
  local = await mkdtemp(join(cluster.directory, "local-"));
});

afterAll(() => cluster.close());

describe("cat, stat and find", () => {
  const files = {
    "a.ogg": "x".repeat(3000),
    "b.OGG": "y".repeat(100),
    "sub/deep/c.ogg": "z".repeat(50),
    "sub/d.txt": "",
  };

  beforeAll(async () => {
    await writeTree(join(local, "look"), files);
    await mkdir(join(local, "look/none"));
    await cli.done(["put", join(local, "look"), "/look"]);
    await waitFor("both have them", async () => (await cluster.servers[0]?.client.locate("look/a.ogg"))?.copies === 2);
  });

  test("cat writes files one after another, and tells what is missing", async () => {
    const data = cluster.servers[0]?.data ?? "";
    const { code, stdout, stderr } = await cluster.cli([
      "cat",
      "/look/b.OGG",
      "/none",
      "/look/sub/deep/c.ogg",
      "--data",
      data,
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "y".repeat(100) + "z".repeat(50) });
    expect(stderr).toContain("/none: There is no file");
    const { files } = await cli.json<{ files: { size: number; base64: string }[] }>(["cat", "/look/b.OGG"]);
    expect(files).toMatchObject([
      { path: "look/b.OGG", size: 100, base64: Buffer.from("y".repeat(100)).toString("base64") },
    ]);
  });

  test("stat tells all that is known of a file, of a directory that it is one", async () => {
    const text = await cli.done(["stat", "/look/a.ogg", "/look/sub", "/"]);
    expect(text).toMatch(/^\/look\/a\.ogg\n {2}type {6}file\n {2}size {6}3,000 bytes \(3\.0 kB\)$/m);
    expect(text).toMatch(/^ {2}sha256 {4}[0-9a-f]{64}$/m);
    expect(text).toMatch(/^ {2}copies {4}2 of 3 wanted, surplus -1\n {2}servers {3}[ab], [ab]$/m);
    expect(text).toContain("/look/sub\n  type      directory\n");
    const { entries } = await cli.json<{ entries: unknown[] }>(["stat", "/look/a.ogg"]);
    expect(entries).toMatchObject([
      { path: "look/a.ogg", type: "file", size: 3000, copies: 2, target: 3, surplus: -1 },
    ]);
    expect(await cli.run(["stat", "/none"])).toMatchObject({ code: 1, stderr: expect.stringContaining("/none") });
  });

  test.each([
    [
      [],
      [
        "/look/a.ogg",
        "/look/b.OGG",
        "/look/none/",
        "/look/sub/",
        "/look/sub/d.txt",
        "/look/sub/deep/",
        "/look/sub/deep/c.ogg",
      ],
    ],
    [
      ["--name", "*.ogg"],
      ["/look/a.ogg", "/look/sub/deep/c.ogg"],
    ],
    [
      ["--iname", "?.ogg"],
      ["/look/a.ogg", "/look/b.OGG", "/look/sub/deep/c.ogg"],
    ],
    [
      ["--type", "directory"],
      ["/look/none/", "/look/sub/", "/look/sub/deep/"],
    ],
    [["--larger", "99", "--smaller", "3k"], ["/look/b.OGG"]],
    [["--larger", "99", "--type", "d"], []],
    [["--surplus-below", "0", "--name", "d*"], ["/look/sub/d.txt"]],
    [["--copies-below", "2"], []],
    [["--newer", "1h", "--name", "a*"], ["/look/a.ogg"]],
    [["--older", "1h"], []],
  ])("find %j", async (args, found) => {
    await waitFor("both have all", async () => {
      const paths = Object.keys(files).map((path) => `look/${path}`);
      return (await cluster.servers[0]?.client.locateMany(paths))?.every((file) => file?.copies === 2);
    });
    const lines = (await cli.done(["find", "/look", ...args])).split("\n").filter((line) => line !== "");
    expect(lines.sort()).toEqual(found);
  });

  test("find takes files as well, separates by zero bytes for xargs, and prints JSON", async () => {
    expect(await cli.done(["find", "/look/a.ogg", "look/sub", "-0", "--type", "f"])).toBe(
      "/look/a.ogg\0/look/sub/d.txt\0/look/sub/deep/c.ogg\0",
    );
    const { entries } = await cli.json<{ entries: unknown[] }>(["find", "/look", "--name", "a*"]);
    expect(entries).toMatchObject([{ path: "look/a.ogg", type: "file", size: 3000, copies: 2, surplus: -1 }]);
    expect(await cli.run(["find", "/none"])).toMatchObject({ code: 1, stderr: expect.stringContaining("/none") });
    expect(await cli.run(["find", "--name", "[a"])).toMatchObject({ code: 2 });
  });
});

describe("sync", () => {
  const tree = { "a.txt": "first", "a-b": "beside", "a/x": "in a", "sub/deep/y": "deep", "sub/ü": "name" };

  test("into the swarm sends what differs, deletes only when asked, and says before what it would do", async () => {
    const source = join(local, "source");
    await writeTree(source, tree);
    await mkdir(join(source, "empty"));
    const put = (...args: string[]) => cli.done(["sync", source, "swarm:/mirror", ...args]);
    expect(await put("--dry-run")).toMatch(
      /^put a\/x\nput a-b\nput a\.txt\nmake empty\/\n(put sub.*\n){2}Would put 5 files, /,
    );
    expect(await cli.run(["ls", "/mirror"])).toMatchObject({ code: 1 });
    expect(await put()).toMatch(/^5 files, \d+ B put in /);
    expect(await put()).toMatch(/^0 files, 0 B put in .*; 5 files were there already\n$/);

    await writeFile(join(source, "a.txt"), "FIRST");
    await rm(join(source, "sub"), { recursive: true });
    await rm(join(source, "a"), { recursive: true });
    await writeFile(join(source, "a"), "now a file");
    const clash = await cli.run(["sync", source, "swarm:/mirror"]);
    expect(clash).toMatchObject({ code: 1, stderr: expect.stringContaining("a is a directory") });
    expect(clash.stdout).toMatch(/; 4 only in swarm:\/mirror\n$/);
    const dry = await cli.json<{ actions: unknown[]; dryRun: boolean }>([
      "sync",
      source,
      "swarm:/mirror",
      "--delete",
      "-n",
    ]);
    expect(dry).toMatchObject({
      actions: [
        { action: "delete", path: "a", type: "directory" },
        { action: "put", path: "a", type: "file", size: 10 },
        { action: "delete", path: "sub", type: "directory" },
      ],
      dryRun: true,
      present: { files: 2 },
    });
    expect(await put("--delete")).toMatch(/^1 file, 10 B put in .*; 2 deleted\n$/);
    expect(await cli.done(["ls", "-r", "/mirror"])).toBe("a\na-b\na.txt\nempty/\n");
  });

  test("out of the swarm fetches what differs, from all the servers that hold it, and may take sizes for enough", async () => {
    await writeTree(join(local, "out"), tree);
    await cli.done(["sync", join(local, "out"), "swarm:out"]);
    const back = join(local, "back");
    const get = (...args: string[]) => cli.done(["sync", "swarm:/out/", `${back}/`, ...args]);
    expect(await get()).toMatch(/^5 files, \d+ B got in /);
    expect(await readTree(back)).toEqual(tree);

    await writeTree(back, { "a-b": "BESIDE", "more/z": "extra", mine: "extra" });
    await symlink("a-b", join(back, "link"));
    expect(await get("--size-only")).toMatch(/^0 files.*5 files were there already; 4 only in /);
    expect(await get()).toMatch(/^1 file, 6 B got/);
    expect(await readTree(back)).toEqual({ ...tree, "more/z": "extra", mine: "extra" });
    expect(await get("--delete", "--dry-run")).toContain("delete more/\n");
    expect(await get("--delete")).toMatch(/; 3 deleted\n$/);
    expect(await readTree(back)).toEqual(tree);
    expect(await readdir(back)).not.toContain("link");
    expect((await stat(back)).isDirectory()).toBe(true);
  });

  test("deletes nothing when the source vanishes while it is listed, wherever it is", async () => {
    const [server] = cluster.servers;
    const key = await cli.done(["key", "create"]);
    const through = async (isLast: (target: string) => boolean, vanish: () => Promise<unknown>, args: string[]) => {
      const relay = await relayTo(server?.port ?? 0, async (target) => isLast(target) && (await vanish()));
      const access = ["--server", relay.url, "--key", key.trim()];
      const result = await cluster.cli(["sync", ...args, "--delete", ...access]);
      await relay.close();
      expect(result).toMatchObject({ code: 1, stdout: expect.not.stringContaining("deleted") });
      return result.stderr;
    };
    const [here, kept] = [join(local, "vanishing"), join(local, "kept")];
    for (const directory of [here, kept]) await writeTree(directory, tree);
    await cli.done(["sync", here, "swarm:/vanishing"]);
    await cli.done(["sync", here, "swarm:/kept"]);

    const isListing = (target: string) => target.includes("recursive");
    const gone = () => cli.done(["rm", "-r", "/vanishing"]);
    expect(await through(isListing, gone, ["swarm:/vanishing", kept])).toContain("no file or directory");
    expect(await readTree(kept)).toEqual(tree);

    const isCheck = (target: string) => target.startsWith("/files/kept/");
    const goneHere = () => rm(here, { recursive: true, force: true });
    expect(await through(isCheck, goneHere, [here, "swarm:/kept"])).toContain("ENOENT");
    const left = (await cli.done(["find", "/kept", "--type", "f"])).trim().split("\n");
    expect(left.sort()).toEqual(
      Object.keys(tree)
        .map((path) => `/kept/${path}`)
        .sort(),
    );
  });

  test("deletes nothing for a source in which nothing is, as where a disk is not mounted or the swarm is another", async () => {
    const [empty, full] = [join(local, "unmounted"), join(local, "full")];
    await mkdir(empty);
    await writeTree(full, tree);
    await cli.done(["sync", full, "swarm:/full"]);
    await cluster.servers[0]?.client.makeDirectory("unmounted");
    for (const args of [
      [empty, "swarm:/full"],
      ["swarm:/unmounted", full],
    ]) {
      const told = { code: 1, stderr: expect.stringContaining("Nothing is in") };
      expect(await cli.run(["sync", ...args, "--delete"])).toMatchObject(told);
    }
    expect(await readTree(full)).toEqual(tree);
    expect(await cli.done(["sync", full, "swarm:/full", "--delete"])).toContain("5 files were there already");
    await cli.done(["sync", empty, "swarm:/unmounted", "--delete"]);
  });

  test("a server's data directory, which may lie where it is started, is neither sent nor deleted", async () => {
    const here = join(local, "started here");
    const data = { "fsdfs-data/.fsdfs/identity": "", "fsdfs-data/.fsdfs/password": "a secret", "fsdfs-data/song": "s" };
    await writeTree(here, { ...data, own: "own" });
    for (const command of [
      ["put", here, "/with-server/"],
      ["sync", here, "swarm:/with-server/synced"],
    ]) {
      const { code, stderr } = await cli.run(command);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(/^fsdfs: left out: .*fsdfs-data is the data directory of a server\n$/),
      });
    }
    expect(await cli.done(["ls", "-r", "/with-server"])).toBe("started here/own\nsynced/own\n");
    await writeTree(here, { extra: "only here" });
    expect(await cli.done(["sync", "swarm:/with-server/synced", here, "--delete"])).toContain("; 1 deleted\n");
    expect(await readTree(here)).toEqual({ ...data, own: "own" });
  });

  test("nor is it deleted with a directory that it lies in, or for a file that is to be where that is", async () => {
    const here = join(local, "servers below");
    const data = { "srv/fsdfs-data/.fsdfs/identity": "", "srv/fsdfs-data/song": "the only copy" };
    await writeTree(here, { ...data, "srv/other": "o", own: "own" });
    await cli.done(["put", join(here, "own"), "/below-only/"]);
    await cli.done(["put", join(here, "own"), "/below-file/srv"]);
    for (const source of ["swarm:/below-only", "swarm:/below-file"]) {
      expect(await cli.run(["sync", source, here, "--delete"])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("srv/fsdfs-data is the data directory of a server"),
      });
      expect(await readTree(here)).toMatchObject(data);
    }
    // Nor is it, or what lies in it, made like anything else: its files are the swarm's copies.
    for (const dest of ["srv/fsdfs-data", "srv/fsdfs-data/songs/new"]) {
      expect(await cli.run(["sync", "swarm:/below-only", join(here, dest), "--delete"])).toMatchObject({ code: 1 });
      expect(await readTree(here)).toMatchObject(data);
    }
  });

  test("what cannot be deleted, since its name is no UTF-8, is not told as deleted", async () => {
    const here = join(local, "named otherwise");
    await writeTree(here, { own: "own" });
    await cli.done(["sync", here, "swarm:/named"]);
    await writeFile(Buffer.concat([Buffer.from(`${here}/a`), Buffer.from([0xff])]), "x");
    expect(await cli.run(["sync", "swarm:/named", here, "--delete"])).toMatchObject({
      code: 1,
      stdout: expect.not.stringContaining("deleted"),
      stderr: expect.stringContaining("Its name is not valid UTF-8."),
    });
  });

  test("into the root deletes nothing of what governs the swarm, such as its policy, which is no file of SRC", async () => {
    const here = join(local, "for the root");
    await writeTree(here, { "a.txt": "a" });
    await cli.done(["put", join(here, "a.txt"), "/.fsdfs/of-the-swarm"]);
    await cli.done(["put", join(here, "a.txt"), "/other"]);
    const would = await cli.done(["sync", here, "swarm:/", "--delete", "--dry-run"]);
    expect(would).toContain("delete other\n");
    expect(would).not.toContain(".fsdfs");
    expect(would).toMatch(/; 2 only in swarm:\/\n$/);
    expect(await cli.done(["sync", here, "swarm:/.fsdfs", "--delete"])).toContain("; 1 deleted\n");
    await cli.done(["rm", "-r", "/.fsdfs"]);
  });

  test("a link in the source protects a directory of its name in the swarm", async () => {
    const source = join(local, "linking");
    await writeTree(source, { "docs/deep/x": "1", gone: "1" });
    await cli.done(["sync", source, "swarm:/linking"]);
    await rm(source, { recursive: true });
    await mkdir(source);
    await symlink(local, join(source, "docs"));
    const result = await cli.run(["sync", source, "swarm:/linking", "--delete"]);
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining("left out: docs") });
    expect(await cli.done(["ls", "-r", "/linking"])).toBe("docs/deep/x\n");
  });

  test.each([
    [["a", "b"], 2, "One of SRC and DEST must be in the swarm"],
    [["swarm:a", "swarm:b"], 2, "One of SRC and DEST must be in the swarm"],
    [["swarm:/nowhere", "b"], 1, "no file or directory"],
    [["nowhere", "swarm:/b"], 1, "ENOENT"],
    [["package.json", "swarm:/b"], 1, "is not a directory"],
  ])("%j is refused", async (args, code, told) => {
    expect(await cli.run(["sync", ...args])).toMatchObject({ code, stderr: expect.stringContaining(told) });
  });
});

/** A way to a server on which something happens before each request goes on. */
async function relayTo(port: number, before: (target: string) => Promise<unknown>) {
  const relay = createServer(async (incoming, answer) => {
    await before(incoming.url ?? "");
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 500, from.headers);
      from.pipe(answer);
    });
    incoming.pipe(outgoing);
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  const close = async () => {
    relay.closeAllConnections();
    await new Promise((closed) => relay.close(closed));
  };
  return { url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`, close };
}

describe("one of several that cannot be done keeps none of the others from it", () => {
  const told = async (args: readonly string[]) => {
    const { code, stdout } = await cli.run([...args, "--json"]);
    return { code, told: JSON.parse(stdout || "{}") as unknown };
  };

  test("mv moves the others, and tells which", async () => {
    await writeTree(join(local, "several"), { one: "1", two: "2" });
    await cli.done(["put", join(local, "several"), "/"]);
    expect(await told(["mv", "/several/one", "/several/none", "/several/two", "/moved/"])).toMatchObject({
      code: 1,
      told: {
        moved: [{ to: "moved/one" }, { to: "moved/two" }],
        errors: [{ name: "/several/none", code: "file-not-found" }],
      },
    });
  });

  test("key revoke revokes the others, and tells which", async () => {
    const { id } = await cli.json<{ id: string }>(["key", "create"]);
    expect(await told(["key", "revoke", "0123456789ab", id])).toMatchObject({
      code: 1,
      told: { revoked: [id], errors: [{ name: "0123456789ab", code: "key-not-found" }] },
    });
    const { keys } = await cli.json<{ keys: { id: string }[] }>(["key", "list"]);
    expect(keys.map((key) => key.id)).not.toContain(id);
  });
});
