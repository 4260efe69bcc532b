/** `fsdfs adopt` and POST /adopt on a real disk: inode numbers stay, and whatever lies in a tree, nothing else is touched. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AdoptEvent } from "../../src/server/face.ts";
import { type Fixture, openGateway, startServer, type TestServer, until } from "./http-fixture.ts";

const SECRET = "a secret that only the server's user can read";
const OTHER_FILE_SYSTEM = "/dev/shm";

let server: TestServer;
let fixture: Fixture;
/** Beside the data directory, with nothing in it. */
let beside: string;
let around: string;

beforeAll(async () => {
  server = await startServer({ quotaBytes: 20_000_000 });
  fixture = await openGateway(server, { localSecret: SECRET });
  around = realpathSync(mkdtempSync(join(tmpdir(), "fsdfs-adopt-")));
});
let count = 0;
beforeEach(() => {
  beside = join(around, `library-${++count}`);
  mkdirSync(beside);
});
afterAll(async () => {
  expect(fixture.logged).toEqual([]);
  await fixture.close();
  await server.stop();
  rmSync(around, { recursive: true });
});

function write(directory: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
}

type Body = Readonly<Record<string, unknown>>;

async function ask(body: Body, init: { key?: string; local?: string | null; signal?: AbortSignal } = {}) {
  const { key = fixture.keys.admin, local = SECRET, signal } = init;
  const headers: Record<string, string> = local === null ? {} : { "fsdfs-local": local };
  return fixture.request("/adopt", {
    method: "POST",
    body: JSON.stringify(body),
    key,
    headers,
    ...(signal === undefined ? {} : { signal }),
  });
}

async function adopt(body: Body): Promise<AdoptEvent[]> {
  const response = await ask(body);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as AdoptEvent);
}

const end = (events: readonly AdoptEvent[]) => events.at(-1);
const skipped = (events: readonly AdoptEvent[]) =>
  events.flatMap((event) => (event.kind === "skipped" ? [`${event.path}: ${event.code}`] : [])).sort();

async function read(path: string): Promise<string> {
  return await (await fixture.request(`/files/${path}`, { key: fixture.keys.read })).text();
}

async function refusal(response: Response) {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return { status: response.status, code: error.code, message: error.message };
}

describe("a directory that is adopted", () => {
  it("C9, P7: keeps its inode numbers in the data directory", async () => {
    const root = join(server.data, "mine");
    write(root, { "a.ogg": "a", "deep/er/ü b.ogg": "b", empty: "" });
    const before = statSync(join(root, "deep/er/ü b.ogg"));
    expect(end(await adopt({ directory: realpathSync(root) }))).toMatchObject({ kind: "done", total: 3, adopted: 3 });
    expect(await read("mine/deep/er/%C3%BC%20b.ogg")).toBe("b");
    expect(statSync(join(root, "deep/er/ü b.ogg"))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
    expect(end(await adopt({ directory: realpathSync(root) }))).toMatchObject({ adopted: 0, present: 3, readBytes: 0 });
  });

  it("P7: needs no room for a second name of what lies beside the data directory", async () => {
    write(beside, { "a.ogg": "aa", "sub/b.ogg": "bb" });
    expect(end(await adopt({ directory: beside, to: "linked" }))).toMatchObject({ adopted: 2, skipped: 0 });
    const copy = join(server.data, "linked/sub/b.ogg");
    expect(statSync(copy).ino).toBe(statSync(join(beside, "sub/b.ogg")).ino);
    expect(end(await adopt({ directory: beside, to: "linked", move: true }))).toMatchObject({
      present: 2,
      readBytes: 0,
    });
    expect(existsSync(join(beside, "sub/b.ogg"))).toBe(false);
    expect(readFileSync(copy, "utf8")).toBe("bb");
    expect(await read("linked/a.ogg")).toBe("aa");
  });

  it("S8: may have been edited in the data directory: the edited file becomes the newer version when it is asked for", async () => {
    const root = join(server.data, "edited");
    write(root, { song: "before" });
    await adopt({ directory: realpathSync(root) });
    appendFileSync(join(root, "song"), ", and after");
    expect(skipped(await adopt({ directory: realpathSync(root) }))).toEqual(["song: adopt-conflict"]);
    expect(end(await adopt({ directory: realpathSync(root), overwrite: true }))).toMatchObject({ adopted: 1 });
    expect(await read("edited/song")).toBe("before, and after");
    expect(readFileSync(join(root, "song"), "utf8")).toBe("before, and after");
  });

  it("takes the place of other contents only when it is asked to, and what was there goes to the trash", async () => {
    await fixture.request("/files/over/song", { method: "PUT", body: "the swarm's" });
    write(beside, { song: "mine" });
    expect(skipped(await adopt({ directory: beside, to: "over" }))).toEqual(["song: adopt-conflict"]);
    expect(await read("over/song")).toBe("the swarm's");
    expect(end(await adopt({ directory: beside, to: "over", overwrite: true }))).toMatchObject({ adopted: 1 });
    expect(await read("over/song")).toBe("mine");
    expect(JSON.stringify(await fixture.snapshot())).toContain(
      createHash("sha256").update("the swarm's").digest("hex"),
    );
  });

  it("is only told of by a dry run", async () => {
    write(beside, { a: "a", b: "b" });
    const before = await fixture.snapshot();
    expect(end(await adopt({ directory: beside, dryRun: true, move: true }))).toMatchObject({
      adopted: 2,
      readBytes: 0,
    });
    expect(await fixture.snapshot()).toEqual(before);
    expect(existsSync(join(beside, "a"))).toBe(true);
  });
});

describe("bad input", () => {
  it("C9, S7: what is no file of one name on this disk is told and left as it is", async () => {
    const socket = createServer();
    write(beside, { good: "good", twin: "twin", "server/.fsdfs/identity": "x", "server/theirs": "x" });
    write(beside, { ".fsdfs-like": "is a usual name" });
    await new Promise<void>((resolve) => socket.listen(join(beside, "socket"), resolve));
    execFileSync("mkfifo", [join(beside, "fifo")]);
    symlinkSync("/etc/passwd", join(beside, "link-out"));
    symlinkSync("..", join(beside, "link-up"));
    symlinkSync("good", join(beside, "link-beside"));
    linkSync(join(beside, "twin"), join(beside, "twin-2"));
    writeFileSync(Buffer.concat([Buffer.from(`${beside}/`), Buffer.from([0x66, 0xff])]), "no UTF-8");
    // Longer than a path may be (S7), and than Node can name in one go.
    const long = "x".repeat(250);
    execFileSync("sh", ["-c", `for i in 1 2 3 4 5 6 7 8; do mkdir ${long} && cd ${long}; done && echo x > file`], {
      cwd: beside,
    });
    const events = await adopt({ directory: beside, to: "bad" });
    expect(skipped(events)).toEqual(
      [
        "fifo: no-regular-file",
        "f\ufffd: not-adoptable",
        "link-beside: no-regular-file",
        "link-out: no-regular-file",
        "link-up: no-regular-file",
        "server: not-adoptable",
        "socket: no-regular-file",
        "twin-2: not-adoptable",
        "twin: not-adoptable",
        `${`${long}/`.repeat(8)}file: not-adoptable`,
      ].sort(),
    );
    expect(end(events)).toMatchObject({ kind: "done", adopted: 2, skipped: 10 });
    expect(await read("bad/.fsdfs-like")).toBe("is a usual name");
    await new Promise((resolve) => socket.close(resolve));
  });

  it("a file for which there is no room is told, and the rest is adopted (S3)", async () => {
    write(beside, { large: Buffer.alloc(21_000_000), small: "s" });
    const events = await adopt({ directory: beside, to: "full" });
    expect(skipped(events)).toEqual(["large: adopt-no-room"]);
    expect(end(events)).toMatchObject({ adopted: 1 });
  });

  it("something strange in the way on the server's disk stays", async () => {
    write(server.data, { "way/a": "a stranger", "way-file": "a stranger" });
    write(beside, { "way/a": "mine", "way-file/b": "mine" });
    expect(skipped(await adopt({ directory: beside }))).toEqual(["way-file/b: not-adoptable", "way/a: not-adoptable"]);
    expect(readFileSync(join(server.data, "way/a"), "utf8")).toBe("a stranger");
  });

  const refused: [what: string, body: () => Body, reason: RegExp][] = [
    ["a file", () => ({ directory: "/etc/passwd" }), /no directory/],
    ["what is not there", () => ({ directory: join(beside, "none") }), /no such directory/],
    ["the root", () => ({ directory: "/" }), /data directory lies in it/],
    ["a directory around the data directory", () => ({ directory: dirname(realpathSync(server.data)) }), /lies in it/],
    ["fsdfs's own directory", () => ({ directory: join(realpathSync(server.data), ".fsdfs") }), /own/],
    ["what is in that", () => ({ directory: join(realpathSync(server.data), ".fsdfs/trash") }), /own/],
    ["a path with '..'", () => ({ directory: `${beside}/../${beside}` }), /link|no such/],
    ["/proc", () => ({ directory: "/proc/self" }), /link/],
    ["another file system", () => ({ directory: OTHER_FILE_SYSTEM }), /another file system/],
    [
      "another place for what lies in the data directory",
      () => ({ directory: realpathSync(server.data), to: "x" }),
      /lies in the data directory/,
    ],
  ];
  it.each(refused)("%s is refused as a whole", async (_what, body, reason) => {
    expect(await refusal(await ask(body()))).toMatchObject({
      status: 409,
      code: "adopt-refused",
      message: expect.stringMatching(reason),
    });
  });

  it("a link to a directory, and another server's data directory, are refused as a whole", async () => {
    write(beside, { "server/.fsdfs/identity": "x", "server/deep/a": "a" });
    symlinkSync(join(beside, "server"), join(beside, "link"));
    for (const [name, reason] of [
      ["link", /link/],
      ["link/deep", /link/],
      ["server", /another server/],
      ["server/deep", /another server/],
    ] as const) {
      const told = await refusal(await ask({ directory: join(beside, name) }));
      expect(told).toMatchObject({ code: "adopt-refused", message: expect.stringMatching(reason) });
    }
  });

  it.each([
    [{}],
    [{ directory: "" }],
    [{ directory: "relative" }],
    [{ directory: "/a\0b" }],
    [{ directory: `/${"x".repeat(5_000)}` }],
    [{ directory: 7 }],
    [{ directory: "/tmp", move: "yes" }],
    [{ directory: "/tmp", nonsense: true }],
  ])("the body %j is refused", async (body) => {
    expect(await refusal(await ask(body))).toMatchObject({ status: 400, code: "argument-invalid" });
  });

  it.each(["../up", "a//b", "a/./b"])("the destination %j is refused", async (to) => {
    expect(await refusal(await ask({ directory: beside, to }))).toMatchObject({ status: 400, code: "path-invalid" });
  });
});

describe("who may name a directory", () => {
  it("beside the data directory: only who is on the machine as the server's user, and nobody else is told what is there", async () => {
    write(beside, { a: "a" });
    const outside = await refusal(await ask({ directory: beside }, { local: null }));
    expect(outside).toMatchObject({ status: 409, code: "adopt-refused" });
    for (const local of ["", "guessed", `${SECRET}x`]) {
      for (const directory of [beside, join(beside, "none"), "/etc", "/etc/passwd", "/"]) {
        const told = await refusal(await ask({ directory }, { local }));
        expect(told.message.replace(directory, beside)).toBe(outside.message);
      }
    }
  });

  it("in it: every admin key, and no other", async () => {
    write(server.data, { "anyone/a": "a" });
    const directory = join(realpathSync(server.data), "anyone");
    for (const key of [fixture.keys.read, fixture.keys.write]) {
      expect(await refusal(await ask({ directory }, { key }))).toMatchObject({ status: 403, code: "forbidden" });
    }
    expect((await ask({ directory }, { local: null })).status).toBe(200);
  });
});

describe("an adoption that is cut off", () => {
  it("ends, lets the next one in, and is gone on with", async () => {
    // One that cannot be over at once: the disk has to read it.
    write(beside, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}`, `file ${i}`])));
    const hangUp = new AbortController();
    const response = await ask({ directory: beside, to: "cut" }, { signal: hangUp.signal });
    expect(await refusal(await ask({ directory: beside }))).toMatchObject({ status: 409, code: "adopt-running" });
    const reader = response.body!.getReader();
    await reader.read();
    hangUp.abort();
    await reader.read().catch(() => undefined);
    let after: AdoptEvent[] = [];
    await until(async () => {
      const next = await ask({ directory: beside, to: "cut" });
      if (next.status !== 200) return false;
      after = (await next.text())
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as AdoptEvent);
      return true;
    });
    const last = end(after) as AdoptEvent & { kind: "done" };
    expect(last.adopted + last.present).toBe(300);
    expect(await read("cut/299")).toBe("file 299");
  });
});
