/**
 * Full disks, and a server lost for good (section 8): five servers of uneven quotas that together hold about twice what
 * there is take files until they are full. Then one is killed and never comes back. After the grace period every file is
 * to have the best surplus again that the quotas left allow, with nothing lost, and no server over its quota at any time.
 */
import { createCluster, type RealServer, startAll, waitFor } from "./cluster.ts";
import { read, sha256Of } from "./disk-tree.ts";
import { type QuotaUse, QuotaWatch } from "./quota-watch.ts";

/** N, as it is by default. */
const TARGET = 3;
/** `fsdfs` keeps it out of what copies may use (`--reserve`). */
const RESERVE = 0.02;

export interface FullDisks {
  /** What the files are, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of each server, in bytes. */
  readonly quotas: readonly number[];
  /** Which of them is killed. */
  readonly victim: number;
  /** Further arguments of `start`. */
  readonly args: readonly string[];
  /** Whether that is rest: the surpluses in order, and for how long no file has come or gone. */
  readonly isRest: (surpluses: readonly number[], stillMs: number, quotas: readonly number[]) => boolean;
  readonly timeoutMs: number;
  readonly tell: (line: string) => void;
}

export interface FullDisksFigures {
  readonly files: number;
  readonly bytes: number;
  /** In order, with all servers, and with those that are left. */
  readonly surplusesBefore: readonly number[];
  readonly surplusesAfter: readonly number[];
  /** From the last upload, and from the kill. */
  readonly filledMs: number;
  readonly healedMs: number;
  /** That came onto plain disks after the kill, and of those what the lost server had held. */
  readonly movedBytes: number;
  readonly lostBytes: number;
  /** Of the quotas of the servers that are left, how much copies use at rest. */
  readonly usedShare: number;
  readonly quotas: readonly QuotaUse[];
}

/** The greatest least surplus that there can be: of files of one size and one N exactly, else a bound. */
export function bestSurplus(sizes: readonly number[], quotas: readonly number[]): number {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  for (let copies = quotas.length; copies > 0; copies--) {
    // No server has more than one copy of each, nor any part of one.
    const room = quotas.reduce((sum, quota) => sum + Math.min(total, usable(sizes, quota)), 0);
    if (room >= copies * total) return copies - TARGET;
  }
  return -TARGET;
}

/** The sorted surpluses of files of one size when all slots are in use and spread as evenly as can be. */
export function bestSurpluses(files: number, sizeBytes: number, quotas: readonly number[]): number[] {
  const slots = quotas.reduce(
    (sum, quota) => sum + Math.min(files, Math.floor((quota * (1 - RESERVE)) / sizeBytes)),
    0,
  );
  const low = Math.floor(slots / files);
  const higher = slots - low * files;
  return Array.from({ length: files }, (_, at) => low + Number(at >= files - higher) - TARGET);
}

/** @throws when a file is lost or wrong, a server was over its quota, or rest was not reached */
export async function fullDisks(options: FullDisks): Promise<FullDisksFigures> {
  const cluster = await createCluster();
  let watches: readonly QuotaWatch[] = [];
  try {
    const servers = await startAll(
      cluster,
      options.quotas.map((quota) => [...options.args, "--quota", String(quota)]),
    );
    watches = servers.map((server, at) => new QuotaWatch(server, options.quotas[at]!));
    return await new Story(servers, watches, options).play();
  } catch (error) {
    const logs = cluster.servers.map((server) => `--- ${server.name}\n${server.output().slice(-2000)}`).join("\n");
    throw new Error(`${String(error)}\n${logs}`, { cause: error });
  } finally {
    for (const watch of watches) watch.end();
    await cluster.close();
  }
}

class Story {
  readonly #servers: readonly RealServer[];
  readonly #watches: readonly QuotaWatch[];
  readonly #options: FullDisks;
  readonly #paths: readonly string[];

  constructor(servers: readonly RealServer[], watches: readonly QuotaWatch[], options: FullDisks) {
    this.#servers = servers;
    this.#watches = watches;
    this.#options = options;
    this.#paths = [...options.files.keys()];
  }

  async play(): Promise<FullDisksFigures> {
    const { files, quotas, victim, tell } = this.#options;
    const everybody = this.#servers.map((_, at) => at);
    const survivors = everybody.filter((at) => at !== victim);
    await this.#putAll();
    const filled = await this.#rest("full", everybody);
    tell(`full after ${seconds(filled.ms)}: ${counts(filled.surpluses)}`);
    const lost = this.#held([victim]);
    for (const watch of this.#watches) watch.begin();
    await this.#servers[victim]!.kill();
    const healed = await this.#rest("at rest again", survivors);
    tell(`at rest again after ${seconds(healed.ms)}: ${counts(healed.surpluses)}`);
    await this.#readAll(survivors);
    const uses = this.#watches.map((watch) => watch.use());
    this.#judge(uses);
    const left = this.#held(survivors);
    const room = survivors.reduce((sum, at) => sum + quotas[at]!, 0);
    return {
      ...{ files: files.size, bytes: bytesOf(files, this.#paths), quotas: uses },
      ...{ surplusesBefore: filled.surpluses, surplusesAfter: healed.surpluses },
      ...{ filledMs: Math.round(filled.ms), healedMs: Math.round(healed.ms) },
      movedBytes: uses.reduce((sum, { arrivedBytes }) => sum + arrivedBytes, 0),
      lostBytes: bytesOf(files, lost),
      usedShare: bytesOf(files, left) / room,
    };
  }

  async #putAll(): Promise<void> {
    let at = 0;
    for (const [path, content] of this.#options.files) {
      const server = this.#servers[at++ % this.#servers.length]!;
      const { copies } = await server.client.put(path, content);
      if (copies < 2) throw new Error(`${path} was acknowledged with ${copies} copies`);
    }
  }

  /** Waits until all of these servers, and their disks, say that it is rest. Answers when that began. */
  async #rest(what: string, servers: readonly number[]): Promise<{ surpluses: number[]; ms: number }> {
    const { isRest, quotas, timeoutMs } = this.#options;
    const startedMs = performance.now();
    const rests = (surpluses: readonly number[]) =>
      isRest(
        surpluses,
        this.#stillMs(),
        servers.map((at) => quotas[at]!),
      );
    let last: readonly number[] = [];
    const look = async () => {
      last = this.#surplusesOnDisks(servers);
      if (!rests(last)) return false;
      for (const at of servers) if (!rests(await this.#surplusesTold(this.#servers[at]!))) return false;
      return true;
    };
    await waitFor(what, look, timeoutMs).catch((error: unknown) => {
      throw new Error(`not ${what}: ${counts(last)}`, { cause: error });
    });
    return { surpluses: [...last], ms: Math.max(0, performance.now() - startedMs - this.#stillMs()) };
  }

  #stillMs(): number {
    return Math.min(...this.#watches.map((watch) => watch.stillMs()));
  }

  #surplusesOnDisks(servers: readonly number[]): number[] {
    const held = this.#held(servers);
    return this.#paths.map((path) => held.filter((each) => each === path).length - TARGET).sort((a, b) => a - b);
  }

  async #surplusesTold({ client }: RealServer): Promise<number[]> {
    const locations = await client.locateMany(this.#paths);
    return locations.map((location) => (location?.copies ?? 0) - TARGET).sort((a, b) => a - b);
  }

  /** Paths of the files on the disks of these servers, as often as there are copies. */
  #held(servers: readonly number[]): string[] {
    return servers.flatMap((at) => this.#watches[at]!.names()).filter((name) => this.#options.files.has(name));
  }

  /** Through the first of these servers, wherever the copies lie. */
  async #readAll([first]: readonly number[]): Promise<void> {
    for (const [path, content] of this.#options.files) {
      const digest = sha256Of(await read(this.#servers[first!]!.client, path));
      if (digest !== sha256Of(content)) throw new Error(`${path} is read with other bytes than it was put with`);
    }
  }

  #judge(uses: readonly QuotaUse[]): void {
    for (const { name, mostBytes, quotaBytes, looks } of uses) {
      if (mostBytes > quotaBytes) throw new Error(`${name} had ${mostBytes} bytes, and its quota is ${quotaBytes}`);
      if (looks < 10) throw new Error(`${name} was looked at ${looks} times only`);
    }
  }
}

/** No more than its quota without the reserve, of whole files. */
function usable(sizes: readonly number[], quota: number): number {
  const room = quota * (1 - RESERVE);
  const [first] = sizes;
  return sizes.every((size) => size === first) && first !== undefined ? Math.floor(room / first) * first : room;
}

function bytesOf(files: ReadonlyMap<string, Uint8Array>, paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + (files.get(path)?.length ?? 0), 0);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** How many files have which surplus. */
function counts(surpluses: readonly number[]): string {
  const kinds = [...new Set(surpluses)];
  return kinds.map((kind) => `${surpluses.filter((each) => each === kind).length} of surplus ${kind}`).join(", ");
}
