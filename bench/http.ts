/**
 * How fast one serving process answers readers, next to nginx on the same core in the same run: `npm run bench:http`.
 * A server as `./fsdfs start` makes it, keys on, with a large catalog; its serving process is pinned to the first core,
 * wrk to the second. Needs Linux, nginx, wrk and taskset. What is printed are ratios where there is something to compare.
 * What a second serving process gives is measured with nothing pinned, so that on two cores wrk has its part of both.
 * With `--turns` it measures for how long the event loop is kept instead, which costs some speed.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "../src/client/node.ts";
import { requestKeyFromPassword } from "../src/client/request-key.ts";
import { parseCommandLine } from "../tests/command-line.ts";
import { buildHolder, pathOfFile } from "./catalog/build.ts";
import { NODE_OPTIONS } from "./node.ts";
import { freePorts } from "./ports.ts";
import { childrenOf, cpuSeconds } from "./processes.ts";
import { turnsOf, WATCH_OPTIONS } from "./turns-of.ts";

const ROOT = resolve(import.meta.dirname, "..");
const PORT = await freePorts(12);
const NGINX_PORT = PORT + 10;
const PASSWORD = "a password of the bench, of many letters";
/** Beside the serving process, which has the first. */
const WRK_CORE = "1";
const ALL_CORES = "0-1";
const LARGE_BYTES = 5_000_000;
const SMALL_BYTES = 4_096;
const BATCH_PATHS = 1_000;
const PAGE_ENTRIES = 10_000;
const START_MS_MAX = 30_000;
const TURN_MS_MAX = 10;

const { values } = parseCommandLine(import.meta.url, {
  options: {
    files: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    turns: { type: "boolean", default: false },
  },
});
const files = Number(values.files);
const rounds = Number(values.rounds);

/** The serving process whose event loop `--turns` tells of. */
let watched: number | undefined;

interface Measured {
  readonly requestsPerS: number;
  /** By the time that the serving process was at work: what it is on a core of its own, if others use this one too. */
  readonly requestsPerCpuS: number;
  readonly bytesPerS: number;
}

/** Where watched processes write, followed by their ids. */
const TURNS_PREFIX = join(tmpdir(), `fsdfs-bench-turns-${process.pid}-`);

/** One after the other, so that a machine that slows down meanwhile does so for both. */
async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fsdfs-bench-http-"));
  const children: ChildProcess[] = [];
  try {
    console.log(`building a catalog of ${files} files ...`);
    const data = join(directory, "data");
    await buildHolder(data, join(data, ".fsdfs/catalog"), files, () => {});
    const { key, pids } = await startServer(data, { port: PORT, processes: 1 }, children);
    const [pid] = pids as [number];
    const nginxPid = await startNginx(directory, children);
    pin(pid);
    watched = pid;
    const headers = ["-H", `Authorization: Bearer ${key}`];
    const own = (path: string, extra: string[] = []) =>
      wrk([pid], `http://127.0.0.1:${PORT}${path}`, [...headers, ...extra], WRK_CORE);
    const nginx = (path: string) => wrk([nginxPid], `http://127.0.0.1:${NGINX_PORT}${path}`, [], WRK_CORE);
    const one = encodeURI(pathOfFile(Math.floor(files / 2), files));
    const batch = join(directory, "batch.lua");
    writeFileSync(batch, batchScript());

    await compare(
      "GET of 5 MB",
      1.1,
      () => own("/files/large.bin"),
      () => nginx("/large.bin"),
    );
    await compare(
      "GET of 4 KB",
      0.45,
      () => own("/files/small.bin"),
      () => nginx("/small.bin"),
    );
    await measure("locate, one path", "look-ups/s", 12_000, () => own(`/locate/${one}`), 1);
    await measure("locate, 1,000 paths", "paths/s", 100_000, () => own("/locate", ["-s", batch]), BATCH_PATHS);
    const page = `/files/music/?recursive=true&limit=${PAGE_ENTRIES}`;
    await measure("list, 10,000 entries", "entries/s", 150_000, () => own(page, ["-c", "2"]), PAGE_ENTRIES);
    if (!values.turns) await measureSecondProcess(directory, children);
  } finally {
    for (const child of children) child.kill("SIGTERM");
    await delay(500);
    rmSync(directory, { recursive: true, force: true });
    if (watched !== undefined) rmSync(`${TURNS_PREFIX}${watched}`, { force: true });
  }
}

/** Two servers that are alike but for their serving processes, one after the other in each round. */
async function measureSecondProcess(directory: string, children: ChildProcess[]): Promise<void> {
  const name = "second serving process";
  if (!name.includes(values.only)) return;
  const servers = [];
  for (const processes of [1, 2]) {
    const data = join(directory, `data-of-${processes}`);
    mkdirSync(data);
    servers.push(await startServer(data, { port: PORT + 2 * processes, processes }, children));
  }
  for (const [what, file] of [
    ["GET of 5 MB", "large.bin"],
    ["GET of 4 KB", "small.bin"],
  ] as const) {
    const gains: number[] = [];
    const told: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const [one, two] = servers.map(({ key, pids, url }) =>
        wrk(pids, `${url}/files/${file}`, ["-H", `Authorization: Bearer ${key}`], ALL_CORES),
      ) as [Measured, Measured];
      gains.push(two.requestsPerS / one.requestsPerS);
      told.push(`${describe(one)} to ${describe(two)}`);
    }
    console.log(`${name}, ${what}: ${median(gains).toFixed(2)} x one (${spread(gains, 2)}): ${told.join("; ")}`);
  }
}

/** What the event loop was kept for in `rounds` runs of it. */
async function tellTurns(name: string, run: () => Measured): Promise<void> {
  if (watched === undefined) throw new Error("no process is watched");
  await turnsOf(watched, TURNS_PREFIX);
  for (let round = 0; round < rounds; round++) run();
  const { cpuMs, clockMs } = await turnsOf(watched, TURNS_PREFIX);
  const told = [cpuMs, clockMs].map(({ p999, max }) => `${p999.toFixed(1)} ms, ${max.toFixed(1)} at the most`);
  console.log(
    `event loop, ${name}: p99.9 of a turn by CPU time ${told[0]} (target ${TURN_MS_MAX}), by the clock ${told[1]}`,
  );
}

async function compare(name: string, target: number, own: () => Measured, other: () => Measured): Promise<void> {
  if (!name.includes(values.only)) return;
  if (values.turns) return await tellTurns(name, own);
  const ratios: number[] = [];
  const cpuRatios: number[] = [];
  const told: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const [a, b] = [own(), other()];
    ratios.push(a.requestsPerS / b.requestsPerS);
    cpuRatios.push(a.requestsPerCpuS / b.requestsPerCpuS);
    told.push(`${describe(a)} to ${describe(b)}`);
  }
  console.log(
    `${name}: ${median(ratios).toFixed(2)} x nginx (${spread(ratios, 2)}; target ${target}), by CPU time ${median(cpuRatios).toFixed(2)} x (${spread(cpuRatios, 2)}): ${told.join("; ")}`,
  );
}

async function measure(name: string, unit: string, target: number, run: () => Measured, each: number): Promise<void> {
  if (!name.includes(values.only)) return;
  if (values.turns) return await tellTurns(name, run);
  const runs = Array.from({ length: rounds }, run);
  const rates = runs.map(({ requestsPerS }) => requestsPerS * each);
  const cpuRates = runs.map(({ requestsPerCpuS }) => requestsPerCpuS * each);
  console.log(
    `${name}: ${Math.round(median(rates))} ${unit} (${spread(rates, 0)}; target ${target}), for a second of CPU ${Math.round(median(cpuRates))} (${spread(cpuRates, 0)})`,
  );
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const spread = (numbers: readonly number[], digits: number) =>
  `${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)}`;
const describe = ({ requestsPerS, requestsPerCpuS, bytesPerS }: Measured) =>
  `${Math.round(requestsPerS)}/s, ${(bytesPerS / 1e6).toFixed(0)} MB/s, ${Math.round(requestsPerCpuS)} for a second of CPU`;

/** @throws Error when an answer was not 2xx: that would be fast, and mean nothing */
function wrk(pids: readonly number[], url: string, extra: readonly string[], cores: string): Measured {
  const script = join(tmpdir(), `fsdfs-bench-${process.pid}.lua`);
  writeFileSync(
    script,
    `done = function(s) io.write(string.format("RESULT %d %d %d %d\\n", s.requests, s.duration, s.bytes, s.errors.status + s.errors.read + s.errors.timeout)) end\n`,
  );
  const scripts = extra.includes("-s") ? [] : ["-s", script];
  const args = [
    "-c",
    cores,
    "wrk",
    "-t1",
    "-c16",
    "--timeout",
    "10s",
    `-d${values.seconds}s`,
    ...scripts,
    ...extra,
    url,
  ];
  spawnSync("taskset", args); // Code that has not run yet is slow.
  const cpuNow = () => pids.reduce((seconds, pid) => seconds + cpuSeconds(pid), 0);
  const before = cpuNow();
  const { stdout } = spawnSync("taskset", args, { encoding: "utf8" });
  const cpuS = cpuNow() - before;
  const [, requests, us, bytes, errors] = /RESULT (\d+) (\d+) (\d+) (\d+)/.exec(stdout) ?? [];
  if (requests === undefined || Number(errors) > 0) throw new Error(`wrk on ${url}: ${stdout}`);
  const seconds = Number(us) / 1e6;
  return {
    requestsPerS: Number(requests) / seconds,
    requestsPerCpuS: Number(requests) / cpuS,
    bytesPerS: Number(bytes) / seconds,
  };
}

function batchScript(): string {
  const paths = Array.from({ length: BATCH_PATHS }, (_, i) => pathOfFile((i * 7919) % files, files));
  return `wrk.method = "POST"
wrk.body = [==[${JSON.stringify({ paths })}]==]
wrk.headers["Content-Type"] = "application/json"
done = function(s) io.write(string.format("RESULT %d %d %d %d\\n", s.requests, s.duration, s.bytes, s.errors.status + s.errors.read + s.errors.timeout)) end
`;
}

interface Started {
  readonly url: string;
  readonly key: string;
  /** Of its serving processes. */
  readonly pids: readonly number[];
}

async function startServer(
  data: string,
  { port, processes }: { readonly port: number; readonly processes: number },
  children: ChildProcess[],
): Promise<Started> {
  const args = ["start", "--data", data, "--port", String(port), "--listen", "127.0.0.1", "--no-discovery"];
  const node = process.env.BENCH_NODE_OPTIONS?.split(" ") ?? [];
  const child = spawn(
    process.execPath,
    [
      ...NODE_OPTIONS,
      ...node,
      ...(values.turns ? WATCH_OPTIONS : []),
      join(ROOT, "src/cli/main.ts"),
      ...args,
      "--processes",
      String(processes),
      "--password",
      PASSWORD,
      "--quota",
      "1000T",
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, BENCH_TURNS: TURNS_PREFIX } },
  );
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  const requestKey = await requestKeyFromPassword(PASSWORD);
  const client = createClient({ url, credential: { kind: "signing", requestKey } });
  const until = performance.now() + START_MS_MAX;
  while ((await client.health().catch(() => undefined))?.status !== "ok") {
    if (performance.now() > until) throw new Error("the server does not come up");
    await delay(50);
  }
  const { secret } = await client.createKey("bench", "write");
  const headers = { authorization: `Bearer ${secret}` };
  for (const [name, size] of [
    ["large.bin", LARGE_BYTES],
    ["small.bin", SMALL_BYTES],
  ] as const) {
    const { ok } = await fetch(`${url}/files/${name}`, { method: "PUT", headers, body: new Uint8Array(size).fill(7) });
    if (!ok) throw new Error(`${name} was not stored`);
  }
  client.close();
  return { url, key: secret, pids: childrenOf(child.pid ?? 0) };
}

/** Answers its worker. */
async function startNginx(directory: string, children: ChildProcess[]): Promise<number> {
  const conf = join(directory, "nginx.conf");
  const data = join(directory, "data");
  writeFileSync(
    conf,
    `daemon off; pid ${directory}/nginx.pid; error_log stderr; worker_processes 1; worker_cpu_affinity 01; user root;
     events { worker_connections 512; }
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; etag on;
       server { listen 127.0.0.1:${NGINX_PORT}; root ${data}; } }`,
  );
  const master = spawn("nginx", ["-c", conf, "-p", directory], { stdio: ["ignore", "ignore", "inherit"] });
  children.push(master);
  const until = performance.now() + START_MS_MAX;
  for (;;) {
    const [worker] = childrenOf(master.pid ?? 0);
    if (worker !== undefined) return worker;
    if (performance.now() > until) throw new Error("nginx does not come up");
    await delay(50);
  }
}

/** All threads of a process, on the first core. */
function pin(pid: number): void {
  execFileSync("taskset", ["-acp", "0", String(pid)], { stdio: "ignore" });
}

await main();
