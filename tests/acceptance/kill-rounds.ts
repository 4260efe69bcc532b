/**
 * kill -9 of any one of three servers while clients write, again and again (P2, P3). Each round:
 *
 * 1. writers put new files and overwrite old ones, through all three servers;
 * 2. at a random moment one server is killed, and they go on;
 * 3. every acknowledged file is read whole through each server that is left;
 * 4. the killed server is started again, and is level without copying what it had: the files it had, and that nobody has
 *    written since, are the same inodes with the same times.
 */
import { setTimeout as delay } from "node:timers/promises";
import { FsdfsError } from "../../src/errors.ts";
import { SeededRandom } from "../simulation/random.ts";
import { createCluster, type RealServer, waitFor } from "./cluster.ts";
import { digests, type PlainFile, read, readPlainFiles, sha256Of } from "./disk-tree.ts";
import { History } from "./kill-history.ts";

const SERVERS = 3;
const WRITERS = 4;
const PUTS_PER_WRITER = 6;
const FILE_BYTES_MAX = 400_000;
/** When the kill comes, after the writers began: they take about so long. */
const KILL_AFTER_MS_MAX = 700;
/** Share of the puts that overwrite what the writer put before. */
const OVERWRITES = 0.3;
const LEVEL_MS_MAX = 60_000;

export interface KillFigures {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  /** Reads through the survivors, each of a whole acknowledged file. */
  readonly reads: number;
  /** Copies that a killed server had and that are the same files on its disk after its return. */
  readonly kept: number;
  /** Copies that it lacked and got. */
  readonly copied: number;
  readonly files: number;
  /** From a start after a kill until the server is level. */
  readonly levelMsMax: number;
}

/** @throws with what went wrong in which round, and the seed to repeat it */
export async function killRounds(
  rounds: number,
  seed: number,
  tell: (line: string) => void = () => undefined,
): Promise<KillFigures> {
  const cluster = await createCluster();
  try {
    for (let at = 0; at < SERVERS; at++) await cluster.start();
    await cluster.whole();
    const exercise = new Exercise(cluster.servers, seed);
    for (let round = 1; round <= rounds; round++) {
      await exercise.round(round).catch((error: unknown) => {
        const logs = cluster.servers.map((server) => `--- ${server.name}\n${server.output().slice(-2000)}`).join("\n");
        throw new Error(`round ${round}, seed ${seed}: ${String(error)}\n${logs}`, { cause: error });
      });
      tell(`round ${round}: ${JSON.stringify(exercise.figures(round))}`);
    }
    return exercise.figures(rounds);
  } finally {
    await cluster.close();
  }
}

class Exercise {
  readonly #servers: readonly RealServer[];
  readonly #history = new History();
  readonly #random: SeededRandom;
  #files = 0;
  #reads = 0;
  #kept = 0;
  #copied = 0;
  #levelMsMax = 0;

  constructor(servers: readonly RealServer[], seed: number) {
    this.#servers = servers;
    this.#random = SeededRandom.of(seed, "kill");
  }

  figures(rounds: number): KillFigures {
    const { acknowledged, unanswered } = this.#history;
    const counts = { reads: this.#reads, kept: this.#kept, copied: this.#copied, files: this.#files };
    return { rounds, acknowledged, unanswered, ...counts, levelMsMax: Math.round(this.#levelMsMax) };
  }

  async round(round: number): Promise<void> {
    const victim = this.#servers[this.#random.uint32() % SERVERS] as RealServer;
    const killAfterMs = this.#random.fraction() * KILL_AFTER_MS_MAX;
    const writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(round, writer));
    const killed = delay(killAfterMs).then(() => victim.kill());
    await Promise.all([killed, ...writers]);
    await this.#readThroughTheRest(round, victim);
    const had = await readPlainFiles(victim.data);
    const startedMs = performance.now();
    await victim.restart();
    const now = await this.#level(victim.name);
    this.#levelMsMax = Math.max(this.#levelMsMax, performance.now() - startedMs);
    this.#compare(had, now);
  }

  async #write(round: number, writer: number): Promise<void> {
    const random = SeededRandom.of(this.#random.uint32(), `writer ${writer}`);
    for (let at = 0; at < PUTS_PER_WRITER; at++) {
      const isOverwrite = round > 1 && random.fraction() < OVERWRITES;
      const when = isOverwrite ? 1 + (random.uint32() % (round - 1)) : round;
      const path = `round-${when}/writer-${writer}/${at}.ogg`;
      const content = random.bytes(1 + Math.floor(random.fraction() ** 3 * FILE_BYTES_MAX));
      const running = this.#servers.filter((server) => server.running());
      const server = running[random.uint32() % running.length] as RealServer;
      await this.#history.put(server.client, path, content, round);
    }
  }

  async #readThroughTheRest(round: number, victim: RealServer): Promise<void> {
    for (const server of this.#servers) {
      if (server.name === victim.name) continue;
      for (const path of this.#history.of(round)) {
        const content = await read(server.client, path).catch((error: unknown) => {
          const isAbsent = error instanceof FsdfsError && error.code === "file-not-found";
          // Without any acknowledgement the only copy may be on the killed server.
          if (isAbsent || !this.#history.isAcknowledged(path)) return undefined;
          throw new Error(`${path} cannot be read through ${server.name}: ${String(error)}`, { cause: error });
        });
        const complaint = this.#history.complaint(path, content === undefined ? undefined : sha256Of(content));
        if (complaint !== undefined) throw new Error(`through ${server.name}: ${complaint}`);
        this.#reads++;
      }
    }
  }

  /** Waits until all disks have the same files, and those are right. Answers what one server has then. */
  async #level(name: string): Promise<Map<string, PlainFile>> {
    const isWhole = async ({ client }: RealServer) => {
      const { servers, minSurplus } = await client.status();
      return servers.up === SERVERS && minSurplus === 0;
    };
    for (const server of this.#servers) {
      await waitFor(`${server.name} says that all is level`, () => isWhole(server), LEVEL_MS_MAX);
    }
    const disks = await waitFor("all disks are equal", () => this.#equalDisks(), LEVEL_MS_MAX);
    for (const disk of disks.values()) {
      const complaints = this.#history.complaints(disk);
      if (complaints.length > 0) throw new Error(complaints.join("; "));
      this.#files = disk.size;
    }
    return disks.get(name) as Map<string, PlainFile>;
  }

  async #equalDisks(): Promise<Map<string, Map<string, PlainFile>> | undefined> {
    const disks = new Map<string, Map<string, PlainFile>>();
    for (const { name, data } of this.#servers) disks.set(name, await readPlainFiles(data));
    const texts = new Set([...disks.values()].map((disk) => JSON.stringify(digests(disk))));
    return texts.size === 1 ? disks : undefined;
  }

  #compare(had: ReadonlyMap<string, PlainFile>, now: ReadonlyMap<string, PlainFile>): void {
    for (const [path, file] of now) {
      const before = had.get(path);
      if (before?.sha256 !== file.sha256) {
        this.#copied++;
        continue;
      }
      if (before.inode !== file.inode || before.modifiedNs !== file.modifiedNs)
        throw new Error(`${path} was there before the start and was copied again`);
      this.#kept++;
    }
  }
}
