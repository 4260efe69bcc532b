/** The demo's servers: real processes of this program, on loopback, with everything they have in one directory. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { extname, join } from "node:path";
import type { Client } from "../../client/client.ts";
import { createClient } from "../../client/node.ts";
import type { Environment } from "../../options.ts";
import { LocalError } from "../command.ts";
import { readLocalAccess } from "../local-access.ts";
import { patiently } from "./patience.ts";

const HOST = "127.0.0.1";
const POLL_MS = 50;
/** Below the ports that the system gives to whoever asks for any. */
const PORT_FIRST = 20_000;
const PORT_LAST = 30_000;
const PORT_TRIES = 200;
/** Another program may take a port between our look and the start. */
const START_TRIES = 3;
const LAST_WORDS_LENGTH = 1_000;

export interface DemoServer {
  readonly name: string;
  readonly data: string;
  readonly url: string;
  readonly client: Client;
  readonly pid: number;
  running(): boolean;
  /** Kills it as a crash would, and waits until it has gone. */
  kill(): Promise<void>;
}

interface Place {
  readonly name: string;
  readonly port: number;
  /** URLs of servers to join. */
  readonly join: readonly string[];
  readonly pullRate: number | undefined;
}

export class DemoSwarm {
  readonly #directory: string;
  readonly #environment: Environment;
  readonly #children = new Set<ChildProcess>();
  readonly #places = new Map<string, Place>();
  #closed = false;

  constructor(directory: string, environment: Environment, password: string) {
    this.#directory = directory;
    // What is set for one's own servers, such as a swarm to join, is not for these.
    const own = Object.entries(environment).filter(([name]) => !name.startsWith("FSDFS_"));
    this.#environment = {
      ...Object.fromEntries(own),
      XDG_STATE_HOME: join(directory, "state"),
      FSDFS_PASSWORD: password,
    };
  }

  /** A new server, on free ports. @param pullRate bytes a second at which it copies from others */
  async start(name: string, joined: readonly DemoServer[], pullRate?: number): Promise<DemoServer> {
    for (let left = START_TRIES; ; left--) {
      const place = { name, port: await freePorts(), join: joined.map(({ url }) => url), pullRate };
      try {
        const server = await this.#run(place);
        this.#places.set(name, place);
        return server;
      } catch (error) {
        const taken = error instanceof LocalError && error.message.includes("is taken by another program");
        if (!taken || left <= 1) throw error;
      }
    }
  }

  /** Starts one again that has ended, as it was. */
  async restart({ name }: DemoServer): Promise<DemoServer> {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`${name} was never started`);
    return await this.#run(place);
  }

  /** Ends every process that was started here. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#children].map(end));
  }

  async #run({ name, port, join: joined, pullRate }: Place): Promise<DemoServer> {
    const data = join(this.#directory, name);
    const output = join(this.#directory, `${name}.log`);
    const child = await this.#spawn(output, [
      ...["start", "--data", data, "--name", name, "--listen", HOST, "--port", `${port}`, "--no-discovery"],
      // One process each: what is killed is then plainly the server.
      ...["--public-read", "--processes", "0"],
      ...joined.flatMap((url) => ["--join", url]),
      ...(pullRate === undefined ? [] : ["--pull-rate", `${pullRate}`]),
    ]);
    const serving = async (): Promise<DemoServer | undefined> => {
      const access = await readLocalAccess(data);
      if (access === undefined || access.pid !== child.pid) {
        if (!runs(child)) throw await failure(name, output);
        return undefined;
      }
      const { url, requestKey, pid } = access;
      const client = createClient({ url, credential: { kind: "signing", requestKey } });
      return { name, data, url, client, pid, running: () => runs(child), kill: () => end(child) };
    };
    return await patiently(serving, { what: `${name} serves`, pauseMs: POLL_MS, sign: () => lastWords(output) });
  }

  async #spawn(output: string, args: readonly string[]): Promise<ChildProcess> {
    if (this.#closed) throw new Error("the demo has ended");
    const program = join(import.meta.dirname, `../main${extname(import.meta.filename)}`);
    const log = openSync(output, "a", 0o600);
    try {
      const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
        env: this.#environment,
        cwd: this.#directory,
        stdio: ["ignore", log, log],
      });
      this.#children.add(child);
      child.once("exit", () => this.#children.delete(child));
      await once(child, "spawn");
      return child;
    } finally {
      closeSync(log);
    }
  }
}

function runs(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess): Promise<void> {
  if (!runs(child)) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

async function failure(name: string, output: string): Promise<LocalError> {
  const words = await lastWords(output);
  return new LocalError(`The demo's server ${name} did not start. It said:\n${words}`, "Is the machine out of memory?");
}

async function lastWords(output: string): Promise<string> {
  const said = await readFile(output, "utf8").catch(() => "");
  return said.slice(-LAST_WORDS_LENGTH).trim() || "It said nothing.";
}

/** A port for clients that is free on loopback, and the one after it for the other servers. */
async function freePorts(): Promise<number> {
  for (let left = PORT_TRIES; left > 0; left--) {
    const port = randomInt(PORT_FIRST, PORT_LAST);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
  throw new LocalError("There are no free ports on this machine.", `All from ${PORT_FIRST} on seem to be taken.`);
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  try {
    listener.listen({ port, host: HOST, exclusive: true });
    await once(listener, "listening");
    return true;
  } catch {
    return false;
  } finally {
    listener.close();
  }
}
