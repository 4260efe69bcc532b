/** Large trees on their way in and out: what is there already stays, what was cut goes on, nothing is taken on trust. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { partOf } from "../../src/cli/downloading.ts";
import { type CliHere, cliHere, readTree, type Tree, writeTree } from "./cli-here.ts";
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

interface Done {
  readonly files: { path: string; size: number; sha256: string; version: string }[];
  readonly present: { files: number; bytes: number };
  readonly leftOut: number;
  readonly failed: number;
  readonly errors: { name: string; code: string }[];
}

const many: Tree = Object.fromEntries(
  Array.from({ length: 60 }, (_, at) => [`many/${at % 7}/file ${at}`, `content ${at}`]),
);

test("put sends what is not there: all at first, nothing again, then what has changed", async () => {
  await writeTree(local, many);
  const first = await cli.json<Done>(["put", join(local, "many"), "/put/", "--jobs", "16"]);
  expect(first).toMatchObject({ present: { files: 0, bytes: 0 }, failed: 0, errors: [] });
  expect(first.files.map(({ path }) => path).sort()).toEqual(
    Object.keys(many)
      .map((path) => `put/${path}`)
      .sort(),
  );

  const again = await cli.done(["put", join(local, "many"), "/put/"]);
  expect(again).toMatch(/^0 files, 0 B put in .*; 60 files were there already\n$/);

  await writeFile(join(local, "many/1/file 8"), "CONTENT 8");
  await writeFile(join(local, "many/1/file 1"), "longer than before");
  const changed = await cli.json<Done>(["put", join(local, "many"), "/put/"], cluster.servers[1]);
  expect(changed.files.map(({ path }) => path).sort()).toEqual(["put/many/1/file 1", "put/many/1/file 8"]);
  expect(changed.present.files).toBe(58);
});

test("get fetches what is not there, makes good what is damaged, and leaves the rest alone", async () => {
  const into = join(local, "got");
  const first = await cli.json<Done>(["get", "/put/many", into], cluster.servers[1]);
  expect(first.files).toHaveLength(60);
  expect(await readTree(into)).toEqual(await readTree(join(local, "many")));

  await writeFile(join(into, "1/file 8"), "contEnt 8");
  await rm(join(into, "2/file 2"));
  const again = await cli.json<Done>(["get", "/put/many/", into]);
  // DEST exists now, so what is fetched goes into it under its own name, as cp -r does.
  expect(again.files).toHaveLength(60);
  await rm(join(into, "many"), { recursive: true });
  const parts = await cli.json<Done>(["get", "/put/many/1", "/put/many/2", into]);
  expect(parts.files.map(({ path }) => path).sort()).toEqual(["put/many/1/file 8", "put/many/2/file 2"]);
  expect(parts.present.files).toBe(16);
});

test("a get that was cut goes on where it ended, if it is the same version, and checks all of it (P4)", async () => {
  const content = Array.from({ length: 200_000 }, (_, at) => `${at}\n`).join("");
  await writeFile(join(local, "large"), content);
  await cli.done(["put", join(local, "large"), "/cut/large"]);
  const { version } = (await cluster.servers[0]?.client.locate("cut/large")) ?? { version: "" };
  const target = join(local, "cut-large");
  const part = partOf(target, version);
  const stale = partOf(target, `0${version.slice(1)}`.replace(/.{4}$/, "ffff"));

  await writeFile(part, content.slice(0, 1_000_000));
  await writeFile(stale, "of a version that is no more");
  expect(await cli.done(["get", "/cut/large", target])).toMatch(/^1 file, 289 kB got/);
  expect(await readFile(target, "utf8")).toBe(content);
  expect((await readdir(local)).filter((name) => name.endsWith("-part"))).toEqual([]);

  // A part that is not what it should be is noticed at the end, and all of it is fetched.
  await rm(target);
  await writeFile(part, `${"x".repeat(999)}${content.slice(999, 1_000_000)}`);
  expect(await cli.done(["get", "/cut/large", target])).toMatch(/^1 file, 1\.3 MB got/);
  expect(await readFile(target, "utf8")).toBe(content);

  // A part that is whole already is only checked.
  await rm(target);
  await writeFile(part, content);
  expect(await cli.done(["get", "/cut/large", target])).toMatch(/^1 file, 0 B got/);
  expect(await readFile(target, "utf8")).toBe(content);
  await truncate(target, 10);
  expect(await cli.done(["get", "/cut/large", target])).toMatch(/^1 file, 1\.3 MB got/);
});

test("what cannot be put is left out or told at the end; parts of downloads and links are not put", async () => {
  await writeTree(join(local, "odd"), { "a/good": "good", "b/.x.fsdfs-part": "part", "c/d/e/f": "deep" });
  await mkdir(join(local, "odd/empty"));
  await symlink("/etc", join(local, "odd/link"));
  await writeFile(Buffer.concat([Buffer.from(`${local}/odd/`), Buffer.from([0x66, 0xff])]), "not UTF-8");
  const { code, stdout, stderr } = await cli.run(["put", join(local, "odd"), "/odd", "--json"]);
  const told = JSON.parse(stdout) as Done;
  expect(code).toBe(1);
  expect(told.files.map(({ path }) => path).sort()).toEqual(["odd/a/good", "odd/c/d/e/f"]);
  expect(told).toMatchObject({ leftOut: 1, failed: 1, errors: [{ code: "local" }] });
  expect(stderr).toContain("not valid UTF-8");
  expect(await cli.done(["ls", "-r", "/odd"])).toBe("a/good\nb/\nc/d/e/f\nempty/\n");
});

test("get takes the place of no device or pipe, as /dev/null is one", async () => {
  await writeFile(join(local, "plain"), "content");
  await cli.done(["put", join(local, "plain"), "/plain"]);
  const pipe = join(local, "pipe");
  execFileSync("mkfifo", [pipe]);
  expect(await cli.run(["get", "/plain", pipe])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("neither a file nor a directory"),
  });
  expect((await stat(pipe)).isFIFO()).toBe(true);
});

test("what nobody has any more is named, and the rest is got", async () => {
  await waitFor("both hold all of it", async () => {
    const found = await cluster.servers[0]?.client.locateMany(Object.keys(many).map((path) => `put/${path}`));
    return found?.every((file) => file?.copies === 2);
  });
  const name = "put/many/0/file 0";
  await Promise.all(cluster.servers.map((server) => rm(join(server.data, name), { force: true })));
  // Nobody has it any more: the failure names it, and all else is there.
  const { code, stderr } = await cli.run(["get", "/put/many", join(local, "spread")]);
  expect(code).toBe(1);
  expect(stderr).toContain(name);
  expect(Object.keys(await readTree(join(local, "spread")))).toHaveLength(59);
});

test.each([
  ["put", "/again/put/"],
  ["sync", "swarm:/again/sync"],
])("what nobody has any more is no file that is there already: %s sends it again", async (command, to) => {
  const from = join(local, `again ${command}`);
  await writeTree(from, { lost: "the only one who has it is here" });
  const source = command === "put" ? join(from, "lost") : from;
  await cli.done([command, source, to]);
  const path = `again/${command}/lost`;
  const copies = async () => (await cluster.servers[0]?.client.locate(path))?.copies;
  await waitFor("both hold it", async () => (await copies()) === 2);
  await Promise.all(cluster.servers.map((server) => rm(join(server.data, path))));
  expect(await cli.run(["cat", path])).toMatchObject({ code: 1 });
  await waitFor("it is known that nobody does", async () => (await copies()) === 0);
  expect(await cli.done([command, source, to])).toMatch(/^1 file, 31 B put/);
  expect((await cluster.servers[1]?.client.get(path).then((download) => download.text())) ?? "").toContain("is here");
});
