/** The stage's machinery on real processes: `./fsdfs start`, the HTTP API and, for outsiders, the command line. */
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Location, SwarmStatus } from "../../src/server/face.ts";
import { type Cluster, createCluster, type RealServer } from "../acceptance/cluster.ts";
import type { Api, DiskFile, Machinery, Outsider, Secret, ServerSettings } from "./machinery.ts";

/** Longer than a stopped server is noticed in, so that down and absent are told apart. */
const GRACE_MS = 5_000;
const PATIENCE_MS = 60_000;
/** Looking at all servers and disks is what most of the CPU goes to otherwise. */
const PAUSE_MS = 200;
/** A few heartbeats: what one server does is known to the others, and they have begun what follows from it. */
const QUIET_MS = 3_000;
/** Starting is mostly CPU time; more at once on few cores only makes each of them late. */
const STARTS_AT_ONCE = Math.max(1, availableParallelism());
const STATE_DIRECTORY = ".fsdfs";

export async function liveMachinery(): Promise<Machinery> {
  return new LiveMachinery(await createCluster());
}

class LiveMachinery implements Machinery {
  readonly kind = "live";
  readonly graceMs = GRACE_MS;
  readonly patienceMs = PATIENCE_MS;
  readonly quietMs = QUIET_MS;
  readonly #cluster: Cluster;
  readonly #servers = new Map<string, RealServer>();
  readonly #startedMs = performance.now();
  readonly #starts: Promise<void>[] = [];

  readonly #published = new Map<string, string>();
  #web: Web | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  get password(): string {
    return this.#cluster.password;
  }

  nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  pause(): Promise<void> {
    return delay(PAUSE_MS);
  }

  async start(name: string, { quotaBytes, reserve, copies, writeCopies }: ServerSettings): Promise<void> {
    const known = this.#servers.get(name);
    const args = [
      ...["--quota", `${quotaBytes}`, "--reserve", `${reserve}`, "--grace", `${GRACE_MS}ms`],
      ...["--copies", `${copies}`, "--write-copies", `${writeCopies}`, "--fetch-private"],
    ];
    await this.#inTurn(async () => {
      this.#servers.set(name, known ? await known.restart({ args }) : await this.#cluster.start({ name, args }));
    });
  }

  async stop(name: string): Promise<void> {
    const server = this.#server(name);
    const { code, signal } = await server.stop();
    if (code !== 0) throw new Error(`${name} ended with ${code ?? signal} when asked to stop:\n${server.output()}`);
  }

  async kill(name: string): Promise<void> {
    await this.#server(name).kill();
  }

  api(name: string): Api {
    const { client } = this.#server(name);
    return {
      put: (path, text) => client.put(path, { sizeBytes: Buffer.byteLength(text), open: () => once(text) }),
      putFrom: async (path, url) => {
        const all = ["put", url, path, "--json", "--data", this.#server(name).data];
        const result = await this.#cluster.cli(all, {});
        if (result.code !== 0) throw new Error(result.stderr);
      },
      read: async (path) => {
        const chunks: Buffer[] = [];
        for await (const chunk of (await client.get(path, { redirect: "never" })).body) chunks.push(Buffer.from(chunk));
        return Buffer.concat(chunks).toString();
      },
      remove: (path) => client.remove(path),
      locate: async (paths) => (await client.locateMany(paths)).map((location) => location ?? undefined),
      drop: (path) => client.drop(path),
      status: () => client.status(),
      servers: () => client.servers(),
      health: () => client.health(),
      createKey: (keyName, scope) => client.createKey(keyName, scope),
      setPolicy: async (source) => {
        await client.setPolicy(source);
      },
      resetPolicy: () => client.resetPolicy(),
    };
  }

  outsider(name: string, secret: Secret): Outsider {
    const { url } = this.#server(name);
    const run = async (command: string, ...args: string[]) => {
      const proof = "key" in secret ? ["--key", secret.key] : ["--password", secret.password];
      // Another home: nothing of this machine's servers is known there.
      const home = await this.#emptyDirectory("outside");
      const environment = { XDG_STATE_HOME: home };
      const all = [command, ...args, "--json", "--server", url, ...proof];
      const result = await this.#cluster.cli(all, { cwd: home, environment });
      if (result.code !== 0 && result.stdout === "") throw new Error(result.stderr);
      return JSON.parse(result.stdout) as unknown;
    };
    return {
      status: async () => (await run("status")) as SwarmStatus,
      locate: async (path) => ((await run("locate", path)) as { files: (Location | null)[] }).files[0] ?? undefined,
      remove: async (path) => {
        const { removed } = (await run("rm", path)) as { removed: string[] };
        if (removed[0] !== path) throw new Error(`${path} was not deleted`);
      },
    };
  }

  async publish(path: string, text: string): Promise<string> {
    this.#web ??= await startWeb(this.#published);
    this.#published.set(`/${path}`, text);
    return `${this.#web.url}/${path}`;
  }

  async disk(name: string): Promise<ReadonlyMap<string, DiskFile>> {
    const { data } = this.#server(name);
    const files = new Map<string, DiskFile>();
    for (const path of await filesBelow(data, "")) {
      const { ino, mtimeNs } = await lstat(join(data, path), { bigint: true });
      files.set(path, { text: await readFile(join(data, path), "utf8"), identity: `${ino} ${mtimeNs}` });
    }
    return files;
  }

  async breakDisk(name: string): Promise<void> {
    const staged = this.#staged(name);
    await rename(staged, `${staged}-away`);
    await writeFile(staged, "");
  }

  async mendDisk(name: string): Promise<void> {
    const staged = this.#staged(name);
    await rm(staged);
    await rename(`${staged}-away`, staged);
  }

  async removeFromDisk(name: string, path: string): Promise<void> {
    await rm(join(this.#server(name).data, path));
  }

  async writeToDisk(name: string, path: string, text: string): Promise<void> {
    const file = join(this.#server(name).data, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async writeBeside(name: string, path: string, text: string): Promise<void> {
    const file = join(this.#beside(name), path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async adopt(name: string, directory: string, to?: string) {
    const { data } = this.#server(name);
    const which = to === undefined ? [join(data, directory)] : [join(this.#beside(name), directory), to];
    const result = await this.#cluster.cli(["adopt", ...which, "--json", "--data", data], {});
    if (result.stdout === "") throw new Error(result.stderr);
    const { adopted, present, skippedFiles } = JSON.parse(result.stdout) as Record<string, number>;
    return { adopted: adopted!, present: present!, skipped: skippedFiles! };
  }

  async play(story: () => Promise<void>): Promise<void> {
    try {
      await story();
    } catch (error) {
      const outputs = [...this.#servers].map(([name, server]) => `${name} said:\n${lastLines(server.output())}`);
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${outputs.join("\n")}`, {
        cause: error,
      });
    }
    const bug = [...this.#servers].find(([, server]) => /Unhandled|UncaughtException|is a bug/i.test(server.output()));
    if (bug) throw new Error(`unseen by the story, ${bug[0]} said:\n${lastLines(bug[1].output())}`);
  }

  async close(): Promise<void> {
    this.#web?.server.close();
    await this.#cluster.close();
  }

  #server(name: string): RealServer {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`there is no server ${name}`);
    return server;
  }

  /** Each start waits for the one that is STARTS_AT_ONCE before it. */
  async #inTurn(start: () => Promise<void>): Promise<void> {
    const before = this.#starts.at(-STARTS_AT_ONCE);
    const started = Promise.resolve(before).then(start, start);
    this.#starts.push(started);
    await started;
  }

  #beside(name: string): string {
    return join(this.#cluster.directory, `beside-${name}`);
  }

  #staged(name: string): string {
    return join(this.#server(name).data, STATE_DIRECTORY, "staged");
  }

  async #emptyDirectory(name: string): Promise<string> {
    const directory = join(this.#cluster.directory, name);
    await mkdir(directory, { recursive: true });
    return directory;
  }
}

const OUTPUT_LINES_MAX = 8;

/** The last lines, those that differ only in their time once. */
function lastLines(output: string): string {
  const lines = output.trimEnd().split("\n");
  const timeless = (line: string) => line.replace(/"time":"[^"]*"/, "");
  const last = new Map(lines.map((line) => [timeless(line), line]));
  return [...last.values()].slice(-OUTPUT_LINES_MAX).join("\n");
}

/** Paths of all files below `directory`, in the order of their names, fsdfs's own left out. */
async function filesBelow(data: string, directory: string): Promise<string[]> {
  const entries = await readdir(join(data, directory), { withFileTypes: true });
  const paths: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    if (path === STATE_DIRECTORY) continue;
    if (entry.isDirectory()) paths.push(...(await filesBelow(data, path)));
    else paths.push(path);
  }
  return paths;
}

interface Web {
  readonly server: HttpServer;
  readonly url: string;
}

/** Each file is found by way of a redirect. */
async function startWeb(files: ReadonlyMap<string, string>): Promise<Web> {
  const server = createServer(({ url = "" }, response) => {
    const text = files.get(url.replace("/moved/", "/"));
    if (text === undefined) response.writeHead(404).end();
    else if (url.startsWith("/moved/")) response.end(text);
    else response.writeHead(302, { location: `/moved${url}` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function* once(text: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield new Uint8Array(Buffer.from(text));
}
