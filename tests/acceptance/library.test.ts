/** Servers in a program of one's own: `import { startServer } from "fsdfs"`, here from the source. */
import { type ChildProcess, spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire, enableCompileCache } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import { originKey } from "../../src/core/catalog/keys.ts";
import type * as fsdfs from "../../src/package-node.ts";
import type { Policy, Prefer, ServerEvents, StartedServer, StartServerOptions } from "../../src/package-node.ts";
import { freePortPair } from "../free-ports.ts";
import { makeCertificate } from "./certificates.ts";
import { ROOT, waitFor } from "./cluster.ts";

/** As ./fsdfs has it: what is compiled once is kept. */
const COMPILED = join(ROOT, "node_modules/.cache/compiled");
enableCompileCache(COMPILED);
// By Node.js itself, as a program loads it: that all of it goes through Vitest's own loader takes as long as the tests.
const { FsdfsError, startServer } = createRequire(import.meta.url)("../../src/package-node.ts") as typeof fsdfs;

const PASSWORD = "a password of the library's tests";

let directory: string;
let servers: StartedServer[];
let key: string;
const running: ChildProcess[] = [];
const handlersBefore = handlers();
const logged: string[] = [];

/** What it knows is this program's, not the policy's alone: how much is played now. */
const played = new Map<string, number>();
const byPlays: Policy = ({ path, variables }) => (variables.keep === true ? 3 : (played.get(path) ?? 0) > 10 ? 2 : 1);
const onlyOnB: Prefer = ({ path }, { name }) => (path.startsWith("b-only/") && name !== "b" ? 0 : 1);

function handlers(): Record<string, number> {
  return Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
}

function start(name: string, more: StartServerOptions = {}): Promise<StartedServer> {
  const own = { name, data: join(directory, name), port: 0, listen: "127.0.0.1", quota: "1G" };
  return startServer({ ...own, password: PASSWORD, policy: byPlays, prefer: onlyOnB, ...more });
}

const [first, second, third] = [0, 1, 2].map((at) => () => servers[at]!) as [
  () => StartedServer,
  () => StartedServer,
  () => StartedServer,
];

/** The next event of that name which is about a path: servers make and copy files of their own too, as a policy's text. */
async function about<N extends "stored" | "pulled" | "dropped" | "moved" | "deleted">(
  server: StartedServer,
  name: N,
  path: string,
): Promise<ServerEvents[N][0]> {
  for await (const [event] of on(server, name)) if (event.path === path) return event;
  throw new Error("it tells nothing any more");
}

async function refusal(starting: Promise<unknown>): Promise<string> {
  const error = await starting.catch((thrown: unknown) => thrown);
  if (!(error instanceof FsdfsError)) throw error;
  return `${error.code}: ${error.message}`;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-library-"));
  const log = (message: string) => void logged.push(message);
  const a = await start("a", { log: { debug: log, info: log, warn: log, error: log } });
  // One with a serving process of its own, and on ports that it finds free when it comes back.
  const [port] = await freePortPair();
  const [b, c] = await Promise.all([start("b", { join: a.url }), start("c", { join: [a.url], port, processes: 1 })]);
  servers = [a, b, c];
  await waitFor("each has met the others", async () => {
    const statuses = await Promise.all(servers.map(({ client }) => client.status()));
    return statuses.every(({ servers: { up } }) => up === 3);
  });
  key = (await a.client.createKey("examples", "write")).secret;
});

afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(servers.map((server) => server.stop()));
  await rm(directory, { recursive: true });
});

describe("three servers in one program", () => {
  it("are one swarm, on free ports, and leave no trace in the process", async () => {
    expect(await first().client.status()).toMatchObject({ servers: { up: 3, total: 3 } });
    expect(new Set(servers.flatMap(({ port, swarmPort }) => [port, swarmPort])).size).toBe(6);
    expect(await readdir(third().data)).toEqual([".fsdfs"]);
    expect(handlers()).toEqual(handlersBefore);
    expect(JSON.stringify(first())).not.toContain(PASSWORD);
  });

  it("say what happens: stored, pulled, dropped, moved, deleted", async () => {
    const stored = about(first(), "stored", "music/song.ogg");
    const pulled = servers.map((server) => about(server, "pulled", "music/song.ogg"));
    const { version, copies } = await second().client.put("/music/song.ogg", "a song");
    expect(await stored).toMatchObject({ version, size: 6, created: true });
    expect(copies).toBe(2);
    expect(await Promise.race(pulled)).toMatchObject({ version, size: 6 });
    await waitFor("two copies more than N, as each of them has heard", async () => {
      const located = await Promise.all(servers.map(({ client }) => client.locate("music/song.ogg")));
      return located.every(({ copies: k, target }) => k === 3 && target === 1);
    });

    const dropped = about(third(), "dropped", "music/song.ogg");
    await third().client.drop("music/song.ogg");
    expect(await dropped).toEqual({ path: "music/song.ogg", version });

    const moved = about(first(), "moved", "music/song.ogg");
    await second().client.move("music/song.ogg", "old/song.ogg");
    expect(await moved).toEqual({ path: "music/song.ogg", to: "old/song.ogg", version });
    const deleted = about(first(), "deleted", "old/song.ogg");
    await second().client.remove("old/song.ogg");
    expect(await deleted).toEqual({ path: "old/song.ogg", version });
  });

  it("ask the program's function for N, wherever the file is looked at", async () => {
    played.set("hit.ogg", 11);
    for (const path of ["hit.ogg", "flop.ogg", "kept.ogg"]) await second().client.put(path, path);
    await third().client.setVariables("kept.ogg", { keep: true });
    const targets = async (server: StartedServer) => {
      const found = await server.client.locateMany(["hit.ogg", "flop.ogg", "kept.ogg"]);
      return found.map((location) => location?.target);
    };
    for (const server of servers) {
      await waitFor("N as the function says", async () => (await targets(server)).join() === "2,1,3");
    }
    const { version, servers: asked } = await second().client.policy();
    expect(version).not.toBeNull();
    expect(asked.map(({ state, problem }) => [state, problem])).toEqual(Array(3).fill(["current", null]));
    const inForce = await (await first().client.get("/.fsdfs/policy.ts")).text();
    expect((await first().client.tryPolicy(inForce)).lowered).toBe(0);
  });

  it("have a file where the program prefers it, and nowhere else in the end", async () => {
    await second().client.put("b-only/secret.ogg", "secret");
    await waitFor("it is on b alone", async () => {
      const { servers: holders, target } = await first().client.locate("b-only/secret.ogg");
      return target === 1 && holders.map(({ name }) => name).join() === "b";
    });
  });

  it("are told of one that stops and comes back, which nothing of it keeps in this process", async () => {
    const down = once(first(), "down");
    const { id, data, url, port } = third();
    await third().stop();
    await third().stop();
    expect(await down).toEqual([{ id, name: "c", url }]);
    await expect(fetch(url)).rejects.toThrow();
    const up = once(first(), "up");
    servers[2] = await start("c", { port, join: first().url });
    expect(third()).toMatchObject({ id, data, url });
    expect(await up).toEqual([{ id, name: "c", url }]);
  });

  it("tell a log that was given what a terminal would have been told, and nobody else", () => {
    expect(logged).toContain("the server serves");
  });
});

/** Of a checkout, as examples/README.md says. Ended with the test. */
function example(name: string, ...args: string[]): RunningExample {
  const env = {
    ...process.env,
    FSDFS_PASSWORD: PASSWORD,
    FSDFS_KEY: key,
    NODE_COMPILE_CACHE: COMPILED,
  };
  const child = spawn(process.execPath, ["--conditions=@fsdfs/source", join(ROOT, "examples", name), ...args], { env });
  const told = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told.err += text;
  });
  const ended = once(child, "close");
  running.push(child);
  return {
    says: (what) => waitFor(`${name} says ${what}: ${told.err}`, () => `${told.out}${told.err}`.includes(what)),
    out: () => told.out,
    stop: async () => {
      child.kill("SIGINT");
      const [code, signal] = await ended;
      return code ?? signal;
    },
  };
}

interface RunningExample {
  says(what: string): Promise<boolean>;
  out(): string;
  /** By Ctrl-C; how it ended. */
  stop(): Promise<unknown>;
}

describe("of the examples", () => {
  it("popularity.ts has more copies made of what its log says is played", async () => {
    const paths = ["music/hit.ogg", "music/ß.ogg", "music/flop.ogg"];
    for (const path of paths) await first().client.put(path, path);
    const line = (target: string, status = 200) =>
      `203.0.113.7 - - [27/Nov/2026:06:20:51 +0000] "GET /files/${target} HTTP/1.1" ${status} 4123456 "-" "mpv"\n`;
    const log = join(directory, "access.log");
    const plays = [
      line("music/hit.ogg").repeat(99),
      line("music/%C3%9F.ogg?x=1", 206).repeat(9),
      line("music/gone.ogg"),
    ];
    await writeFile(log, [...plays, line("music/flop.ogg", 404), line("%zz"), "nonsense\n"].join(""));
    const program = example("popularity.ts", log, join(directory, "popular"), first().url);
    await program.says("2 files have a popularity now; 1 were played");
    const targets = async () => (await second().client.locateMany(paths)).map((location) => location?.target);
    await waitFor("N by popularity", async () => (await targets()).join() === "4,3,2");
    expect(await program.stop()).toBe(0);
  });

  it("radio.ts plays what a playlist has and gets, from whoever holds it", async () => {
    const songs = [1, 2, 3].map((at) => ({ path: `songs/${at}.ogg`, content: `song ${at}, `.repeat(20_000) }));
    for (const { path, content } of songs) await first().client.put(path, content);
    await second().client.put("/evening.m3u", "#EXTM3U\nsongs/1.ogg\nsongs/none.ogg\nsongs/2.ogg\n");
    const program = example("radio.ts", first().url, "/evening.m3u");
    const heard = (count: number) => {
      const wanted = songs
        .slice(0, count)
        .map(({ content }) => content)
        .join("");
      return waitFor(`${count} songs`, () => program.out() === wanted);
    };
    await heard(2);
    await program.says("There is no file or directory songs/none.ogg.");
    const list = await (await first().client.get("/evening.m3u")).text();
    await second().client.put("/evening.m3u", `${list}songs/3.ogg\n`);
    await heard(3);
    await program.stop();
  });

  it("mirror.ts keeps a directory of the swarm as one of this machine is", async () => {
    const local = join(directory, "mirrored");
    await mkdir(join(local, "deep"), { recursive: true });
    await writeFile(join(local, "a.ogg"), "a");
    await writeFile(join(local, "deep/b.ogg"), "b");
    await first().client.put("/mirror/old.ogg", "old");
    await first().client.put("/mirror/a.ogg", "a");
    const { version } = await first().client.head("/mirror/a.ogg");
    const program = example("mirror.ts", local, first().url, "/mirror");
    const mirrored = async () => {
      const names: string[] = [];
      for await (const { name, type } of second().client.listAll("/mirror", { recursive: true })) {
        if (type === "file") names.push(name);
      }
      return names.join();
    };
    await program.says("it is the same");
    expect(await mirrored()).toBe("a.ogg,deep/b.ogg");
    expect((await first().client.head("/mirror/a.ogg")).version).toBe(version);
    await writeFile(join(local, "c.ogg"), "c");
    await rm(join(local, "deep"), { recursive: true });
    await waitFor("the mirror follows", async () => (await mirrored()) === "a.ogg,c.ogg");
    await program.stop();
  });
});

describe("a server that must not start", () => {
  it("says so like the command line, and leaves nothing behind", async () => {
    const { port, data } = first();
    const handlersThen = handlers();
    expect(await refusal(start("d", { data }))).toBe("data-in-use: Another fsdfs is running on this data directory.");
    expect(await refusal(start("d", { port }))).toBe(`port-in-use: Port ${port} is taken by another program.`);
    const tls = { tlsCert: join(directory, "none.pem"), tlsKey: join(directory, "none.key") };
    expect(await refusal(start("d", tls))).toBe(
      "option-invalid: tlsCert is not valid: the file cannot be read (ENOENT).",
    );
    // A reserved address is none of any machine.
    for (const ports of [{ processes: 0 }, { processes: 1 }, { port, swarmPort: 0 }]) {
      expect(await refusal(start("d", { ...ports, listen: "240.0.0.1" }))).toBe(
        "option-invalid: listen is not valid: 240.0.0.1 is no address of this machine that can be listened on (EADDRNOTAVAIL).",
      );
    }
    const unreadable = { data: join(directory, "d"), passwordFile: directory };
    expect(await refusal(startServer(unreadable))).toBe(
      "password-unreadable: The password file gives no password: EISDIR.",
    );
    const late = start("d", { join: "127.0.0.1:1", signal: AbortSignal.timeout(200) });
    await expect(late).rejects.toMatchObject({ name: "TimeoutError" });
    expect(handlers()).toEqual(handlersThen);
  });
});

it("a server whose catalog is damaged says what to do", async () => {
  const data = join(directory, "damaged");
  const own = { data, port: 0, listen: "127.0.0.1", quota: "1G", password: "another password", discovery: false };
  await (await startServer(own)).stop();
  const catalog = openLmdbCatalogStore(join(data, ".fsdfs/catalog"));
  await catalog.write((view) => view.put(originKey(0), Uint8Array.of(99)));
  await catalog.close();
  expect(await refusal(startServer(own))).toMatch(/^catalog-unreadable: .*unknown format 99/);
});

it("a server by HTTPS, with a password that it makes itself, stops at the end of its block", async () => {
  const { cert: tlsCert, key: tlsKey } = await makeCertificate(directory, "any-name");
  const data = join(directory, "secure");
  const own = { data, port: 0, listen: "127.0.0.1", quota: "1G", tlsCert, tlsKey };
  let url: string;
  {
    await using server = await startServer(own);
    url = server.url;
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    await server.client.put("/a", "a");
    expect(await (await server.client.get("/a")).text()).toBe("a");
    expect(await readFile(join(data, ".fsdfs/password"), "utf8")).toBe(`${server.password}\n`);
  }
  await expect(fetch(url)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
});

it("a server that was stopped leaves nothing open, and nothing that a program would wait for", async () => {
  const program = [
    'import { readdirSync, readlinkSync } from "node:fs";',
    'import { setImmediate } from "node:timers/promises";',
    'import { startServer } from "fsdfs";',
    "const data = process.argv[1];",
    "const server = await startServer({ data, port: 0, listen: '127.0.0.1', quota: '1G' });",
    "await server.client.put('/a/b', 'ab');",
    "await server.client.setPolicy('export default () => 2;');", // Its process is being begun then.
    "await server.stop();",
    "const waits = () => process.getActiveResourcesInfo().some((what) => /^(Timeout|ProcessWrap)$/.test(what));",
    "for (const end = performance.now() + 1000; waits() && performance.now() < end; ) await setImmediate();",
    "const isOpen = (at) => { try { return readlinkSync('/proc/self/fd/' + at).startsWith(data); } catch {} };",
    "console.log(JSON.stringify([waits(), readdirSync('/proc/self/fd').filter(isOpen).length]));",
  ].join("\n");
  const flags = ["--conditions=@fsdfs/source", "--input-type=module", "-e", program];
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILED };
  const child = spawn(process.execPath, [...flags, join(directory, "alone")], { cwd: ROOT, env });
  running.push(child);
  const [out] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(out).toBe("[false,0]\n");
});
