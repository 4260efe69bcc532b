/**
 * The stage that scenarios are played on: servers by name, each step told as a line. Nothing here sleeps for a time;
 * `eventually` looks again and again until what should hold does.
 */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { type ErrorCode, FsdfsError } from "../../src/errors.ts";
import type { HolderInfo, Location, PutResult, ServerInfo, SwarmStatus } from "../../src/server/face.ts";
import type { Api, DiskFile, Machinery, Outsider, Secret, ServerSettings } from "./machinery.ts";

export interface StageOptions {
  /** Every server is stopped and started in the middle (scenario 10). */
  readonly restarts: boolean;
  /** A story has several middles: in how many of them, from the first on; in all when it is not said. */
  readonly restartsMax?: number;
  /** How many servers the scenario of many servers has. */
  readonly servers: number;
  /** Gets each step as a line. */
  readonly tell: (line: string) => void;
}

/** As the original's scenarios have it, unless they say otherwise. */
const USUAL: ServerSettings = { quotaBytes: 1_000_000, copies: 3, writeCopies: 1, reserve: 0 };

export class Stage {
  readonly servers: Server[] = [];
  readonly options: StageOptions;
  readonly #machinery: Machinery;
  #restarted = 0;

  constructor(machinery: Machinery, options: StageOptions) {
    this.#machinery = machinery;
    this.options = options;
  }

  get password(): string {
    return this.#machinery.password;
  }

  /** New servers of one swarm; resolves when each of them counts all as up. */
  async start<Names extends readonly string[]>(
    names: readonly [...Names],
    settings: Partial<ServerSettings> = {},
  ): Promise<{ [Index in keyof Names]: Server }> {
    this.say(`${list(names)} ${names.length === 1 ? "starts" : "start"} ${JSON.stringify(settings)}`);
    const made = names.map((name) => new Server(this, this.#machinery, name, { ...USUAL, ...settings }));
    const first = this.servers.length === 0 ? made[0] : undefined;
    if (first) await this.#machinery.start(first.name, first.settings);
    await Promise.all(
      made.map((each) => (each === first ? undefined : this.#machinery.start(each.name, each.settings))),
    );
    this.servers.push(...made);
    for (const each of made) each.running = true;
    await this.whole();
    return made as { [Index in keyof Names]: Server };
  }

  get running(): readonly Server[] {
    return this.servers.filter(({ running }) => running);
  }

  /** Waits until every server that runs is ready and counts those, and no other, as up. */
  async whole(): Promise<void> {
    const names = this.running.map(({ name }) => name).sort();
    await this.eventually(
      `${list(names)} ${names.length === 1 ? "is ready alone" : "are up for each other"}`,
      async () => {
        for (const server of this.running) {
          assert.equal((await server.api.health()).status, "ok", server.name);
          const servers = await server.servers();
          const up = servers.filter(({ state }) => state === "up").map(({ name }) => name);
          assert.deepEqual(up.sort(), names, `those that are up for ${server.name}`);
        }
      },
    );
  }

  /**
   * Looks until `check` does not throw. @throws Error with what it threw last, when that does not come about
   * @param extraMs patience beyond the usual
   */
  async eventually(what: string, check: () => Promise<void>, extraMs = 0): Promise<void> {
    const startMs = this.#machinery.nowMs();
    const tookMs = () => this.#machinery.nowMs() - startMs;
    for (;;) {
      try {
        await check();
        break;
      } catch (error) {
        if (tookMs() > this.#machinery.patienceMs + extraMs) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new Error(`it does not come about that ${what}: ${reason}`, { cause: error });
        }
      }
      await this.#machinery.pause();
    }
    this.say(`${what} (after ${seconds(tookMs())})`);
  }

  /**
   * Waits until nothing is being copied and no disk has changed for a while, then checks. @throws Error when there is no rest,
   * or what should hold does not
   */
  async rest(what: string, check: () => Promise<void>): Promise<void> {
    let before: unknown;
    let sinceMs = this.#machinery.nowMs();
    await this.eventually("the swarm is at rest", async () => {
      const pulls = (await this.running[0]!.servers()).map((each) => each.pulls);
      const now = { pulls, disks: await Promise.all(this.running.map((server) => server.disk())) };
      if (pulls.some((count) => count > 0) || !isDeepStrictEqual(now, before)) {
        before = now;
        sinceMs = this.#machinery.nowMs();
      }
      assert.ok(this.#machinery.nowMs() - sinceMs >= this.#machinery.quietMs, "disks still change");
    });
    await this.eventually(what, check);
  }

  /** As `eventually`, for what happens only after the grace period. */
  afterGrace(what: string, check: () => Promise<void>): Promise<void> {
    return this.eventually(what, check, this.#machinery.graceMs);
  }

  /**
   * The middle of a scenario. When restarts are asked for, every server that runs is stopped, then each is started
   * again: they must come back with what they had, down to the very files on their disks.
   */
  async middle(): Promise<void> {
    const { restarts, restartsMax = Number.POSITIVE_INFINITY } = this.options;
    if (!restarts || this.#restarted >= restartsMax) return;
    this.#restarted += 1;
    const running = [...this.running];
    const before = await this.#everything(running);
    this.say(`in the middle, ${list(running.map(({ name }) => name))} stop, all at once, and start again`);
    await Promise.all(running.map((server) => server.stop()));
    await Promise.all(running.map((server) => server.startAlone()));
    await this.whole();
    await this.afterGrace("everything is as it was before the restart", async () => {
      assert.deepEqual(await this.#everything(running), before);
    });
  }

  async #everything(servers: readonly Server[]): Promise<unknown> {
    const { files, bytes, minSurplus } = await servers[0]!.status();
    const disks = [];
    for (const server of servers) disks.push([...(await server.disk())]);
    return { files, bytes, minSurplus, disks };
  }

  publish(path: string, text: string): Promise<string> {
    return this.#machinery.publish(path, text);
  }

  say(line: string): void {
    this.options.tell(`${seconds(this.#machinery.nowMs()).padStart(8)}  ${line}`);
  }
}

/** One server of the story. */
export class Server {
  readonly name: string;
  settings: ServerSettings;
  running = false;
  readonly #stage: Stage;
  readonly #machinery: Machinery;

  constructor(stage: Stage, machinery: Machinery, name: string, settings: ServerSettings) {
    this.#stage = stage;
    this.#machinery = machinery;
    this.name = name;
    this.settings = settings;
  }

  get api(): Api {
    return this.#machinery.api(this.name);
  }

  async put(path: string, text: string): Promise<PutResult> {
    const result = await this.api.put(path, text);
    this.#say(`takes ${path}, ${Buffer.byteLength(text)} bytes, with copies: ${result.copies}`);
    return result;
  }

  async putFrom(path: string, url: string): Promise<void> {
    await this.api.putFrom(path, url);
    this.#say(`fetches ${path} from outside`);
  }

  /** Some at a time, as the CLI does. */
  async putAll(files: ReadonlyMap<string, string>): Promise<void> {
    const left = [...files];
    const worker = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await this.api.put(...next);
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    this.#say(`takes ${files.size} files`);
  }

  async remove(path: string): Promise<void> {
    await this.api.remove(path);
    this.#say(`deletes ${path}`);
  }

  read(path: string): Promise<string> {
    return this.api.read(path);
  }

  async locate(path: string): Promise<Location | undefined> {
    return (await this.api.locate([path]))[0];
  }

  /** @throws Error when it knows no such file */
  async located(path: string): Promise<Location> {
    return (await this.locate(path)) ?? assert.fail(`${this.name} does not locate ${path}`);
  }

  status(): Promise<SwarmStatus> {
    return this.api.status();
  }

  servers(): Promise<readonly ServerInfo[]> {
    return this.api.servers();
  }

  /** What this server says of another, or of itself. */
  async infoOf(other: Server): Promise<ServerInfo> {
    const info = (await this.servers()).find(({ name }) => name === other.name);
    return info ?? assert.fail(`${this.name} does not have ${other.name} in its roster`);
  }

  disk(): Promise<ReadonlyMap<string, DiskFile>> {
    return this.#machinery.disk(this.name);
  }

  /** What lies on its disk, by path. */
  async files(): Promise<Record<string, string>> {
    return Object.fromEntries([...(await this.disk())].map(([path, { text }]) => [path, text]));
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.#machinery.stop(this.name);
    this.#say("has stopped");
  }

  async kill(): Promise<void> {
    this.running = false;
    await this.#machinery.kill(this.name);
    this.#say("is killed");
  }

  /** On its own disk; resolves when it and the others count each other as up. */
  async start(): Promise<void> {
    await this.startAlone();
    await this.#stage.whole();
  }

  /** Resolves when it answers. */
  async startAlone(): Promise<void> {
    await this.#machinery.start(this.name, this.settings);
    this.running = true;
    this.#say("starts again");
  }

  outsider(secret: Secret): Outsider {
    return this.#machinery.outsider(this.name, secret);
  }

  /** Gives up its own copy, as its operator asks. */
  async drop(path: string): Promise<void> {
    await this.api.drop(path);
    this.#say(`gives up ${path}`);
  }

  /** Options that it has from its next start on. */
  change(settings: Partial<ServerSettings>): void {
    this.settings = { ...this.settings, ...settings };
    this.#say(`gets ${JSON.stringify(settings)}`);
  }

  async breakDisk(): Promise<void> {
    await this.#machinery.breakDisk(this.name);
    this.#say("has a broken disk");
  }

  async mendDisk(): Promise<void> {
    await this.#machinery.mendDisk(this.name);
    this.#say("has a sound disk again");
  }

  async loseFromDisk(path: string): Promise<void> {
    await this.#machinery.removeFromDisk(this.name, path);
    this.#say(`has ${path} taken from its disk by hand`);
  }

  async plantAllOnDisk(files: ReadonlyMap<string, string>): Promise<void> {
    for (const [path, text] of files) await this.#machinery.writeToDisk(this.name, path, text);
    this.#say(`has ${files.size} files put on its disk by hand`);
  }

  async plantBeside(path: string, text: string): Promise<void> {
    await this.#machinery.writeBeside(this.name, path, text);
  }

  async adopt(directory: string, to?: string): Promise<{ adopted: number; present: number; skipped: number }> {
    const done = await this.#machinery.adopt(this.name, directory, to);
    this.#say(`adopts ${directory}: ${JSON.stringify(done)}`);
    return done;
  }

  async plantOnDisk(path: string, text: string): Promise<void> {
    await this.#machinery.writeToDisk(this.name, path, text);
    this.#say(`has ${path} put on its disk by hand`);
  }

  /** Checks that `action` is refused as it should be, with something to read and something to do. */
  async refuses(code: ErrorCode, what: string, action: () => Promise<unknown>): Promise<void> {
    const error = await failureOf(action);
    if (!(error instanceof FsdfsError))
      throw new Error(`${what}: expected ${code}, got ${String(error)}`, { cause: error });
    assert.equal(error.code, code, `${what}: ${error.message}`);
    assert.ok(error.message.length > 10 && error.hint.length > 10, "an error says what happened and what to do");
    this.#say(`refuses ${what}: ${code}: ${error.message}`);
  }

  #say(line: string): void {
    this.#stage.say(`${this.name} ${line}`);
  }
}

/** What `action` rejects with. @throws Error when it does not */
export async function failureOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error("it was done, and should have been refused");
}

export function holders(location: Pick<Location, "servers">): string[] {
  return location.servers.map(({ name }: HolderInfo) => name).sort();
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function list(names: readonly string[]): string {
  if (names.length > 6) return `${names.length} servers`;
  return names.join(", ");
}
