/** `fsdfs demo` where nobody looks on: it plays to its end and leaves nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeSong } from "../../src/cli/demo/songs.ts";
import { PROGRAM, waitFor } from "./cluster.ts";

/** For the demo to give up by itself before the test does, and to say why. */
const PATIENCE_MS = 600_000;

let directory: string;
let temporary: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-demo-test-"));
  temporary = join(directory, "tmp");
  await mkdir(temporary);
});

afterEach(async () => {
  // Killed at once it would leave its servers behind.
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill("SIGINT");
    await once(child, "close");
  }
  await rm(directory, { recursive: true, force: true });
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
  const closed = once(started, "close");
  return {
    output: () => output,
    over: () => started.exitCode !== null,
    signal: () => started.kill("SIGINT"),
    /** Together with what it printed, so that a failure shows that. */
    ended: async () => {
      const [code, signal] = await closed;
      return { code, signal, output };
    },
  };
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

test(
  "shows three servers copying, one killed and come back, at rest, and ends by itself",
  async () => {
    const demo = run(["--music", await ownMusic()]);
    const { output, ...end } = await demo.ended();
    expect(end, output).toEqual({ code: 0, signal: null });
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
  },
  PATIENCE_MS,
);

test.each([
  ["a server starts", async () => (await logs()).length > 0],
  ["songs are copied", async (output: string) => /beta \d+, gamma \d+; songs/.test(output)],
])(
  "leaves neither process nor directory when it is interrupted while %s",
  async (what, reached) => {
    const demo = run([]);
    await waitFor(what, async () => demo.over() || (await reached(demo.output())), PATIENCE_MS);
    demo.signal();
    // Well before anything in it runs out of patience.
    await waitFor("it ends", demo.over);
    const { output, ...end } = await demo.ended();
    expect(end, output).toEqual({ code: 130, signal: null });
    expect(await readdir(temporary)).toEqual([]);
  },
  PATIENCE_MS,
);

test(
  "goes on when nobody takes its output, and leaves neither process nor directory",
  async () => {
    const demo = run(["--music", await ownMusic()]);
    child?.stdout?.destroy();
    await waitFor("three servers", async () => demo.over() || (await logs()).length === 3, PATIENCE_MS);
    demo.signal();
    const { output, ...end } = await demo.ended();
    expect(end, output).toEqual({ code: 130, signal: null });
    expect(await readdir(temporary)).toEqual([]);
  },
  PATIENCE_MS,
);

async function logs(): Promise<string[]> {
  const [folder = ""] = await readdir(temporary);
  return (await readdir(join(temporary, folder))).filter((name) => name.endsWith(".log"));
}

test("says when there is no music, and starts nothing", async () => {
  const demo = run(["--music", temporary]);
  expect(await demo.ended()).toEqual({
    code: 1,
    signal: null,
    output: expect.stringContaining("There are not two audio files"),
  });
});
