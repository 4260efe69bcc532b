/**
 * Re-hashing all copies of a server at full speed (`fsdfs verify`), against `sha256sum` of the same files on the same disk;
 * and what readers get while copies are re-hashed at a rate, against what they get else.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { tell } from "./series.ts";
import { BenchSwarm } from "./swarm.ts";

const TARGET = 0.8;
const SMALL_FILES = 5_000;
const SMALL_BYTES = 16_000;
const SONG_BYTES = 5_000_000;
const PUTS_AT_ONCE = 16;
/** Four times what 12 TB in 30 days ask for: the scrub of such a disk that is late reads no faster. */
const THROTTLED_BYTES_PER_S = 20_000_000;
const READERS_TARGET = 0.95;
const READERS = 8;
const READING_MS = 4000;

/** @param bytes of songs, in all */
export async function measureScrub(bytes: number, runs: number): Promise<void> {
  const swarm = await BenchSwarm.create();
  try {
    const songs = Math.ceil(bytes / SONG_BYTES);
    await swarm.start(String(4 * bytes + 4 * SMALL_FILES * SMALL_BYTES));
    await putFiles(swarm, "songs", songs, SONG_BYTES);
    await putFiles(swarm, "small", SMALL_FILES, SMALL_BYTES);
    await measure(swarm, "songs", songs, SONG_BYTES, runs, TARGET);
    await measure(swarm, "small", SMALL_FILES, SMALL_BYTES, runs);
    await measureReaders(swarm, songs, runs);
  } finally {
    await swarm.close();
  }
}

async function putFiles(swarm: BenchSwarm, directory: string, files: number, bytes: number): Promise<void> {
  const content = randomBytes(bytes);
  let next = 0;
  const worker = async () => {
    while (next < files) await swarm.servers[0]!.client.put(`${directory}/${next++}`, content);
  };
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, worker));
}

async function measure(
  swarm: BenchSwarm,
  directory: string,
  files: number,
  bytes: number,
  runs: number,
  target?: number,
): Promise<void> {
  const rates: number[] = [];
  const ratios: number[] = [];
  const { data } = swarm.servers[0]!;
  await secondsOfSha256sum(join(data, directory)); // What the memory can keep of them is there for both.
  for (let run = 0; run < runs; run++) {
    const plain = await secondsOfSha256sum(join(data, directory));
    const seconds = await secondsOfVerify(swarm, directory, files);
    rates.push((files * bytes) / seconds / 1e6);
    ratios.push(plain / seconds);
  }
  const what = `${files.toLocaleString("en")} files of ${bytes.toLocaleString("en")} bytes`;
  tell({ name: `verify of ${what}`, values: rates, unit: "MB/s" });
  tell({ name: `verify of ${what}, against sha256sum`, values: ratios, unit: "x", ...(target && { target }) });
}

/** In turn, since a shared machine is not the same for long. */
async function measureReaders(swarm: BenchSwarm, songs: number, runs: number): Promise<void> {
  const ratios: number[] = [];
  await readFor(swarm, songs);
  for (let run = 0; run < runs; run++) {
    const before = await readFor(swarm, songs);
    const verifying = swarm.servers[0]!.client.verify("songs", { rate: THROTTLED_BYTES_PER_S });
    await verifying.next();
    const meanwhile = await readFor(swarm, songs);
    await verifying.return(undefined);
    ratios.push((2 * meanwhile) / (before + (await readFor(swarm, songs))));
  }
  const name = `GETs while ${THROTTLED_BYTES_PER_S / 1e6} MB/s are re-hashed, against without`;
  tell({ name, values: ratios, unit: "x", target: READERS_TARGET });
}

/** Bytes that readers got in a while. */
async function readFor(swarm: BenchSwarm, songs: number): Promise<number> {
  const { url, authorization } = swarm.servers[0]!;
  const until = performance.now() + READING_MS;
  let bytes = 0;
  const reader = async (at: number) => {
    for (let next = at; performance.now() < until; next += READERS) {
      const answer = await fetch(`${url}/files/songs/${next % songs}`, { headers: { authorization } });
      bytes += (await answer.arrayBuffer()).byteLength;
    }
  };
  await Promise.all(Array.from({ length: READERS }, (_, at) => reader(at)));
  return bytes;
}

async function secondsOfVerify(swarm: BenchSwarm, directory: string, files: number): Promise<number> {
  const start = performance.now();
  for await (const { kind, good } of swarm.servers[0]!.client.verify(directory)) {
    if (kind === "done" && good !== files) throw new Error(`of ${files} copies ${good} are good`);
  }
  return (performance.now() - start) / 1000;
}

async function secondsOfSha256sum(directory: string): Promise<number> {
  const start = performance.now();
  const command = 'find "$1" -type f -print0 | xargs -0 sha256sum > /dev/null';
  const [code] = await once(spawn("sh", ["-c", command, "sh", directory], { stdio: "inherit" }), "exit");
  if (code !== 0) throw new Error(`sha256sum ended with ${code}`);
  return (performance.now() - start) / 1000;
}
