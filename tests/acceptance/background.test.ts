/** `fsdfs start --detach`, `stop` and `logs`: a server in the background, and the end of any. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockDirectory } from "../../src/adapters/disk/lock.ts";
import { readLocalAccess } from "../../src/cli/local-access.ts";
import { isRunning } from "../../src/cli/process-mark.ts";
import { freePortPair, listenOn } from "../free-ports.ts";
import { type Cluster, createCluster, GREETING, PROGRAM, waitFor } from "./cluster.ts";

let cluster: Cluster;
let detached: string[];

beforeEach(async () => {
  cluster = await createCluster();
  detached = [];
});

afterEach(async () => {
  const left = await Promise.all(detached.map(readLocalAccess));
  for (const server of left) if (server !== undefined) process.kill(server.pid, "SIGKILL");
  await cluster.close();
});

async function detach(name: string, port?: number) {
  const data = join(cluster.directory, name);
  detached.push(data);
  const args = ["--listen", "127.0.0.1", "--no-discovery", "--port", `${port ?? (await freePortPair())[0]}`];
  return { data, ...(await cluster.cli(["start", "--detach", "--data", data, ...args])) };
}

test("a start whose output nobody takes goes on, and ends in order", async () => {
  const data = join(cluster.directory, "unheard");
  const args = ["--data", data, "--listen", "127.0.0.1", "--no-discovery", "--port", `${(await freePortPair())[0]}`];
  const environment = { ...process.env, ...cluster.environment };
  const child = spawn(PROGRAM, ["start", ...args], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const ended = Promise.all([text(child.stderr), once(child, "close")]);
  await waitFor("it serves, or ends", async () => child.exitCode !== null || (await readLocalAccess(data)));
  await cluster.cli(["status", "--data", data]);
  const stopped = await cluster.cli(["stop", "--data", data]);
  const [told, [code]] = await ended;
  expect({ code, told, stopped }).toEqual({
    code: 0,
    told: expect.stringContaining("fsdfs: stopping"),
    stopped: { code: 0, stdout: expect.stringContaining("Stopped the server"), stderr: "" },
  });
});

describe("a start in the background", () => {
  test("comes back when the server serves, with what a start prints; the log tells, and stop ends it", async () => {
    const started = await detach("a");
    expect(started).toMatchObject({ code: 0, stderr: "" });
    expect(started.stdout).toContain(GREETING);
    expect(started.stdout).toContain(`fsdfs stop --data ${started.data}`);
    const status = await cluster.cli(["status", "--data", started.data]);
    expect(status.stdout).toContain("1 up of 1");

    const logs = await cluster.cli(["logs", "--data", started.data]);
    expect(logs.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d info {2}the server serves {2}name=/);
    const json = await cluster.cli(["logs", "--json", "-n", "1"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ level: "info" });
    const password = (await readFile(join(started.data, ".fsdfs/password"), "utf8")).trim();
    expect(started.stdout).toContain(password);
    expect(await readFile(join(started.data, ".fsdfs/log/server.log"), "utf8")).not.toContain(password);

    const pid = (await readLocalAccess(started.data))?.pid ?? 0;
    const again = await cluster.cli(["start", "--detach", "--data", started.data]);
    expect(again).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("Another fsdfs is running") });
    expect(await cluster.cli(["stop"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`Stopped the server on ${started.data} (process ${pid})`),
    });
    expect(isRunning(pid, undefined)).toBe(false);
    expect(await cluster.cli(["stop", "--data", started.data])).toMatchObject({
      code: 0,
      stdout: `No server runs on ${started.data}.\n`,
    });
    expect((await cluster.cli(["logs"])).stdout).toContain("fsdfs: stopping");
  });

  test("fails as a start in the foreground does", async () => {
    const [port] = await freePortPair();
    const program = await listenOn(port);
    const refused = await detach("a", port);
    await program.close();
    expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining(`Port ${port} is taken`) });
    expect(await detach("b", 0)).toMatchObject({ code: 2, stderr: expect.stringContaining("--port is not valid") });
  });
});

describe("a start that fails when its server serves already", () => {
  test.each([
    ["in the background", ["--detach"]],
    ["in the foreground", []],
  ])("ends the server, and tells why: %s", async (_where, detached) => {
    const data = join(cluster.directory, "a");
    // Where a start leaves word for this machine's other commands.
    await mkdir(join(data, ".fsdfs/local.json/in-the-way"), { recursive: true });
    const [port] = await freePortPair();
    const args = ["--data", data, "--listen", "127.0.0.1", "--no-discovery", "--port", `${port}`];
    const failed = await cluster.cli(["start", ...detached, ...args]);
    expect(failed).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("local.json") });
    await (await listenOn(port)).close();
  });
});

describe("stop", () => {
  test("ends a server in the foreground as well, which has no log of its own", async () => {
    const server = await cluster.start();
    expect(await cluster.cli(["logs", "--data", server.data])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("logs to its standard error"),
    });
    expect(await cluster.cli(["stop", "--data", server.data])).toMatchObject({ code: 0 });
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  test("leaves a process alone that got the number of a server that was killed, and so does a start", async () => {
    const server = await cluster.start();
    const file = join(server.data, ".fsdfs/local.json");
    const traces = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    await server.kill();
    const stranger = spawn("sleep", ["60"]);
    // Without a mark, as where the system has no /proc, the lock of the directory tells.
    for (const mark of [traces.mark, undefined]) {
      await writeFile(file, JSON.stringify({ ...traces, mark, pid: stranger.pid }));
      expect(await cluster.cli(["stop", "--data", server.data])).toMatchObject({
        code: 0,
        stdout: `No server runs on ${server.data}.\n`,
      });
    }
    expect(stranger.signalCode).toBeNull();
    await (await server.restart()).answers();
    stranger.kill();
  });

  test("says so when it cannot reach what holds the directory, and when a server does not end in time", async () => {
    const server = await cluster.start();
    server.signal("SIGSTOP");
    const late = await cluster.cli(["stop", "--data", server.data, "--timeout", "200ms"]);
    server.signal("SIGCONT");
    expect(late).toMatchObject({ code: 1, stderr: expect.stringContaining("still runs after 0.2 s") });
    await server.exited;
    const unlock = await lockDirectory(join(server.data, ".fsdfs"));
    const stopped = await cluster.cli(["stop", "--data", server.data, "--timeout", "200ms"]);
    await unlock();
    expect(stopped).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be stopped from here") });
  });
});
