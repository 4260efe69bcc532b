/**
 * The whole disk is not what it was (S8, S9): emptied or exchanged under its state, shared by two servers, read-only, or
 * gone and back under a running server. A server that cannot trust its disk does not start, and says why.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePortPair } from "../free-ports.ts";
import { type Cluster, createCluster, PROGRAM, type RealServer, type RunningProcess, waitFor } from "./cluster.ts";
import { digests, read, readPlainFiles, sha256Of } from "./disk-tree.ts";

/** More than an operator loses by hand (S8). */
const FILES = 30;
const FILE_BYTES = 20_000;

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster();
});

afterEach(() => cluster.close());

/** Puts files and waits until every server holds them all. Answers their digests by path. */
async function putFiles(servers: readonly RealServer[]): Promise<Map<string, string>> {
  const expected = new Map<string, string>();
  const put = async (path: string, { client }: RealServer) => {
    const content = randomBytes(FILE_BYTES);
    const source = async function* () {
      yield content;
    };
    await client.put(path, { sizeBytes: content.length, open: source });
    expected.set(path, sha256Of(content));
  };
  await Promise.all(
    Array.from({ length: FILES }, (_, at) => put(`music/${at}.ogg`, servers[at % servers.length] as RealServer)),
  );
  for (const server of servers) await hasAll(server, expected);
  return expected;
}

async function hasAll({ name, data }: RealServer, expected: ReadonlyMap<string, string>): Promise<void> {
  const wanted = JSON.stringify([...expected].sort(([a], [b]) => (a < b ? -1 : 1)));
  const has = async () => JSON.stringify(digests(await readPlainFiles(data))) === wanted;
  await waitFor(`${name} has everything on its disk`, has);
}

async function refusal(process: RunningProcess): Promise<string> {
  const { code } = await process.exited;
  expect(code, process.output()).toBeGreaterThan(0);
  expect(process.output()).not.toMatch(/\n\s+at /);
  return process.output();
}

async function startArguments(data: string, ...more: string[]): Promise<string[]> {
  const [port, swarmPort] = await freePortPair();
  const network = ["--listen", "127.0.0.1", "--no-discovery", "--port", `${port}`, "--swarm-port", `${swarmPort}`];
  return ["--data", data, ...network, "--password", cluster.password, ...more];
}

describe("a data directory beside its state", () => {
  test("that was emptied is refused; with its files back the server is the same (S9)", async () => {
    const state = join(cluster.directory, "state");
    await cluster.start({ args: ["--state", state] });
    const kept = await cluster.start();
    await cluster.whole();
    const server = cluster.servers[0] as RealServer;
    const expected = await putFiles([server, kept]);
    const { server: id } = await server.client.health();
    await server.stop();
    await rename(server.data, `${server.data}.away`);
    for (const empty of [true, false]) {
      if (empty) await mkdir(server.data);
      else await rm(server.data, { recursive: true });
      expect(await refusal(cluster.launch(await startArguments(server.data, "--state", state)))).toMatch(/mounted\?/);
      expect(await readdir(server.data).catch(() => [])).toEqual([]);
    }
    await rename(`${server.data}.away`, server.data);
    const again = await server.restart();
    expect((await again.client.health()).server).toBe(id);
    await hasAll(again, expected);
  });

  test("that belongs to another server is refused, and neither is changed (S9)", async () => {
    const states = ["state-a", "state-b"].map((name) => join(cluster.directory, name));
    for (const state of states) await cluster.start({ args: ["--state", state] });
    await cluster.whole();
    const [first, second] = cluster.servers as [RealServer, RealServer];
    const expected = await putFiles([first, second]);
    await Promise.all([first.stop(), second.stop()]);
    const crossed = await startArguments(first.data, "--state", states[1] as string);
    expect(await refusal(cluster.launch(crossed))).toMatch(/belong to two different servers/);
    await Promise.all([first.restart(), second.restart()]);
    await cluster.whole();
    for (const server of cluster.servers) await hasAll(server, expected);
  });

  test("is not enough to keep two servers apart: one state directory takes one server (S9)", async () => {
    const state = join(cluster.directory, "state");
    const server = await cluster.start({ args: ["--state", state] });
    const other = cluster.launch(await startArguments(join(cluster.directory, "other"), "--state", state));
    expect(await refusal(other)).toMatch(/Another fsdfs is running/);
    await waitFor("the first one serves", async () => (await server.client.health()).status === "ok");
  });
});

test("of several servers that are started at once on one data directory, exactly one runs (S9)", async () => {
  const data = join(cluster.directory, "wanted");
  const each = await Promise.all(Array.from({ length: 3 }, () => startArguments(data)));
  const started = each.map((args) => cluster.launch(args));
  await waitFor("all but one have ended", () => started.filter((process) => process.running()).length === 1);
  await waitFor("one runs", () => started.some((process) => process.running() && process.output().includes("URL")));
  for (const process of started) {
    if (!process.running()) expect(await refusal(process)).toMatch(/Another fsdfs is running/);
  }
});

describe("a read-only disk", () => {
  const available = mountsAvailable();
  let child: ChildProcess | undefined;

  afterEach(async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  });

  /** Starts a server in a mount namespace of its own, in which its data directory cannot be written. */
  async function startReadOnly(data: string, ...more: string[]): Promise<{ code: number; output: string }> {
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
    const command = [PROGRAM, "start", ...(await startArguments(data, ...more))];
    child = spawn("unshare", ["--mount", "sh", "-c", script, data, ...command], { env: cluster.environment });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk));
    const [code] = (await once(child, "close")) as [number];
    return { code, output };
  }

  test.runIf(available)(
    "is refused in words, new or used, and a used one is whole when it can be written again",
    async () => {
      const fresh = join(cluster.directory, "fresh");
      await mkdir(fresh);
      const server = await cluster.start();
      const state = ["--state", join(cluster.directory, "state")];
      const other = await cluster.start({ args: state, join: [] });
      const expected = await putFiles([server]);
      await Promise.all([server.stop(), other.stop()]);
      for (const [data, more] of [
        [fresh, []],
        [server.data, []],
        [other.data, state],
      ] as const) {
        const { code, output } = await startReadOnly(data, ...more);
        expect(code).toBeGreaterThan(0);
        expect(output).toMatch(/The data directory cannot be written/);
        expect(output).not.toMatch(/\n\s+at /);
      }
      expect(await readdir(fresh)).toEqual([]);
      const again = await server.restart();
      for (const [path, sha256] of expected) expect(sha256Of(await read(again.client, path))).toBe(sha256);
    },
  );
});

function mountsAvailable(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("files that vanish in numbers under a running server are read from others, and are its own when they are back (S8)", async () => {
  for (let at = 0; at < 3; at++) await cluster.start();
  await cluster.whole();
  const expected = await putFiles(cluster.servers);
  const server = cluster.servers[1] as RealServer;
  const before = await readPlainFiles(server.data);
  const music = join(server.data, "music");
  await rename(music, join(cluster.directory, "away"));
  for (const [path, sha256] of expected) expect(sha256Of(await read(server.client, path)), path).toBe(sha256);
  expect(server.output()).toContain("many files have vanished");
  // What was taken for an operator's doing, before it was too much, is copied anew.
  const anew = await readPlainFiles(server.data);
  expect(anew.size).toBeLessThan(FILES / 2);
  await mkdir(music, { recursive: true });
  for (const name of await readdir(join(cluster.directory, "away"))) {
    if (!anew.has(`music/${name}`)) await rename(join(cluster.directory, "away", name), join(music, name));
  }
  for (const [path, sha256] of expected) expect(sha256Of(await read(server.client, path)), path).toBe(sha256);
  await hasAll(server, expected);
  const after = await readPlainFiles(server.data);
  const same = [...before].filter(([path, { inode }]) => after.get(path)?.inode === inode);
  expect(same.length).toBeGreaterThan(FILES / 2);
  for (const path of expected.keys()) expect((await server.client.locate(path)).copies).toBe(3);
});
