/**
 * One file of many gigabytes: put by the command line, copied by the third server, read back and verified, with the
 * most memory that any process had meanwhile. Takes five times the file's size on the disk of the temporary directory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { MemoryWatch } from "./memory.ts";
import { tell } from "./series.ts";
import { type BenchServer, BenchSwarm, PROGRAM, until } from "./swarm.ts";

const SERVERS = 3;
const BLOCK_BYTES = 8_000_000;
const REMOTE = "large/file.bin";
/** Of one process, however large the file. */
const MEMORY_MB_MAX = 300;
/** The servers' copies, the file that is put, and what is read back. */
const FILES_AT_ONCE = SERVERS + 2;

/** @throws Error when the disk has no room for it, or a byte is wrong */
export async function measureLarge(sizeBytes: number): Promise<void> {
  const swarm = await BenchSwarm.create();
  const memory = new MemoryWatch();
  try {
    await checkRoom(swarm.root, sizeBytes);
    const source = join(swarm.root, "source");
    const sha256 = await makeFile(source, sizeBytes);
    const copyS = await secondsOfCp(source, join(swarm.root, "copy"));
    for (let i = 0; i < SERVERS; i++) {
      const server = await swarm.start(String(sizeBytes * 2));
      memory.watch(`${server.name}, control`, server.pid, `${server.name}, serving`);
    }
    await swarm.rest();
    await measureWays(swarm, memory, { source, sizeBytes, sha256, copyS });
    for (const [name, bytes] of memory.peaks()) {
      const limit = { target: MEMORY_MB_MAX, atMost: true };
      tell({ name: `most memory (RssAnon): ${name}`, values: [bytes / 1e6], unit: "MB", ...limit });
    }
  } finally {
    memory.peaks();
    await swarm.close();
  }
}

interface LargeFile {
  readonly source: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** What one durable copy takes without fsdfs. */
  readonly copyS: number;
}

async function measureWays(swarm: BenchSwarm, memory: MemoryWatch, file: LargeFile): Promise<void> {
  const { sizeBytes, copyS, sha256, source } = file;
  const [first, , last] = swarm.servers as [BenchServer, BenchServer, BenchServer];
  const size = `${(sizeBytes / 1e9).toFixed(1)} GB`;
  const told = (what: string, seconds: number, copies: number) => {
    tell({ name: `${what} of ${size}`, values: [sizeBytes / seconds / 1e6], unit: "MB/s" });
    tell({
      name: `${what} of ${size}, against cp and sync${copies > 1 ? ` ${copies} times` : ""}`,
      values: [(copies * copyS) / seconds],
      unit: "x",
    });
  };
  told("put by the command line", await secondsOf(() => runCommand(memory, first, "put", source, `/${REMOTE}`)), 2);
  const whole = async () => (await first.client.status()).minSurplus === 0;
  told("pull by the third server", await secondsOf(() => until("three servers have it", whole)), 1);
  if ((await first.client.locate(REMOTE)).sha256 !== sha256) throw new Error("the swarm has other bytes");
  await rm(source);
  // It compares the SHA-256 of what it got with that of the version.
  told("get by the command line", await secondsOf(() => runCommand(memory, last, "get", `/${REMOTE}`, source)), 1);
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function runCommand(memory: MemoryWatch, server: BenchServer, ...args: readonly string[]): Promise<void> {
  const key = server.authorization.replace("Bearer ", "");
  const child = spawn(PROGRAM, [...args, "--server", server.url], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, FSDFS_KEY: key },
  });
  memory.watch(`fsdfs ${args[0]}`, child.pid ?? 0);
  await succeeds(child, `fsdfs ${args.join(" ")}`);
}

async function succeeds(child: ChildProcess, what: string): Promise<void> {
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${what} ended with ${code}`);
}

async function checkRoom(directory: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const wanted = sizeBytes * FILES_AT_ONCE;
  if (bavail * bsize >= wanted) return;
  throw new Error(`${directory} has ${bavail * bsize} bytes of room, and this takes ${wanted}: choose another --size`);
}

/** No two of its blocks are alike. Answers its SHA-256. */
async function makeFile(path: string, sizeBytes: number): Promise<string> {
  const file = await open(path, "wx");
  try {
    return await fill(file, sizeBytes);
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, sizeBytes: number): Promise<string> {
  const hash = createHash("sha256");
  const block = randomBytes(BLOCK_BYTES);
  for (let at = 0; at < sizeBytes; at += BLOCK_BYTES) {
    block.writeDoubleBE(at, 0);
    const piece = block.subarray(0, Math.min(BLOCK_BYTES, sizeBytes - at));
    hash.update(piece);
    await file.writeFile(piece);
  }
  await file.sync();
  return hash.digest("hex");
}

async function secondsOfCp(from: string, to: string): Promise<number> {
  const seconds = await secondsOf(() =>
    succeeds(spawn("sh", ["-c", `cp "$1" "$2" && sync "$2"`, "sh", from, to], { stdio: "inherit" }), "cp"),
  );
  await rm(to);
  return seconds;
}
