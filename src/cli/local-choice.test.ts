import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rememberDataDirectory } from "../starting/data-directories.ts";
import { findLocalServers } from "./local-access.ts";
import { chooseLocalServer, chooseLog, oneOfTheSwarm } from "./local-choice.ts";
import { logFile } from "./log-file.ts";
import { processMark } from "./process-mark.ts";

const HERE = process.cwd();
let root: string;
const environment = () => ({ XDG_STATE_HOME: join(root, "state") });

async function dataDirectory(name: string, pid?: number, requestKey = "07".repeat(32)): Promise<string> {
  const data = join(root, name);
  await mkdir(join(data, ".fsdfs/log"), { recursive: true });
  await rememberDataDirectory(environment(), data);
  if (pid !== undefined) {
    const access = { url: "http://127.0.0.1:4242", requestKey, pid, mark: processMark(pid) };
    await writeFile(join(data, ".fsdfs/local.json"), JSON.stringify(access));
  }
  return data;
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fsdfs-choice-"));
  // Who has started a server in the checkout has a ./fsdfs-data there, which is the first that is looked at.
  process.chdir(root);
});

afterEach(async () => {
  process.chdir(HERE);
  await rm(root, { recursive: true });
});

test("the only server of this machine is meant, the one that is named, and none of several", async () => {
  expect(await chooseLocalServer(environment(), undefined, "stop")).toBeUndefined();
  const a = await dataDirectory("a", process.pid);
  await dataDirectory("stopped");
  expect(await chooseLocalServer(environment(), undefined, "stop")).toMatchObject({ data: a, pid: process.pid });
  const b = await dataDirectory("b", process.ppid);
  await expect(chooseLocalServer(environment(), undefined, "stop")).rejects.toMatchObject({
    message: expect.stringContaining("more than one server"),
    hint: expect.stringMatching(/fsdfs stop --data .*\/[ab]$/),
  });
  expect(await chooseLocalServer(environment(), b, "stop")).toMatchObject({ data: b });
});

test("of one swarm any server does, of several swarms none is chosen unless it is the one on ./fsdfs-data", async () => {
  const chosen = async () => oneOfTheSwarm(await findLocalServers(environment(), undefined))?.data;
  expect(await chosen()).toBeUndefined();
  const [a, b] = [await dataDirectory("a", process.pid), await dataDirectory("b", process.ppid)];
  expect([a, b]).toContain(await chosen());
  await dataDirectory("b", process.ppid, "08".repeat(32));
  await expect(chosen()).rejects.toMatchObject({
    message: expect.stringContaining("more than one swarm"),
    hint: expect.stringMatching(/--data .*\/[ab]$/),
  });
  const here = await dataDirectory("fsdfs-data", process.pid);
  expect(await chosen()).toBe(here);
});

test("a log is that of the server that runs, else the only one there is", async () => {
  const [a, b] = [await dataDirectory("a"), await dataDirectory("b")];
  await writeFile(logFile(a), "");
  expect(await chooseLog(environment(), undefined)).toBe(a);
  await writeFile(logFile(b), "");
  await expect(chooseLog(environment(), undefined)).rejects.toThrow("more than one log");
  const c = await dataDirectory("c", process.pid);
  expect(await chooseLog(environment(), undefined)).toBe(c);
  expect(await chooseLog(environment(), b)).toBe(b);
});
