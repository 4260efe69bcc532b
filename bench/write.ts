/** PUT into a swarm of three with W = 2: large files against dd, and how many small ones a second. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { cpuSeconds } from "./processes.ts";
import { tell } from "./series.ts";
import type { BenchServer, BenchSwarm } from "./swarm.ts";

const LARGE_BYTES = 5_000_000;
const LARGE_FILES = 20;
const SMALL_BYTES = 4096;
const SMALL_FILES = 6000;
const SMALL_CLIENTS = 64;

export async function measureWrites(swarm: BenchSwarm, runs: number): Promise<void> {
  const [server] = swarm.servers as [BenchServer];
  const large = randomBytes(LARGE_BYTES);
  const single: number[] = [];
  const several: number[] = [];
  const written: number[] = [];
  await putMany(server, () => large, LARGE_FILES, 4); // What is used first is compiled first.
  for (let run = 0; run < runs; run++) {
    const disk = await diskBytesPerSecond(swarm.root, large);
    const one = await putMany(server, () => large, LARGE_FILES, 1);
    const four = await putMany(server, () => large, LARGE_FILES, 4);
    written.push((LARGE_BYTES * LARGE_FILES) / one / 1e6);
    single.push((LARGE_BYTES * LARGE_FILES) / one / disk);
    several.push((LARGE_BYTES * LARGE_FILES) / four / disk);
  }
  tell({ name: "PUT of 5 MB, one client", values: written, unit: "MB/s" });
  tell({ name: "PUT of 5 MB, one client, against dd of the same twice", values: single, unit: "x", target: 0.3 });
  tell({ name: "PUT of 5 MB, four clients, against dd of the same twice", values: several, unit: "x" });
  const small = randomBytes(SMALL_BYTES);
  const smallOf = (path: string) => withName(small, path);
  const rates: number[] = [];
  const costs: number[] = [];
  for (let run = 0; run < runs; run++) {
    const before = cpuSecondsOf(swarm);
    rates.push(SMALL_FILES / (await putMany(server, smallOf, SMALL_FILES, SMALL_CLIENTS)));
    await swarm.rest();
    costs.push(((cpuSecondsOf(swarm) - before) * 1000) / SMALL_FILES);
  }
  tell({ name: "creates of 4 KB, 64 clients, durable on two", values: rates, unit: "a second", target: 1500 });
  tell({ name: "CPU for a create and its third copy, all servers", values: costs, unit: "ms" });
}

function cpuSecondsOf({ servers }: BenchSwarm): number {
  return servers.reduce((seconds, { pid }) => seconds + cpuSeconds(pid), 0);
}

/** Seconds for so many new files by so many clients. */
async function putMany(
  server: BenchServer,
  bodyOf: (path: string) => Buffer,
  files: number,
  clients: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const directory = randomUUID();
  let next = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < files) {
        const path = `/files/bench/${directory}/${next++}.ogg`;
        await putOne(agent, server, path, bodyOf(path));
      }
    }),
  );
  agent.destroy();
  return (performance.now() - start) / 1000;
}

/** Files of the same bytes would wait for each other: a server does not pull what may be in an upload that it is taking. */
function withName(body: Buffer, path: string): Buffer {
  const content = Buffer.from(body);
  content.write(path);
  return content;
}

function putOne(agent: Agent, { url, authorization }: BenchServer, path: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method: "PUT", agent, headers: { authorization } }, (answer) => {
      answer.resume();
      answer.on("end", () => {
        const copies = Number(answer.headers["fsdfs-copies"]);
        if (answer.statusCode === 201 && copies >= 2) resolve();
        else reject(new Error(`a PUT was answered ${answer.statusCode} with ${copies} copies`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Bytes a second that dd writes durably, each file twice: what two copies cost a disk without anything else. */
async function diskBytesPerSecond(root: string, content: Buffer): Promise<number> {
  const directory = join(root, "dd");
  await mkdir(directory);
  await writeFile(join(directory, "source"), content);
  const start = performance.now();
  for (let i = 0; i < LARGE_FILES; i++) {
    for (const copy of ["one", "two"]) {
      const names = [`if=${join(directory, "source")}`, `of=${join(directory, `${copy}-${i}`)}`];
      const [code] = await once(spawn("dd", [...names, "bs=1M", "conv=fsync", "status=none"]), "exit");
      if (code !== 0) throw new Error(`dd ended with ${code}`);
    }
  }
  const seconds = (performance.now() - start) / 1000;
  await rm(directory, { recursive: true });
  return (LARGE_BYTES * LARGE_FILES) / seconds;
}
