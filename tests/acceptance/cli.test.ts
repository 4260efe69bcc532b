/** The command line as people use it, over three real servers on this machine. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTree, writeTree } from "./cli-here.ts";
import { type Cluster, type CommandResult, createCluster, type RealServer, waitFor } from "./cluster.ts";

let cluster: Cluster;
let servers: RealServer[];
/** A directory of this machine, as a user would have one. */
let local: string;

beforeAll(async () => {
  cluster = await createCluster();
  servers = [await cluster.start(), await cluster.start(), await cluster.start()];
  local = await mkdtemp(join(cluster.directory, "local-"));
  await cluster.whole();
});

afterAll(() => cluster.close());

/** Runs a command against server `at`, on its own machine: without a key. */
async function cli(args: string[], at = 0, input?: string): Promise<CommandResult> {
  return await cluster.cli([...args, "--data", servers[at]?.data ?? ""], {
    cwd: local,
    ...(input === undefined ? {} : { input }),
  });
}

async function done(args: string[], at = 0, input?: string): Promise<string> {
  const result = await cli(args, at, input);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result.stdout;
}

async function makeTree(name: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {
    "a.txt": "the first\n",
    "sub/ü ü%.txt": "with a difficult name\n",
    "sub/deep/b.bin": "x".repeat(200_000),
    "sub/zero": "",
  };
  await writeTree(join(local, name), files);
  await mkdir(join(local, name, "empty"), { recursive: true });
  return files;
}

describe("files", () => {
  test("a tree that is put at one server is got whole from another, and lies on all three under its own names (P5, P7)", async () => {
    const files = await makeTree("tree");
    expect(await done(["put", "tree", "music"])).toMatch(/^4 files, 200 kB put in /);
    await done(["get", "music", "back"], 1);
    expect(await readTree(join(local, "back"))).toEqual(files);
    expect(await readdir(join(local, "back"))).toContain("empty");
    for (const server of servers) {
      await waitFor("it holds every file", async () => {
        const held = await readTree(join(server.data, "music"));
        return JSON.stringify(Object.entries(held).sort()) === JSON.stringify(Object.entries(files).sort());
      });
    }
  });

  test("put works as cp -r does: into a directory that exists, as one that does not, several into one", async () => {
    await makeTree("cp");
    await done(["put", "cp", "into"]);
    await done(["put", "cp", "into"]);
    await done(["put", "cp/.", "into/third"]);
    await done(["put", "cp/a.txt", "cp/sub/zero", "several"]);
    await done(["put", "cp/a.txt", "renamed.txt"]);
    await done(["put", "cp/a.txt", "slash/"]);
    const listed = (await done(["ls", "-r"])).split("\n");
    for (const path of [
      "into/a.txt",
      "into/cp/a.txt",
      "into/cp/empty/",
      "into/third/sub/deep/b.bin",
      "several/a.txt",
      "several/zero",
      "renamed.txt",
      "slash/a.txt",
    ]) {
      expect(listed).toContain(path);
    }
  });

  test("two sources of one name are not put into one place, nor got into one: which of them stayed would be chance", async () => {
    await writeTree(local, { "one/same.txt": "of one", "two/same.txt": "of two" });
    expect(await cli(["put", "one/same.txt", "two/same.txt", "both/"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("one/same.txt and two/same.txt"),
    });
    expect(await cli(["ls", "both"])).toMatchObject({ code: 1 });
    await done(["put", "one", "two", "apart"]);
    expect(await cli(["get", "apart/one/same.txt", "apart/two/same.txt", "."])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("same.txt"),
    });
    expect(await readdir(local)).not.toContain("same.txt");
    await done(["put", "one/same.txt", "one/same.txt", "once/"]);
    expect(await done(["ls", "once"])).toBe("same.txt\n");
  });

  test("standard input and output take the place of files", async () => {
    await done(["put", "-", "piped/input.txt"], 0, "from a pipe");
    expect(await done(["get", "piped/input.txt", "-"], 2)).toBe("from a pipe");
  });

  test("ls shows copies, sizes and names in columns, and a file lists itself", async () => {
    await done(["put", "-", "list/one.txt"], 0, "13 characters");
    await done(["put", "-", "list/two/x.txt"], 0, "x");
    expect(await done(["ls", "list"])).toBe("one.txt\ntwo/\n");
    await waitFor("three copies", async () => (await servers[0]?.client.locate("list/one.txt"))?.copies === 3);
    const [titles, file, directory] = (await done(["ls", "-l", "list"])).split("\n");
    expect(titles).toMatch(/^COPIES +SIZE +MODIFIED +NAME$/);
    expect(file).toMatch(/^ +3\/3 +13 B {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}one\.txt$/);
    expect(directory).toMatch(/^ +- +- {2}.* two\/$/);
    expect(await done(["ls", "list/one.txt"])).toBe("list/one.txt\n");
  });

  test("mv renames, moves into directories, and rm deletes what -r allows (P5)", async () => {
    await done(["put", "-", "mv/a.txt"], 0, "moved");
    await done(["mv", "mv/a.txt", "mv/b.txt"]);
    await done(["put", "-", "mv/dir/c.txt"], 0, "there");
    await done(["mv", "mv/b.txt", "mv/dir"], 1);
    expect(await done(["ls", "-r", "mv"], 2)).toBe("dir/b.txt\ndir/c.txt\n");
    expect(await done(["get", "mv/dir/b.txt", "-"], 2)).toBe("moved");
    expect(await cli(["rm", "mv"])).toMatchObject({ code: 1, stderr: expect.stringContaining("is not empty") });
    expect(await done(["rm", "-r", "mv"])).toBe("2 files deleted\n");
    expect(await cli(["ls", "mv"], 1)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no file or directory"),
    });
    expect(await cli(["rm", "/"])).toMatchObject({ code: 2 });
  });

  test("what fails is told at the end, what works is done, and the exit code is 1", async () => {
    await makeTree("part");
    const result = await cli(["put", "part/a.txt", "part/missing", "part/sub/zero", "part-dest"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("part/missing: ENOENT");
    expect(result.stdout).toMatch(/^2 files/);
    expect(await done(["ls", "part-dest"])).toBe("a.txt\nzero\n");
    await mkdir(join(local, "part-got"));
    const got = await cli(["get", "part-dest/a.txt", "part-dest/missing", "part-dest/zero", "part-got/"]);
    expect(got).toMatchObject({ code: 1, stderr: expect.stringContaining("part-dest/missing: There is no file") });
    expect(got.stdout).toMatch(/^2 files/);
    expect(await cli(["get", "part-dest", "part-got/a.txt"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^fsdfs: part-dest: part-got\/a\.txt is not a directory\.\n/),
    });
    // As with put <(…): nothing is put, and a script must not take that for done.
    execFileSync("mkfifo", [join(local, "pipe")]);
    expect(await cli(["put", "pipe", "piped-in"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("neither a file nor a directory"),
    });
  });
});

describe("the swarm", () => {
  test("locate names the three holders, and says when there is no such file (S6)", async () => {
    await done(["put", "-", "where.txt"], 1, "here");
    await waitFor("three copies", async () => (await servers[0]?.client.locate("where.txt"))?.copies === 3);
    const text = await done(["locate", "where.txt"]);
    expect(text).toContain("where.txt: 4 B, 3 copies of 3 wanted, surplus 0");
    for (const server of servers) expect(text).toMatch(new RegExp(` ${server.name} +up .*:${server.port}$`, "m"));
    expect(await cli(["locate", "where.txt", "nowhere.txt"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nowhere.txt"),
    });
  });

  test("status and servers tell of three servers, to people and as the API's own JSON", async () => {
    expect(await done(["status"])).toMatch(/^servers +3 up of 3$/m);
    const status: unknown = JSON.parse(await done(["status", "--json"]));
    expect(status).toMatchObject({ servers: { up: 3, total: 3 }, files: expect.any(Number) });
    const table = await done(["servers"]);
    expect(table.split("\n")[0]).toMatch(/^SERVER +NAME +STATE +FILES +USED +FREE +SURPLUS/);
    for (const server of servers) expect(table).toMatch(new RegExp(`^[0-9a-f]{12}\\*? +${server.name} +up `, "m"));
    expect(JSON.parse(await done(["servers", "--json"]))).toMatchObject({ servers: [{}, {}, {}] });
  });
});

describe("the clocks", () => {
  test("C8: of three servers are shown, to people and as the API's own JSON, and need no repair", async () => {
    const shown = await done(["clock"]);
    expect(shown).toMatch(/^advice +The clocks agree/m);
    for (const server of servers)
      expect(shown).toMatch(new RegExp(`^[0-9a-f]{12}\\*? +${server.name} +up +-?0\\.\\d s `, "m"));
    expect(JSON.parse(await done(["clock", "--json"], 1))).toMatchObject({
      epoch: 0,
      repaired: null,
      servers: [{ refused: false }, { refused: false }, { refused: false }],
    });
    expect(await done(["clock", "repair"])).toContain("nothing to repair");
    expect(JSON.parse(await done(["clock", "repair", "--json"], 2))).toMatchObject({ repaired: false, epoch: 0 });
  });
});

describe("who may", () => {
  const url = () => servers[1]?.url ?? "";
  /** From another machine: nothing is found in the environment or on the disk. */
  const afar = (args: string[], environment: Record<string, string> = {}) =>
    cluster.cli([...args, "--server", url()], {
      cwd: local,
      environment: { XDG_STATE_HOME: join(local, "nothing"), ...environment },
    });

  test("without a key nothing is answered but how to get one", async () => {
    expect(await afar(["status"])).toMatchObject({ code: 1, stderr: expect.stringContaining("fsdfs key create") });
  });

  test("a key works at every server, for what it is for, until it is revoked", async () => {
    const key = (await done(["key", "create", "--scope", "read", "--name", "player"])).trim();
    await waitFor("the key is known there", async () => (await afar(["ls"], { FSDFS_KEY: key })).code === 0);
    expect(await afar(["rm", "x"], { FSDFS_KEY: key })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("may only read"),
    });
    const listed = await done(["key", "list"], 2);
    const id = /^(\S+) +read .*player$/m.exec(listed)?.[1] ?? "";
    expect(id).not.toBe("");
    expect(listed).not.toContain(key);
    await done(["key", "revoke", id]);
    await waitFor("it is revoked there", async () => (await afar(["ls"], { FSDFS_KEY: key })).code === 1);
  });

  test("the password does as well, from an option, a file or the environment; a wrong one does not", async () => {
    const file = join(local, "password");
    await writeFile(file, `${cluster.password}\n`);
    expect(await afar(["status", "--password", cluster.password])).toMatchObject({ code: 0 });
    expect(await afar(["status", "--password-file", file])).toMatchObject({ code: 0 });
    expect(await afar(["status"], { FSDFS_PASSWORD: cluster.password })).toMatchObject({ code: 0 });
    expect(await afar(["status", "--password", "wrong"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("signature"),
    });
  });
});

describe("the command line itself", () => {
  test.each([
    [["pit"], 2, "Did you mean fsdfs put?"],
    [["put", "x"], 2, "fsdfs put SRC... DEST"],
    [["ls", "a", "b"], 2, "'b' is one argument too many"],
    [["ls", "--lng"], 2, "did you mean --long"],
    [["key", "make"], 2, "create, list, revoke"],
    [["start", "--port", "x"], 2, "See: fsdfs start --help"],
    [["status", "--server", "127.0.0.1:1"], 1, "nothing listens there"],
    [["status", "--data", "nowhere"], 1, "No server of yours runs"],
  ])("%j ends with %i and says what to do", async (args, code, told) => {
    const result = await cluster.cli(args, { cwd: local });
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).toContain(told);
    expect(result.stderr).toMatch(/^fsdfs: .*\n.+\n$/);
  });

  test("--help and --version answer on standard output", async () => {
    expect(await cluster.cli(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect((await cluster.cli(["--help"])).stdout).toContain("fsdfs start");
    expect((await cluster.cli(["put", "--help"])).stdout).toContain("Usage: fsdfs put SRC... DEST");
    await rm(join(local, "nothing"), { recursive: true, force: true });
  });
});
