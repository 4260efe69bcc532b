/** `fsdfs demo` where nobody looks on: it plays to its end and leaves nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeSong } from "../../src/cli/demo/songs.ts";
import { PROGRAM, waitFor } from "./cluster.ts";

let directory: string;
let temporary: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-demo-test-"));
  temporary = join(directory, "tmp");
  await mkdir(temporary);
});

afterEach(async () => {
  child?.kill("SIGKILL");
  await rm(directory, { recursive: true });
});

/** What is set for servers of one's own must not reach the demo's. */
function run(args: readonly string[]) {
  const env = {
    ...process.env,
    TMPDIR: temporary,
    FSDFS_JOIN: "192.0.2.1",
    FSDFS_PASSWORD: "another",
    FSDFS_PORT: "1",
  };
  const started = spawn(PROGRAM, ["demo", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  let output = "";
  for (const stream of [started.stdout, started.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return { signal: () => started.kill("SIGINT"), ended: once(started, "close"), output: () => output };
}

async function ownMusic(): Promise<string> {
  const music = join(directory, "music");
  await mkdir(join(music, "deeper"), { recursive: true });
  for (const number of [1, 2, 3]) {
    const { name, bytes } = makeSong(number);
    await writeFile(join(music, "deeper", name), bytes.subarray(0, 20_000));
  }
  await writeFile(join(music, "cover.jpg"), "no music");
  return music;
}

test("shows three servers copying, one killed and come back, at rest, and ends by itself", async () => {
  const demo = run(["--music", await ownMusic()]);
  expect(await demo.ended).toEqual([0, null]);
  const output = demo.output();
  for (const part of [
    "is given 2 songs",
    "at rest: 2 songs, each on 3 servers",
    "gamma is killed: kill -9",
    "1 more song put; all 3 read through alpha and through beta",
    "at rest: 3 songs, each on 3 servers",
  ]) {
    expect(output).toContain(part);
  }
  expect(output).not.toContain(String.fromCharCode(27));
  expect(await readdir(temporary)).toEqual([]);
}, 120_000);

test("leaves neither process nor directory when it is interrupted", async () => {
  const demo = run([]);
  const servers = async () => {
    const [folder = ""] = await readdir(temporary);
    return (await readdir(join(temporary, folder))).filter((name) => name.endsWith(".log"));
  };
  await waitFor("a server is starting", async () => (await servers()).length > 0);
  demo.signal();
  expect(await demo.ended).toEqual([130, null]);
  expect(await readdir(temporary)).toEqual([]);
});

test("says when there is no music, and starts nothing", async () => {
  const demo = run(["--music", temporary]);
  expect(await demo.ended).toEqual([1, null]);
  expect(demo.output()).toContain("There are not two audio files");
});
