import { appendFile, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compareNames } from "./compare-trees.ts";
import { hasContent, readFile, sha256Of, walk } from "./local-files.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-local-"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test("a tree is walked in the order of a listing when that is asked for, without parts of downloads and behind no link", async () => {
  const root = join(directory, "tree");
  const names = ["a/x", "a/\u0001", "a-b", "a.b/y/z", "b", "ü", "💿/z", "\uffee", ".a.v.fsdfs-part", "A"];
  for (const name of names) {
    await mkdir(join(root, name, ".."), { recursive: true });
    await writeFile(join(root, name), name);
  }
  await symlink("/", join(root, "link"));
  const found = await gather(walk(root, "swarm", { sorted: true }));
  const walked = found.map(({ local }) => local.slice(root.length + 1));
  expect(walked).toEqual(walked.toSorted(compareNames));
  expect(walked).toHaveLength(names.length - 1 + 4 + 1);
  expect(found.find(({ local }) => local.endsWith("link"))?.kind).toBe("other");
  expect(found.find(({ local }) => local.endsWith("a/x"))).toMatchObject({ remote: "swarm/a/x", sizeBytes: 3 });
  const unsorted = await gather(walk(root, "swarm"));
  expect(unsorted.map(({ local }) => local).sort()).toEqual(found.map(({ local }) => local).sort());
});

test("a directory that cannot be read is told, and its neighbours are walked", async () => {
  const [told] = await gather(walk(join(directory, "nowhere"), "x"));
  expect(told).toMatchObject({ kind: "unreadable", error: { code: "ENOENT" } });
});

test("a server's data directory is told and not walked, and of one that is named itself what the server keeps there", async () => {
  const root = join(directory, "with a server");
  const data = join(root, "data");
  await mkdir(join(data, ".fsdfs"), { recursive: true });
  for (const name of [".fsdfs/identity", ".fsdfs/password", "song"]) await writeFile(join(data, name), name);
  await mkdir(join(root, ".fsdfs"));
  await writeFile(join(root, ".fsdfs/policy.ts"), "of a swarm that was got");
  const kinds = async (from: string) =>
    (await gather(walk(from, "x", { sorted: true }))).map(({ kind, remote }) => `${kind} ${remote}`);
  expect(await kinds(root)).toEqual(["directory x/.fsdfs", "file x/.fsdfs/policy.ts", "server x/data"]);
  expect(await kinds(data)).toEqual(["server x/.fsdfs", "file x/song"]);
});

test.each(["file", "directory"])(
  "a %s whose name is not UTF-8 is told, and no other name is made of it",
  async (what) => {
    const root = join(directory, `named ${what}`);
    const named = Buffer.concat([Buffer.from(`${root}/a`), Buffer.from([0xff])]);
    await mkdir(root);
    await (what === "file" ? writeFile(named, "x") : mkdir(named));
    const found = await gather(walk(root, "x"));
    expect(found).toMatchObject([{ kind: "unreadable", error: { message: "Its name is not valid UTF-8." } }]);
  },
);

test.each([0, 1, 262_143, 262_144, 262_145, 600_000])("a file of %i bytes is read whole", async (sizeBytes) => {
  const file = join(directory, "sized");
  const content = Buffer.alloc(sizeBytes, "fsdfs");
  await writeFile(file, content);
  expect(Buffer.concat(await gather(readFile(file, sizeBytes))).equals(content)).toBe(true);
  expect(await hasContent(file, sizeBytes, await sha256Of(file, sizeBytes))).toBe(true);
  expect(await hasContent(file, sizeBytes + 1, await sha256Of(file, sizeBytes))).toBe(false);
});

test("a file that has grown or shrunk since it was looked at is not taken for whole", async () => {
  const file = join(directory, "changing");
  await writeFile(file, "12345");
  await appendFile(file, "6");
  await expect(gather(readFile(file, 5))).rejects.toThrow("changed while it was read");
  await truncate(file, 3);
  await expect(gather(readFile(file, 5))).rejects.toThrow("changed while it was read");
});

test("a file that is written while it is read is not taken for whole, though its size stays", async () => {
  const file = join(directory, "edited in place");
  await writeFile(file, Buffer.alloc(600_000, "old"));
  const reading = readFile(file, 600_000);
  await reading.next();
  await writeFile(file, Buffer.alloc(600_000, "new"), { flag: "r+" });
  await expect(gather(reading)).rejects.toThrow("changed while it was read");
});
