/**
 * Real server processes for acceptance tests, started as a user starts them: `./fsdfs start` on loopback, each with a
 * data directory of its own in one temporary directory. Everything started here is ended here, by its process id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../../src/client/client.ts";
import { createClient } from "../../src/client/node.ts";
import { requestKeyFromPassword } from "../../src/client/request-key.ts";
import { freePortPair } from "../free-ports.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
export const PROGRAM = join(ROOT, "fsdfs");
const START_TIMEOUT_MS = 60_000;
/** Looking costs the servers that are waited for: who waits long looks seldom. */
const POLL_MS = { least: 30, most: 400, shareOfWaited: 0.15 };
/** A line of what `start` prints once it is up. */
export const GREETING = "Next server";
/** What is kept of a process's output, from its end. */
const OUTPUT_LENGTH_MAX = 1_000_000;

export interface Cluster {
  /** The temporary directory that all of it lies in; removed by `close`. */
  readonly directory: string;
  readonly password: string;
  /** What every process started here has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly servers: readonly RealServer[];
  /** Starts a server and waits until it answers. It joins the first one unless `join` says otherwise. */
  start(options?: StartServer): Promise<RealServer>;
  /** Waits until each of the servers would serve, and sees all of them up. */
  whole(): Promise<void>;
  /** Starts `./fsdfs start` with just these arguments and waits for nothing. */
  launch(args: readonly string[], environment?: Readonly<Record<string, string>>): RunningProcess;
  /** Runs a command to its end. */
  cli(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Ends every process and removes the directory. */
  close(): Promise<void>;
}

export interface StartServer {
  /** Directory name and server name; "a", "b", … by default. */
  readonly name?: string;
  readonly ports?: readonly [http: number, swarm: number];
  /** What to join; the first server by default. */
  readonly join?: readonly RealServer[];
  readonly password?: string;
  /** Further arguments of `start`. */
  readonly args?: readonly string[];
  /** Do not wait until it answers. */
  readonly waitless?: boolean;
}

export interface RealServer extends RunningProcess {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly swarmPort: number;
  readonly data: string;
  /** Signs with the swarm's password. */
  readonly client: Client;
  /** Waits until it has come up: it answers, and has printed what it has to say. @throws when it ends before */
  answers(): Promise<void>;
  /** Starts it again, on the same directory and, unless `changed` says otherwise, with the same options. */
  restart(changed?: StartServer): Promise<RealServer>;
}

export interface RunningProcess {
  readonly pid: number;
  /** Both streams as they came. */
  output(): string;
  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<Exit>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<Exit>;
  signal(signal: NodeJS.Signals): void;
  readonly exited: Promise<Exit>;
  /** Whether it still runs. */
  running(): boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function createCluster(password = "acceptance-test-password-0123456789"): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), "fsdfs-cluster-"));
  const environment = cleanEnvironment(directory);
  const requestKey = await requestKeyFromPassword(password);
  const servers: RealServer[] = [];
  const processes: RunningProcess[] = [];

  const launch: Cluster["launch"] = (args, extra = {}) => {
    const process = run(["start", ...args], directory, { ...environment, ...extra });
    processes.push(process);
    return process;
  };

  const start = async (options: StartServer = {}): Promise<RealServer> => {
    const name = options.name ?? String.fromCharCode(97 + servers.length);
    const [port, swarmPort] = options.ports ?? (await freePortPair());
    const data = join(directory, name);
    const joined = options.join ?? servers.slice(0, 1).filter((each) => each.name !== name);
    const process = launch([
      ...["--data", data, "--name", name, "--listen", "127.0.0.1", "--no-discovery"],
      ...["--port", String(port), "--swarm-port", String(swarmPort), "--password", options.password ?? password],
      ...joined.flatMap((each) => ["--join", `127.0.0.1:${each.port}`]),
      ...(options.args ?? []),
    ]);
    const url = `http://127.0.0.1:${port}`;
    const server: RealServer = {
      ...process,
      name,
      url,
      port,
      swarmPort,
      data,
      client: createClient({ url, credential: { kind: "signing", requestKey } }),
      answers: () => answers(url, process),
      restart: async (changed = {}) => {
        await process.stop();
        return await start({ name, ports: [port, swarmPort], join: joined, ...options, ...changed });
      },
    };
    const at = servers.findIndex((each) => each.name === name);
    if (at >= 0) servers[at] = server;
    else servers.push(server);
    if (!options.waitless) await server.answers();
    return server;
  };

  return {
    directory,
    password,
    environment,
    servers,
    start,
    launch,
    whole: async () => {
      for (const server of servers) {
        await waitFor(`${server.name} sees all servers up`, () => isWhole(server, servers.length));
      }
    },
    cli: (args, options = {}) => runToEnd(args, directory, environment, options),
    close: async () => {
      await Promise.all(processes.map((each) => each.kill()));
      for (const server of servers) server.client.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Starts servers with these further arguments, all but the first at once, and waits until they are whole. In order. */
export async function startAll(cluster: Cluster, args: readonly (readonly string[])[]): Promise<RealServer[]> {
  const [ofFirst = [], ...ofOthers] = args;
  const first = await cluster.start({ name: "a", args: ofFirst });
  const start = (each: readonly string[], at: number) =>
    cluster.start({ name: String.fromCharCode(98 + at), args: each, join: [first] });
  const others = await Promise.all(ofOthers.map(start));
  await cluster.whole();
  return [first, ...others];
}

/** Waits until `condition` answers something true, and answers that. Errors count as "not yet". */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = START_TIMEOUT_MS,
): Promise<T> {
  const startMs = performance.now();
  let last: unknown;
  for (;;) {
    try {
      const answer = await condition();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    const waitedMs = performance.now() - startMs;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`, { cause: last });
    await delay(Math.min(Math.max(POLL_MS.least, waitedMs * POLL_MS.shareOfWaited), POLL_MS.most));
  }
}

async function answers(url: string, process: RunningProcess): Promise<void> {
  await waitFor(`${url} answers`, async () => {
    if (!process.running()) return true;
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    // Printed last, when the files that the other commands find the server by are there.
    return process.output().includes(GREETING);
  });
  if (!process.running()) throw new Error(`the server ended before it answered:\n${process.output()}`);
}

async function isWhole(server: RealServer, count: number): Promise<boolean> {
  if ((await server.client.health()).status !== "ok") return false;
  return (await server.client.status()).servers.up === count;
}

/** Nothing of the environment of whoever runs the tests may reach the program. */
function cleanEnvironment(directory: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(FSDFS_|NODE_OPTIONS|VITEST)/.test(entry[0]),
  );
  // Two, so that what one process is told is asked of another.
  return { ...Object.fromEntries(kept), XDG_STATE_HOME: join(directory, "xdg-state"), FSDFS_PROCESSES: "2" };
}

function run(args: readonly string[], cwd: string, env: Record<string, string>): RunningProcess {
  const child = spawn(PROGRAM, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const gather = (chunk: string) => {
    output = (output + chunk).slice(-OUTPUT_LENGTH_MAX);
  };
  child.stdout.setEncoding("utf8").on("data", gather);
  child.stderr.setEncoding("utf8").on("data", gather);
  const exited = exitOf(child);
  const running = () => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals) => {
    if (running()) child.kill(name);
  };
  const end = (name: NodeJS.Signals) => {
    signal(name);
    return exited;
  };
  if (child.pid === undefined) throw new Error(`${PROGRAM} could not be started`);
  return {
    pid: child.pid,
    output: () => output,
    exited,
    running,
    signal,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

async function runToEnd(
  args: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>>,
  options: RunOptions,
): Promise<CommandResult> {
  const env = { ...environment, ...options.environment };
  const child = spawn(PROGRAM, args, { cwd: options.cwd ?? directory, env, stdio: "pipe" });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that ends without reading its input closes the pipe; that is its right.
  child.stdin.on("error", () => {}).end(options.input ?? "");
  const { code } = await exitOf(child);
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}
