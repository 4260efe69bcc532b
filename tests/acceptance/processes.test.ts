/** Serving processes of a real server: what one is told holds in all, and what ends one ends nothing else. */
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent, get, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { childrenOf, goOn, runs, standStill } from "./pids.ts";

const LARGE_BYTES = 8 * 1024 * 1024;

let cluster: Cluster;
let server: RealServer;
let key: string;

beforeAll(async () => {
  cluster = await createCluster();
  server = await cluster.start({ args: ["--processes", "2"] });
  await cluster.whole();
  key = (await server.client.createKey("test", "admin")).secret;
  await put("large.bin", new Uint8Array(LARGE_BYTES));
});
afterAll(() => cluster.close());

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Over a connection of its own, so that any of the processes may take it. */
function send(method: string, path: string, secret: string, content?: string | Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${secret}` };
    request(server.url + path, { method, headers, agent: new Agent({ keepAlive: false }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    })
      .on("error", reject)
      .end(content);
  });
}

const ask = (path: string, secret = key) => send("GET", path, secret);

async function put(path: string, content: string | Uint8Array): Promise<void> {
  expect((await send("PUT", `/files/${path}`, key, content)).status).toBeLessThan(300);
}

const askMany = (path: string, times = 6, secret = key) =>
  Promise.all(Array.from({ length: times }, () => ask(path, secret)));

const serving = () => childrenOf(server.pid);

/** A plain request is answered by another part of a serving process than one that says more. */
function headersOf(method: string, path: string, more: Record<string, string>): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, ...more };
    const agent = new Agent({ keepAlive: false });
    request(server.url + path, { method, headers, agent }, (response) => {
      response.resume().on("end", () => {
        const { date: _, ...rest } = response.headers;
        resolve({ status: response.statusCode, ...rest });
      });
    })
      .on("error", reject)
      .end();
  });
}

describe("serving processes", () => {
  it("are as many as were asked for", () => {
    expect(serving()).toHaveLength(2);
  });

  it("P5: what one acknowledges is read, listed and located through every other at once", async () => {
    for (let round = 0; round < 15; round++) {
      const path = `rounds/${round}.txt`;
      await put(path, `round ${round}`);
      const bodies = (await askMany(`/files/${path}`)).map(({ body }) => body);
      expect(new Set(bodies)).toEqual(new Set([`round ${round}`]));
      for (const { body } of await askMany("/files/rounds/", 3))
        expect(JSON.parse(body).entries).toHaveLength(round + 1);
      for (const { status } of await askMany(`/locate/${path}`, 3)) expect(status).toBe(200);
    }
    await put("rounds/0.txt", "written again");
    for (const { body } of await askMany("/files/rounds/0.txt")) expect(body).toBe("written again");
    await server.client.remove("rounds/0.txt");
    for (const { status } of await askMany("/files/rounds/0.txt")) expect(status).toBe(404);
  });

  it("many files in one request are located as one by one, and a long page is whole, however many ask at once", async () => {
    const directories = Array.from({ length: 300 }, (_, i) => `many/${String(i).padStart(3, "0")}`);
    for (const path of directories) expect((await send("PUT", `/files/${path}/`, key)).status).toBe(201);
    await put("many/song", "sung");
    const paths = Array.from({ length: 250 }, (_, i) => (i % 3 === 0 ? "many/song" : `many/none-${i}`));
    const { version } = JSON.parse((await ask("/locate/many/song")).body);
    const content = JSON.stringify({ paths });
    const located = Array.from({ length: 4 }, () => send("POST", "/locate", key, content));
    const listed = askMany("/files/many/?limit=10000", 4);
    for (const { body } of await Promise.all(located)) {
      const versions = JSON.parse(body).files.map((file: { version: string } | null) => file?.version);
      expect(versions).toEqual(paths.map((path) => (path === "many/song" ? version : undefined)));
    }
    const names = [...directories.map((path) => path.slice("many/".length)), "song"];
    for (const { body } of await listed) {
      expect(JSON.parse(body).entries.map(({ name }: { name: string }) => name)).toEqual(names);
    }
  });

  it("a key that is revoked opens nothing at any of them", async () => {
    const { id, secret } = await server.client.createKey("short", "read");
    for (const { status } of await askMany("/files/large.bin", 4, secret)) expect(status).toBe(200);
    await server.client.revokeKey(id);
    for (const { status } of await askMany("/files/large.bin", 8, secret)) expect(status).toBe(401);
  });

  it("answer a plain request like one that says more and asks for the same", async () => {
    await put("page.html", "<p>hello</p>");
    for (const path of [
      "/files/page.html",
      "/files/large.bin",
      "/files/",
      "/files/none",
      "/locate/page.html",
      "/locate/no",
    ]) {
      const plain = await headersOf("GET", path, {});
      expect(await headersOf("GET", path, { "if-none-match": '"another"' })).toEqual(plain);
      expect(await headersOf("GET", `${path}?redirect=auto`.replace("/?redirect=auto", "/"), {})).toEqual(plain);
    }
    const part = await headersOf("GET", "/files/page.html", { range: "bytes=3-7" });
    expect(part).toMatchObject({ status: 206, "content-length": "5", "content-range": "bytes 3-7/12" });
    expect((await headersOf("GET", "/files//page.html", {})).status).toBe(400);
  });

  it("S5, P4: do not serve a file that somebody has changed, nor follow a link to another", async () => {
    await put("edited.txt", "as it was put");
    await put("moved-away.txt", "as it was put");
    expect((await ask("/files/edited.txt")).body).toBe("as it was put");
    writeFileSync(join(server.data, "edited.txt"), "as it is now.");
    rmSync(join(server.data, "moved-away.txt"));
    symlinkSync("/etc/hostname", join(server.data, "moved-away.txt"));
    for (const path of ["edited.txt", "moved-away.txt"]) {
      for (const { status } of await askMany(`/files/${path}`)) expect(status).toBeGreaterThanOrEqual(400);
    }
  });

  it("tell the same of the swarm", async () => {
    const answers = (await askMany("/status", 8)).map(({ body }) => body);
    expect(new Set(answers).size).toBe(1);
  });

  it("when one stands still, the others go on serving", async () => {
    const [first = 0, second = 0] = serving();
    for (const pid of [first, second]) {
      await standStill(pid);
      try {
        for (const { status } of await askMany("/files/large.bin")) expect(status).toBe(200);
        await put("while-stopped", String(pid));
        expect((await ask("/files/while-stopped")).body).toBe(String(pid));
      } finally {
        goOn(pid);
      }
    }
  });

  it("when one is killed, only its own requests are lost, and another takes its place", async () => {
    for (const pid of serving()) {
      process.kill(pid, "SIGKILL");
      await waitFor("it is gone", () => !runs(pid));
      for (const { status } of await askMany("/files/large.bin")) expect(status).toBe(200);
      await waitFor("another has taken its place", () => serving().length === 2);
    }
    expect(server.output()).toContain("a serving process has ended");
  });

  it("when both are killed at once, requests wait for those that take their places", async () => {
    for (const pid of serving()) process.kill(pid, "SIGKILL");
    for (const { status } of await askMany("/files/large.bin")) expect(status).toBe(200);
    await waitFor("both are replaced", () => serving().length === 2);
  });

  it("end when the control process is killed, and give the port back", async () => {
    const pids = serving();
    await server.kill();
    await waitFor("they have ended", () => !pids.some(runs));
    server = await server.restart();
    await cluster.whole();
    expect((await ask("/files/rounds/1.txt")).body).toBe("round 1");
  });

  it("let what is under way end when the server is stopped", async () => {
    const pids = serving();
    await put("slow.bin", new Uint8Array(LARGE_BYTES));
    const received = new Promise<number>((resolve, reject) => {
      get(`${server.url}/files/slow.bin`, { headers: { authorization: `Bearer ${key}` } }, async (response) => {
        const exited = server.stop();
        let bytes = 0;
        for await (const chunk of response) bytes += (chunk as Buffer).length;
        const { code } = await exited;
        resolve(code === 0 ? bytes : -1);
      }).on("error", reject);
    });
    expect(await received).toBe(LARGE_BYTES);
    expect(pids.some(runs)).toBe(false);
  });
});

describe("a server without serving processes", () => {
  it("serves by itself", async () => {
    server = await server.restart({ args: ["--processes", "0"] });
    await cluster.whole();
    expect(serving()).toEqual([]);
    expect((await ask("/files/rounds/1.txt")).body).toBe("round 1");
  });
});
