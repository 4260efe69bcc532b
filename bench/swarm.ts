/**
 * Real servers for the benches: `./fsdfs start` as a user types it, with the defaults, keys on, and a catalog that is
 * full of files as large as no server's room, so that they are looked up, listed and indexed and never copied.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type LocalAccess, readLocalAccess } from "../src/cli/local-access.ts";
import type { Client } from "../src/client/client.ts";
import { createClient } from "../src/client/node.ts";
import { buildHolder } from "./catalog/build.ts";
import { freePorts } from "./ports.ts";

export const PROGRAM = new URL("../fsdfs", import.meta.url).pathname;
/** What the full catalog's files say to be: more than the room of a server that does not hold them. */
const LISTED_BYTES = 3e9;
const HOLDER_QUOTA = "8000T";
const QUOTA = "2G";
/** Of loopback, about; the gigabit that is taken where no interface tells would be what is measured. */
const BANDWIDTH = "4G";
const PATIENCE_MS = 30 * 60_000;

export interface BenchServer {
  readonly name: string;
  readonly data: string;
  readonly url: string;
  readonly client: Client;
  /** "Bearer …" of an admin's key. */
  readonly authorization: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export class BenchSwarm {
  readonly root: string;
  readonly servers: BenchServer[] = [];
  readonly #running: ChildProcess[] = [];
  #key: string | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<BenchSwarm> {
    return new BenchSwarm(await mkdtemp(join(tmpdir(), "fsdfs-bench-")));
  }

  /** Makes the catalog that the first server is to start with. */
  async fill(files: number): Promise<void> {
    const data = join(this.root, "a");
    const state = join(data, ".fsdfs", "catalog");
    await mkdir(join(data, ".fsdfs"), { recursive: true });
    await buildHolder(data, state, files, () => undefined, LISTED_BYTES);
  }

  /** The next server, a, b, c, …; resolves when it serves and has what the others know. */
  async start(quota = this.servers.length === 0 ? HOLDER_QUOTA : QUOTA): Promise<BenchServer> {
    const name = String.fromCharCode(97 + this.servers.length);
    const port = await freePorts(2);
    const data = join(this.root, name);
    const [first] = this.servers;
    const child = spawn(
      PROGRAM,
      [
        ...["start", "--data", data, "--name", name, "--listen", "127.0.0.1", "--port", String(port)],
        ...["--no-discovery", "--password", "a-password-of-the-bench", "--quota", quota, "--log-level", "error"],
        ...["--bandwidth", BANDWIDTH],
        ...(first === undefined ? [] : ["--join", new URL(first.url).host]),
      ],
      { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, XDG_STATE_HOME: join(this.root, "state") } },
    );
    this.#running.push(child);
    const url = `http://127.0.0.1:${port}`;
    await until(`${name} serves`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
      const response = await fetch(`${url}/health`).catch(() => undefined);
      return response?.ok === true;
    });
    this.#key ??= await makeKey(data, url);
    const key = this.#key;
    const server: BenchServer = {
      name,
      data,
      url,
      client: createClient({ url, credential: { kind: "key", secret: key } }),
      authorization: `Bearer ${key}`,
      pid: child.pid!,
      stop: () => end(child),
    };
    this.servers.push(server);
    return server;
  }

  /** All are up, know the same, and copy nothing. */
  async rest(): Promise<void> {
    await until("the swarm is at rest", async () => {
      for (const { client } of this.servers) {
        const servers = await client.servers();
        if (servers.length !== this.servers.length) return false;
        if (servers.some(({ state, pulls }) => state !== "up" || pulls > 0)) return false;
      }
      return true;
    });
  }

  async close(): Promise<void> {
    for (const { client } of this.servers) client.close();
    await Promise.all(this.#running.map(end));
    await rm(this.root, { recursive: true, force: true });
  }
}

async function makeKey(data: string, url: string): Promise<string> {
  let local: LocalAccess | undefined;
  await until("what lets this machine's owner in", async () => {
    local = await readLocalAccess(data); // It is written when the server answers already.
    return local !== undefined;
  });
  const client = createClient({ url, credential: { kind: "signing", requestKey: local!.requestKey } });
  const { secret } = await client.createKey("bench", "admin");
  client.close();
  return secret;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await delay(50);
  }
}
