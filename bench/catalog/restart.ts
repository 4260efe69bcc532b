/** The real program, as a user starts it again on a state that is there: how long until it serves, and its memory. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

const PROGRAM = new URL("../../fsdfs", import.meta.url).pathname;
const POLL_MS = 10;
const PATIENCE_MS = 60_000;

export interface RestartOptions {
  readonly data: string;
  readonly state: string;
  readonly password: string;
  readonly port: number;
  readonly swarmPort: number;
  readonly quotaBytes: number;
  readonly home: string;
}

export interface Restarted {
  /** From the start of the process until /health says ok. */
  readonly seconds: number;
  get(path: string): Promise<unknown>;
  rssAnonBytes(): Promise<number>;
  stop(): Promise<void>;
}

export async function restart(options: RestartOptions): Promise<Restarted> {
  const { port } = options;
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  const child = spawn(PROGRAM, ["start", ...argumentsOf(options)], {
    env: { PATH: process.env.PATH, HOME: options.home, XDG_STATE_HOME: options.home },
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    await serving(child, url, started);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    seconds,
    async get(path) {
      const response = await fetch(`${url}${path}`);
      if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
      return await response.json();
    },
    async rssAnonBytes() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function serving(child: ChildProcess, url: string, started: number): Promise<void> {
  while (performance.now() - started < PATIENCE_MS) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const health = await fetch(`${url}/health`)
      .then((response) => response.json() as Promise<{ status: string }>)
      .catch(() => undefined);
    if (health?.status === "ok") return;
    await delay(POLL_MS);
  }
  throw new Error("the server did not serve in time");
}

function argumentsOf({ data, state, password, port, swarmPort, quotaBytes }: RestartOptions): string[] {
  return [
    ...["--data", data, "--state", state, "--password", password, "--listen", "127.0.0.1"],
    ...["--port", `${port}`, "--swarm-port", `${swarmPort}`, "--quota", `${quotaBytes}`],
    ...["--no-discovery", "--public-read", "--log-level", "error"],
  ];
}
