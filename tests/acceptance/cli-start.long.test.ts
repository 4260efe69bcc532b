/** `./fsdfs start` on a real machine: what it prints, what it refuses, how it ends, what it finds again. */
import { access, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePortPair, listenOn } from "../free-ports.ts";
import { type Cluster, createCluster, GREETING, type RunningProcess, waitFor } from "./cluster.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster();
});

afterEach(() => cluster.close());

const LOOPBACK = ["--listen", "127.0.0.1", "--no-discovery"];

/** Ends by itself, with what it says. */
async function refusal(process: RunningProcess): Promise<string> {
  const { code } = await process.exited;
  expect(code).toBe(1);
  expect(process.output()).toMatch(/^fsdfs: .*\n.+\n$/m);
  return process.output();
}

describe("a start without options", () => {
  test("makes a password and prints what the next server needs, which then joins by that line", async () => {
    const [port, swarmPort] = await freePortPair();
    const first = cluster.launch(["--port", `${port}`, ...LOOPBACK]);
    await waitFor("it tells where it is", () => first.output().includes(GREETING));
    const data = join(cluster.directory, "fsdfs-data");
    const password = (await readFile(join(data, ".fsdfs/password"), "utf8")).trim();
    expect((await stat(join(data, ".fsdfs/password"))).mode & 0o777).toBe(0o600);
    expect((await stat(join(data, ".fsdfs/local.json"))).mode & 0o777).toBe(0o600);
    expect(password).toMatch(/^[a-z2-9]{26}$/);
    expect(first.output()).toContain(`http://127.0.0.1:${port}`);

    const line = /from afar +\.\/fsdfs start (.*)/.exec(first.output())?.[1] ?? "";
    expect(line).toBe(`--password ${password} --join 127.0.0.1:${port}`);
    const [secondPort] = await freePortPair();
    const second = cluster.launch([...line.split(" "), ...LOOPBACK, "--data", "second", "--port", `${secondPort}`]);
    await waitFor("two servers are up", async () => {
      if (!second.running()) throw new Error(second.output());
      const { code, stdout } = await cluster.cli(["status", "--json"]);
      return code === 0 && (JSON.parse(stdout) as { servers: { up: number } }).servers.up === 2;
    });
    expect(swarmPort).toBe(port + 1);
  });

  test("prints a curl line that puts a file when it is typed as it stands", async () => {
    const server = await cluster.start();
    const put = /Put a file +(curl .*)/.exec(server.output())?.[1] ?? "";
    const key = await cluster.cli(["key", "create", "--data", server.data]);
    const [, url] = / -T song\.ogg (\S+)$/.exec(put) ?? [];
    expect(put).toContain(`$(./fsdfs key create --data ${server.data})`);
    const response = await fetch(url ?? "", {
      method: "PUT",
      body: "music",
      headers: { authorization: `Bearer ${key.stdout.trim()}` },
    });
    expect(response.status).toBe(201);
    expect(await readFile(join(server.data, "song.ogg"), "utf8")).toBe("music");
  });

  test("never shows a password that it was given", async () => {
    const server = await cluster.start();
    expect(server.output()).not.toContain(cluster.password);
  });
});

describe("it refuses", () => {
  test("a second server on one data directory", async () => {
    const server = await cluster.start();
    const [port] = await freePortPair();
    const second = cluster.launch(["--data", server.data, "--port", `${port}`, ...LOOPBACK]);
    expect(await refusal(second)).toContain("Another fsdfs is running on this data directory");
    await cluster.whole();
  });

  test("a port that any program has, for clients or for servers, and leaves nothing running", async () => {
    const [port, swarmPort] = await freePortPair();
    for (const taken of [port, swarmPort]) {
      const program = await listenOn(taken);
      const server = cluster.launch(["--port", `${port}`, "--data", `taken-${taken}`, ...LOOPBACK]);
      expect(await refusal(server)).toContain(`Port ${taken} is taken by another program`);
      await program.close();
    }
  });

  test("a data directory that had a server and has lost every trace of it, unless --new says so (S9)", async () => {
    const server = await cluster.start();
    await server.stop();
    await rm(join(server.data, ".fsdfs"), { recursive: true });
    const args = ["--data", server.data, "--port", `${server.port}`, ...LOOPBACK];
    expect(await refusal(cluster.launch(args))).toContain("--new");
    // As the mount point of a disk that is not mounted: empty.
    await rm(server.data, { recursive: true });
    expect(await refusal(cluster.launch(args))).toContain("Is its disk mounted?");
    const anew = cluster.launch([...args, "--new"]);
    await waitFor("it comes up", () => anew.output().includes(GREETING));
  });

  test("to run without its traces, by which the other commands find it, and ends", async () => {
    const [port] = await freePortPair();
    const data = join(cluster.directory, "traceless");
    const inTheWay = join(data, ".fsdfs/local.json");
    await mkdir(join(inTheWay, "x"), { recursive: true });
    const args = ["--data", data, "--port", `${port}`, "--new", ...LOOPBACK];
    expect(await refusal(cluster.launch(args))).toContain("cannot leave in its data directory");
    const detached = await cluster.cli(["start", "--detach", ...args]);
    expect(detached).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("cannot leave in") });
    // Nothing holds the directory or the ports any more.
    await rm(inTheWay, { recursive: true });
    const again = cluster.launch(args);
    await waitFor("it comes up", () => again.output().includes(GREETING));
  });

  test("to serve where its processes cannot meet, and leaves nothing running", async () => {
    const [port] = await freePortPair();
    const data = join(cluster.directory, "unmet");
    const inTheWay = join(data, ".fsdfs/control.sock");
    await mkdir(join(inTheWay, "x"), { recursive: true });
    const args = ["--data", data, "--port", `${port}`, "--new", "--processes", "1", ...LOOPBACK];
    expect(await refusal(cluster.launch(args))).toContain("cannot be written");
    await rm(inTheWay, { recursive: true });
    const again = cluster.launch(args);
    await waitFor("it comes up", () => again.output().includes(GREETING));
  });

  test("a data directory that cannot be one", async () => {
    await writeFile(join(cluster.directory, "file"), "");
    const [port] = await freePortPair();
    const server = cluster.launch(["--data", "file/data", "--port", `${port}`, ...LOOPBACK]);
    expect(await refusal(server)).toContain("cannot be written");
  });
});

describe("a wrong password", () => {
  test("keeps a server out, and both sides say so", async () => {
    const first = await cluster.start();
    const stranger = await cluster.start({ password: "quite-another-password-0123456789" });
    await waitFor("the one that asks says so", () => /another password|wrong-password/i.test(stranger.output()));
    await waitFor("the one that is asked says so", () => /another password/i.test(first.output()));
    expect((await first.client.status()).servers.total).toBe(1);
  });

  test("a weak one is warned of", async () => {
    const server = await cluster.start({ password: "music" });
    expect(server.output()).toContain("that password is weak");
  });
});

describe("its end", () => {
  test("SIGTERM and SIGINT end it with 0 within 5 s, and take back what the other commands find it by", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const server = await cluster.start({ name: signal });
      const before = performance.now();
      server.signal(signal);
      expect(await server.exited).toEqual({ code: 0, signal: null });
      expect(performance.now() - before).toBeLessThan(5000);
      await expect(access(join(server.data, ".fsdfs/local.json"))).rejects.toThrow("ENOENT");
    }
  });

  test("a signal while an upload is under way ends it all the same", async () => {
    const server = await cluster.start();
    const { promise: never } = Promise.withResolvers<void>();
    let asked = false;
    const upload = server.client.put("half", {
      sizeBytes: 1_000_000,
      once: true,
      open: async function* () {
        yield new Uint8Array(1000);
        asked = true;
        await never;
      },
    });
    upload.catch(() => undefined);
    await waitFor("the upload is under way", () => asked);
    const before = performance.now();
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeLessThan(5000);
    await expect(access(join(server.data, "half"))).rejects.toThrow("ENOENT");
  });
});

describe("a further start", () => {
  test("is the same server without a password given, on other ports, with its files", async () => {
    const first = await cluster.start();
    const { server: id } = await first.client.health();
    await first.client.put("kept.txt", { sizeBytes: 4, open: () => chunks("kept") });
    await first.stop();
    const [port] = await freePortPair();
    const again = cluster.launch(["--data", first.data, "--port", `${port}`, ...LOOPBACK]);
    await waitFor("it comes up", () => again.output().includes(GREETING));
    const health = await cluster.cli(["servers", "--json", "--data", first.data]);
    expect(JSON.parse(health.stdout)).toMatchObject({ servers: [{ id, files: 1 }] });
    expect((await cluster.cli(["get", "kept.txt", "-", "--data", first.data])).stdout).toBe("kept");
  });

  test("follows a kill -9: the stale traces are in nobody's way", async () => {
    const server = await cluster.start();
    await server.client.put("kept.txt", { sizeBytes: 4, open: () => chunks("kept") });
    await server.kill();
    expect((await cluster.cli(["ls", "--data", server.data])).stderr).toContain("No server of yours runs");
    const again = await server.restart();
    expect((await again.client.head("kept.txt")).size).toBe(4);
  });
});

async function* chunks(text: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield new TextEncoder().encode(text);
}
