/**
 * An operator's hands on the data directory of a running server (S8, P4): whatever happens to a copy, readers get the
 * right bytes or an error, and the copy is made whole again from another server.
 */
import { randomBytes } from "node:crypto";
import {
  appendFile,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { readPlainFile, sha256Of, sha256OfFile } from "./disk-tree.ts";

const FILE_BYTES = 600_000;
/** More than the kernel keeps under way between two sockets. */
const LARGE_BYTES = 64 * 1024 * 1024;
const REPAIR_MS_MAX = 20_000;
const SECRET = "what lies outside of the data directory\n";

let cluster: Cluster;
let key: string;
/** Lies outside of all data directories. */
let outside: string;

beforeAll(async () => {
  cluster = await createCluster();
  for (let at = 0; at < 3; at++) await cluster.start();
  await cluster.whole();
  key = (await server(0).client.createKey("reader", "read")).secret;
  outside = join(cluster.directory, "outside");
  await writeFile(outside, SECRET);
});

afterAll(() => cluster.close());

function server(at: number): RealServer {
  const found = cluster.servers[at];
  if (found === undefined) throw new Error(`there is no server ${at}`);
  return found;
}

/** A file that all three servers hold. */
async function heldByAll(path: string, sizeBytes = FILE_BYTES): Promise<Buffer> {
  const content = randomBytes(sizeBytes);
  const source = async function* () {
    yield content;
  };
  await server(0).client.put(path, { sizeBytes, open: source });
  const held = async () => (await server(0).client.locate(path)).copies === 3;
  await waitFor(`all three hold ${path}`, held, REPAIR_MS_MAX);
  await Promise.all(cluster.servers.map(({ data }) => waitFor("it lies there", () => lstat(join(data, path)))));
  return content;
}

/** What any HTTP client gets: undefined for an error or for an answer that broke off. It checks no digest. */
async function fetched({ url }: RealServer, path: string, query: string): Promise<Buffer | undefined> {
  try {
    const answer = await fetch(`${url}/files/${path}${query}`, { headers: { authorization: `Bearer ${key}` } });
    const content = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 ? content : undefined;
  } catch {
    return undefined;
  }
}

async function readsRight(from: RealServer, path: string, query: string, content: Buffer): Promise<void> {
  // Not toEqual: it looks at each byte by itself, and prints them all.
  expect((await fetched(from, path, query))?.equals(content)).toBe(true);
}

/** Reads over and over, through the server itself and with its redirects, until told to stop. Throws on wrong bytes. */
function readers(from: RealServer, path: string, content: Buffer) {
  const figures = { right: 0, errors: 0 };
  let going = true;
  const loops = ["", "?redirect=never", "?redirect=never"].map(async (query) => {
    while (going) {
      const got = await fetched(from, path, query);
      if (got === undefined) figures.errors++;
      else if (got.equals(content)) figures.right++;
      else throw new Error(`a reader of ${path} got ${got.length} wrong bytes from ${from.name} (${query})`);
    }
  });
  const all = Promise.all(loops);
  all.catch(() => undefined);
  return {
    figures,
    stop: async () => {
      going = false;
      await all;
    },
  };
}

/** The right bytes lie at the path again, as a plain file, and all three servers are said to hold it. */
async function repaired({ data, client }: RealServer, path: string, content: Buffer): Promise<void> {
  const right = sha256Of(content);
  await waitFor(
    `${path} is whole again in ${data}`,
    async () => (await readPlainFile(join(data, path))).sha256 === right && (await client.locate(path)).copies === 3,
    REPAIR_MS_MAX,
  );
}

/** Whether the bytes lie there in a plain file: at the path, or in the side area while what is not fsdfs's has that name. */
async function liesPlain({ data }: RealServer, path: string, content: Buffer): Promise<boolean> {
  const side = join(data, ".fsdfs", "side");
  const names = [join(data, path), ...(await readdir(side)).map((name) => join(side, name))];
  const right = sha256Of(content);
  for (const name of names) {
    if ((await lstat(name).catch(() => undefined))?.isFile() && (await sha256OfFile(name)) === right) return true;
  }
  return false;
}

async function aside({ data }: RealServer): Promise<string[]> {
  const directory = join(data, ".fsdfs", "aside");
  return await Promise.all((await readdir(directory)).map((name) => sha256OfFile(join(directory, name))));
}

async function overwriteInPlace(file: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, "r+");
  await handle.write(bytes, 0, bytes.length, position);
  await handle.close();
}

const HANDS: [what: string, act: (file: string) => Promise<void>][] = [
  ["edits it in place", (file) => overwriteInPlace(file, FILE_BYTES / 2, Buffer.from("an operator was here"))],
  ["empties it", (file) => truncate(file, 0)],
  ["cuts it short", (file) => truncate(file, FILE_BYTES - 1)],
  ["appends to it", (file) => appendFile(file, "\n")],
  ["deletes it", (file) => rm(file)],
  ["deletes its directory", (file) => rm(dirname(file), { recursive: true })],
  [
    "saves another file of the same size over it",
    async (file) => {
      await writeFile(`${file}.new`, randomBytes(FILE_BYTES));
      await rename(`${file}.new`, file);
    },
  ],
];

test.each(HANDS)(
  "an operator %s: readers get the right bytes or an error, and the copy is repaired (S8, P4)",
  async (what, act) => {
    const at = HANDS.findIndex(([each]) => each === what);
    const path = `hands/${at}/song.ogg`;
    const content = await heldByAll(path);
    const victim = server(at % 3);
    const file = join(victim.data, path);
    const reading = readers(victim, path, content);
    await waitFor("there are readers", () => reading.figures.right > 5);
    const startedMs = performance.now();
    await act(file);
    const wrong = await sha256OfFile(file).catch(() => undefined);
    await repaired(victim, path, content);
    const repairedMs = Math.round(performance.now() - startedMs);
    const { right } = reading.figures;
    await waitFor("readers go on", () => reading.figures.right > right + 5);
    await reading.stop();
    // The operator's work is not thrown away.
    if (wrong !== undefined && wrong !== sha256Of(content)) expect(await aside(victim)).toContain(wrong);
    console.log(`suspect: an operator ${what}: repaired after ${repairedMs} ms, ${JSON.stringify(reading.figures)}`);
  },
);

test("a copy that was only touched is looked at and kept: nothing is copied (S8)", async () => {
  const content = await heldByAll("touched.ogg");
  const victim = server(1);
  const file = join(victim.data, "touched.ogg");
  const before = await readPlainFile(file);
  await utimes(file, new Date(), new Date(0));
  await readsRight(victim, "touched.ogg", "?redirect=never", content);
  await readsRight(victim, "touched.ogg", "?redirect=never", content);
  expect((await readPlainFile(file)).inode).toBe(before.inode);
  expect((await victim.client.locate("touched.ogg")).copies).toBe(3);
});

test.each([
  ["to a file outside", () => outside],
  ["to the very same bytes", (other: string) => other],
])(
  "a copy that is replaced by a symlink %s is not read through it, and K is made good again (S7, S8)",
  async (what, target) => {
    const path = `linked/${what.length}.ogg`;
    const content = await heldByAll(path);
    const victim = server(2);
    const file = join(victim.data, path);
    const reading = readers(victim, path, content);
    await waitFor("there are readers", () => reading.figures.right > 5);
    // In one step: a file that is missing for a moment may be copied again before the link is there.
    await symlink(target(join(server(0).data, path)), `${file}.link`);
    await rename(`${file}.link`, file);
    const copies = async () => (await victim.client.locate(path)).copies;
    const isGood = async () => (await liesPlain(victim, path, content)) && (await copies()) === 3;
    await waitFor("there are three copies again", isGood, REPAIR_MS_MAX);
    await reading.stop();
    await readsRight(victim, path, "?redirect=never", content);
    expect(await readFile(outside, "utf8")).toBe(SECRET);
  },
);

test("a copy that is replaced by a directory is pulled again, and what is in the directory is left alone (S8)", async () => {
  const path = "dir/song.ogg";
  const content = await heldByAll(path);
  const victim = server(0);
  const file = join(victim.data, path);
  await rm(file);
  await mkdir(file);
  await writeFile(join(file, "notes"), "mine");
  await readsRight(victim, path, "?redirect=never", content);
  await waitFor(
    "there are three copies again",
    async () => (await victim.client.locate(path)).copies === 3,
    REPAIR_MS_MAX,
  );
  await readsRight(victim, path, "?redirect=never", content);
  expect(await readFile(join(file, "notes"), "utf8")).toBe("mine");
});

test("an edit in the middle of a read never reaches the reader as the end of the file (P4)", async () => {
  const content = await heldByAll("large.ogg", LARGE_BYTES);
  const victim = server(1);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    get(`${victim.url}/files/large.ogg?redirect=never`, { headers }, resolve).on("error", reject);
  });
  expect(answer.statusCode).toBe(200);
  // Nothing is read yet: the server stands still after what the kernel takes.
  await overwriteInPlace(join(victim.data, "large.ogg"), LARGE_BYTES - 4096, Buffer.alloc(4096));
  const chunks: Buffer[] = [];
  const ended = await (async () => {
    for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
    return "whole";
  })().catch(() => "broken off");
  const got = Buffer.concat(chunks);
  expect(got.equals(content.subarray(0, got.length))).toBe(true);
  expect(ended === "whole" ? got.length : LARGE_BYTES).toBe(LARGE_BYTES);
  expect(ended).toBe("broken off");
  await readsRight(victim, "large.ogg", "?redirect=never", content);
  await repaired(victim, "large.ogg", content);
});

test("a damaged copy that is the only one in reach is an error, and is repaired when the others return (P4, S8)", async () => {
  const content = await heldByAll("last.ogg");
  const [first, second, last] = [server(0), server(1), server(2)];
  await Promise.all([first.kill(), second.kill()]);
  await overwriteInPlace(join(last.data, "last.ogg"), 0, Buffer.from("damaged"));
  const answer = await fetch(`${last.url}/files/last.ogg`, { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { code: "no-copy-reachable" } });
  await Promise.all([first.restart(), second.restart()]);
  await repaired(last, "last.ogg", content);
  await readsRight(last, "last.ogg", "?redirect=never", content);
});
