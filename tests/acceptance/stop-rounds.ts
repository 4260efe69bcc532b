/**
 * SIGSTOP of servers amid heavy dropping, for longer than any time-out, again and again (P3, D1 to D4). Five servers have
 * room for little more than two copies of each file (W = 2, N = 3); uploads, deletions and quotas that are lowered and
 * raised keep copies going. Each round:
 *
 * 1. one server is stopped, at a random moment or right when a copy of its goes into the trash, and stands still for 6 to
 *    12 s: longer than the time-out of a promise (5 s) and than the grace period (4 s). Rounds overlap;
 * 2. it goes on. Soon after, and again when it is level, everybody is stopped and all disks are read: no acknowledged file
 *    has fewer than two whole copies, and nothing lies anywhere that was never put there.
 *
 * At the end every disk has what was acknowledged last, and every file is read through every server.
 */
import { setTimeout as delay } from "node:timers/promises";
import { SeededRandom } from "../simulation/random.ts";
import { createCluster, type RealServer, startAll, waitFor } from "./cluster.ts";
import { read, sha256Of } from "./disk-tree.ts";
import { History } from "./kill-history.ts";
import { whereIs } from "./stop-evidence.ts";
import { FrozenSwarm } from "./stop-frozen.ts";
import { quotaOf, StopWorkload } from "./stop-workload.ts";

const SERVERS = 5;
const WRITE_COPIES = 2;
/** Rounds that overlap: three of five at least must be up for a copy to go, whose holders promise theirs (D1). */
const AT_ONCE = 2;
const STOP_MS_MIN = 6000;
const STOP_MS_MAX = 12_000;
/** Before a stop: a random moment within. */
const WAIT_MS_MAX = 1500;
/** How long a stop that is to meet a drop waits for one. */
const DROP_MS_MAX = 3000;
/** Of a server that goes on: what it does first is what it had begun. */
const SOON_MS = 300;
/** Share of the stops that wait for a drop. */
const AMID_DROPS = 0.7;
const LEVEL_MS_MAX = 120_000;
/** Share of the stops in which its serving processes stand still as well. */
const WHOLE_SERVER = 0.5;
const ARGS = ["--strict", "--grace", "4s", "--processes", "1"];

export interface StopFigures {
  readonly rounds: number;
  /** Of these, the stops that came right when a copy was being dropped. */
  readonly amidDrops: number;
  /** Copies that any server gave up to make room, as far as nothing else explains that they went. */
  readonly drops: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  readonly removed: number;
  readonly quotas: number;
  /** Times that all disks were read while everybody stood still. */
  readonly looks: number;
  /** The fewest copies of an acknowledged file that was not being written, in any look. */
  readonly fewestCopies: number;
  readonly stoppedMsTotal: number;
}

/** @throws with what went wrong in which round, and the seed */
export async function stopRounds(
  rounds: number,
  seed: number,
  tell: (line: string) => void = () => undefined,
): Promise<StopFigures> {
  const cluster = await createCluster();
  let exercise: Exercise | undefined;
  try {
    const args = Array.from({ length: SERVERS }, (_, at) => [...ARGS, "--quota", String(quotaOf(at))]);
    exercise = new Exercise(await startAll(cluster, args), SeededRandom.of(seed, "stop"));
    await exercise.run(rounds, tell);
    return exercise.figures();
  } catch (error) {
    const logs = cluster.servers.map((server) => `--- ${server.name}\n${server.output().slice(-3000)}`).join("\n");
    throw new Error(`seed ${seed}: ${String(error)}\n${logs}`, { cause: error });
  } finally {
    exercise?.end();
    await cluster.close();
  }
}

class Exercise {
  readonly #servers: readonly RealServer[];
  readonly #history = new History(WRITE_COPIES);
  readonly #workload: StopWorkload;
  readonly #frozen: FrozenSwarm;
  readonly #random: SeededRandom;
  #begun = 0;
  #done = 0;
  #amidDrops = 0;
  #looks = 0;
  #fewestCopies = SERVERS;
  #stoppedMsTotal = 0;

  constructor(servers: readonly RealServer[], random: SeededRandom) {
    this.#servers = servers;
    this.#random = random;
    this.#workload = new StopWorkload(servers, this.#history, random);
    this.#frozen = new FrozenSwarm(servers);
  }

  /** Nobody works or stands still any more. */
  end(): void {
    this.#workload.end();
    this.#frozen.release();
  }

  figures(): StopFigures {
    const { acknowledged, unanswered } = this.#history;
    const { drops, removed, quotas } = this.#workload;
    return {
      ...{ rounds: this.#done, amidDrops: this.#amidDrops, drops, acknowledged, unanswered, removed, quotas },
      ...{ looks: this.#looks, fewestCopies: this.#fewestCopies, stoppedMsTotal: Math.round(this.#stoppedMsTotal) },
    };
  }

  async run(rounds: number, tell: (line: string) => void): Promise<void> {
    await this.#workload.fill();
    const working = this.#workload.run();
    const lanes = Array.from({ length: AT_ONCE }, async () => {
      while (this.#begun < rounds) tell(await this.#round(++this.#begun));
    });
    await Promise.race([Promise.all(lanes), working]);
    this.#workload.end();
    await working;
    await this.#judgeTheEnd();
  }

  /** Answers what to tell of it. */
  async #round(round: number): Promise<string> {
    const victim = this.#pick();
    const isAmidDrop = await this.#momentOf(victim);
    const stopMs = Math.round(STOP_MS_MIN + this.#random.fraction() ** 3 * (STOP_MS_MAX - STOP_MS_MIN));
    const isWhole = this.#random.fraction() < WHOLE_SERVER;
    await this.#frozen.stop(victim, isWhole);
    await delay(stopMs);
    await this.#frozen.goOn(victim);
    await delay(SOON_MS);
    const soon = await this.#look(`round ${round}: soon after ${victim.name} went on`);
    await waitFor(
      `round ${round}: ${victim.name} is level again`,
      async () => (await victim.client.health()).status === "ok",
      LEVEL_MS_MAX,
    );
    const level = await this.#look(`round ${round}: when ${victim.name} was level`);
    this.#workload.back(victim);
    this.#done++;
    this.#stoppedMsTotal += stopMs;
    this.#amidDrops += Number(isAmidDrop);
    const what = {
      server: victim.name,
      stopMs,
      isAmidDrop,
      isWhole,
      fewest: [soon, level],
      drops: this.#workload.drops,
    };
    return `round ${round}: ${JSON.stringify(what)}`;
  }

  #pick(): RealServer {
    const running = this.#workload.running();
    const victim = running[this.#random.uint32() % running.length] as RealServer;
    this.#workload.leave(victim);
    return victim;
  }

  /** Waits for the moment of a stop. Answers whether it is that of a drop. */
  async #momentOf(victim: RealServer): Promise<boolean> {
    const isToMeetDrop = this.#random.fraction() < AMID_DROPS;
    await delay(this.#random.fraction() * WAIT_MS_MAX);
    return isToMeetDrop && (await this.#workload.nextDrop(victim, DROP_MS_MAX));
  }

  /** Stops everybody and reads all disks. Answers the fewest copies of a file that nobody is writing. */
  async #look(when: string): Promise<number> {
    const { disks, owed } = await this.#frozen.look(() => [...this.#history.owed()]);
    this.#looks++;
    let fewest = SERVERS;
    for (const { path, contents, copies } of owed) {
      const found = disks.filter((disk) => contents.has(disk.files.get(path)?.sha256 ?? ""));
      if (found.length < copies) {
        const where = await whereIs(contents, this.#servers);
        const now = this.#frozen.standing().join(", ");
        throw new Error(
          `${when}: ${path} has ${found.length} copies of ${copies}, on ${found.map(({ name }) => name).join(", ")}. ` +
            `A moment later there are ${where.join("; ")}. Standing still: ${now}`,
        );
      }
      if (copies === WRITE_COPIES) fewest = Math.min(fewest, found.length);
    }
    for (const { name, files } of disks) {
      for (const [path, { sha256 }] of files) {
        if (this.#history.isForeign(path, sha256)) throw new Error(`${when}: ${name} has wrong bytes at ${path}`);
      }
    }
    this.#fewestCopies = Math.min(this.#fewestCopies, fewest);
    return fewest;
  }

  /** All is up: what lies on the disks, and what is read, is what was acknowledged. */
  async #judgeTheEnd(): Promise<void> {
    for (const server of this.#servers) {
      const isWell = async () => {
        const { servers, minSurplus, copies } = await server.client.status();
        return servers.up === SERVERS && minSurplus !== null && minSurplus >= WRITE_COPIES - copies;
      };
      await waitFor(`at the end ${server.name} says that all is well`, isWell, LEVEL_MS_MAX);
    }
    await this.#look("at the end");
    await waitFor("no disk has anything but what was acknowledged last", () => this.#isOnlyTheLast(), LEVEL_MS_MAX);
    const { owed } = await this.#frozen.look(() => [...this.#history.owed()]);
    for (const server of this.#servers) {
      for (const { path } of owed) {
        const complaint = this.#history.complaint(path, sha256Of(await read(server.client, path)));
        if (complaint !== undefined) throw new Error(`at the end, through ${server.name}: ${complaint}`);
      }
    }
  }

  async #isOnlyTheLast(): Promise<boolean> {
    const { disks } = await this.#frozen.look(() => []);
    const complaints = disks.flatMap(({ files }) =>
      Array.from(files, ([path, { sha256 }]) => this.#history.complaint(path, sha256)),
    );
    const complaint = complaints.find((each) => each !== undefined);
    if (complaint !== undefined) throw new Error(complaint);
    return true;
  }
}
