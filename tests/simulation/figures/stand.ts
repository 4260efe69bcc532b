/**
 * What figures are measured on: whole servers as the simulator composes them, on disks that hold a given state from the
 * start. Each server's share of the files lies on its disk and is adopted there, while the load of all machines is so high
 * that nobody copies (M4). Then they are let go, and what they move is counted where it is written.
 */
import { DATA_PATH } from "../../../src/adapters/memory/sources.ts";
import type { FilePath } from "../../../src/core/paths.ts";
import { composeServer } from "../../../src/main.ts";
import type { Location } from "../../../src/server/face.ts";
import { withBugsReported } from "../bugs.ts";
import type { Compose, Machine } from "../machine.ts";
import { permittedMoves } from "../oracles/moves.ts";
import { SeededRandom } from "../random.ts";
import { comeToRest } from "../rest.ts";
import { Swarm, type SwarmConfig } from "../swarm.ts";
import { playToEnd } from "../to-end.ts";
import { World } from "../world.ts";
import { bytesOf } from "./states.ts";
import { writeTargets } from "./targets.ts";
import { PullLog, watchedFiles } from "./watching.ts";

export interface StandFile {
  readonly sizeBytes: number;
  /** N of this one; else the swarm's. */
  readonly target?: number;
}

export interface StandServer {
  readonly quotaBytes: number;
  /** Indexes of the files that lie on its disk in the beginning. */
  readonly holds: readonly number[];
}

export interface StandState {
  readonly seed: number;
  readonly files: readonly StandFile[];
  readonly servers: readonly StandServer[];
  readonly config: Partial<SwarmConfig> & Pick<SwarmConfig, "copies">;
}

/** By server: the indexes of the files that it holds. */
export type Holdings = readonly ReadonlySet<number>[];

const DIRECTORY = "f";
const BUSY = 1;
const BOOT_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 4 * 3_600_000;
const ADOPT_TIMEOUT_MS = 600_000;
const ASK_TIMEOUT_MS = 20_000;
const POLL_MS = 1_000;
/** Longer than a server leaves a copy alone that it gave up, or another one that refused a copy. */
const QUIET_MS = 75_000;
const LOCATED_AT_ONCE = 500;

export class Stand {
  readonly world: World;
  readonly swarm: Swarm;
  readonly state: StandState;
  /** Bytes that were written for copies since the servers were let go. */
  movedBytes = 0;
  readonly pulls: PullLog;
  /** When a disk last changed. */
  #changedMs = 0;

  constructor(state: StandState) {
    this.state = state;
    this.world = new World(state.seed);
    this.pulls = new PullLog(() => this.world.nowMs);
    const quotasBytes = state.servers.map(({ quotaBytes }) => quotaBytes);
    const config: SwarmConfig = {
      servers: state.servers.length,
      writeCopies: 1,
      graceMs: 600_000,
      quotaBytes: Math.max(...quotasBytes),
      quotasBytes,
      strict: false,
      latencyMs: 1,
      discovery: false,
      ...state.config,
    };
    this.swarm = new Swarm(this.world, config, this.#counting());
  }

  get machines(): readonly Machine[] {
    return this.swarm.machines;
  }

  /** Plays a story in simulated time. @throws Error with what went wrong, seen or unseen */
  async play(story: () => Promise<void>): Promise<void> {
    await withBugsReported(this.world, () => playToEnd(this.world, RUN_LIMIT_MS, story));
    const [failure] = this.world.failures;
    if (failure) throw new Error(`${failure.rule}: ${failure.message}`);
  }

  /** The servers are up, know each other and hold what they should, and nobody copies anything. */
  async prepare(): Promise<void> {
    for (const [index, machine] of this.machines.entries()) {
      machine.delays.hiccups = false;
      machine.load = BUSY;
      for (const file of this.state.servers[index]!.holds) {
        machine.files.writeExternally(pathOf(file), this.#contentOf(file));
      }
      machine.start();
    }
    await this.#whole("at the start", POLL_MS / 4);
    for (const machine of this.machines) await this.#adopt(machine);
    await this.#whole("with what lay there", POLL_MS);
    await this.#sayTargets(this.machines[0]!);
    await this.#waitForQuiet(2 * POLL_MS);
    await this.#checkTargets();
  }

  /** From now on servers copy. */
  letGo(): void {
    this.movedBytes = 0;
    this.#changedMs = this.world.nowMs;
    for (const machine of this.machines) machine.load = 0;
  }

  /** Waits until no disk has changed for so long. Answers how long it took until the last change, in simulated milliseconds. */
  async rest(limitMs: number, quietMs = QUIET_MS): Promise<number> {
    const startMs = this.world.nowMs;
    await this.#waitForQuiet(quietMs, limitMs);
    return this.#changedMs - startMs;
  }

  /** Whether any disk changes in so much more time. */
  async changesWithin(ms: number): Promise<boolean> {
    const sinceMs = this.world.nowMs;
    await this.world.sleep(ms);
    return this.#changedMs > sinceMs;
  }

  /** What lies on the disks of the machines that run. */
  holdings(): Holdings {
    return this.machines.map((machine) => {
      const files = machine.files
        .tree()
        .filter(({ name, type }) => type === "file" && name.startsWith(`${DIRECTORY}/`));
      return new Set(machine.running ? files.map(({ name }) => fileOf(name)) : []);
    });
  }

  /** Bytes that each disk has of copies, of files on their way and of trash: what the quota bounds (S3). */
  usedBytes(): number[] {
    return this.machines.map((machine) =>
      machine.files
        .tree()
        .filter(({ name, type }) => type === "file" && COUNTED.some((directory) => name.startsWith(directory)))
        .reduce((sum, { stat }) => sum + stat.sizeBytes, 0),
    );
  }

  /** What a server tells of each file: its surplus. @throws Error when it does not know one */
  async surpluses(machine: Machine): Promise<number[]> {
    return (await this.#locate(machine)).map(({ surplus }) => surplus);
  }

  /** What some server should still do, as the disks have it (R1, P6). */
  movesLeft(): string[] {
    const { files, servers, config } = this.state;
    const held = this.holdings();
    const nameOf = (server: number) => this.machines[server]!.name;
    const placed = files.map(({ sizeBytes, target = config.copies }, file) => {
      const holders = new Set(held.flatMap((each, server) => (each.has(file) ? [nameOf(server)] : [])));
      return { path: pathOf(file), sizeBytes, target, surplus: holders.size - target, holders };
    });
    const placing = servers.flatMap(({ quotaBytes }, server) => {
      if (!this.machines[server]!.running) return [];
      const id = nameOf(server);
      const limitBytes = Math.floor(quotaBytes * (1 - this.swarm.reserve));
      return [{ id, name: id, copyBytes: bytesOf(files, held[server]!), limitBytes, trashBytes: 0 }];
    });
    return permittedMoves({ files: placed, servers: placing, writeCopies: this.swarm.config.writeCopies });
  }

  /** @throws Error when a server has more than its quota */
  checkQuotas(): void {
    for (const [index, used] of this.usedBytes().entries()) {
      const { quotaBytes } = this.state.servers[index]!;
      if (used > quotaBytes) throw new Error(`s${index + 1} has ${used} bytes, its quota is ${quotaBytes}`);
    }
  }

  async #locate(machine: Machine): Promise<Location[]> {
    const locations: Location[] = [];
    for (let from = 0; from < this.state.files.length; from += LOCATED_AT_ONCE) {
      const paths = this.state.files.slice(from, from + LOCATED_AT_ONCE).map((_, i) => pathOf(from + i));
      for (const location of await machine.ask((face) => face.locate(paths), ASK_TIMEOUT_MS)) {
        if (location === undefined) throw new Error(`${machine.name} does not know a file`);
        locations.push(location);
      }
    }
    return locations;
  }

  /** N of files that are there: what was said of a path before is not that of a file that comes there (Y1). */
  async #sayTargets(machine: Machine): Promise<void> {
    const targets = this.state.files.flatMap(({ target }, file): [FilePath, number][] =>
      target === undefined ? [] : [[pathOf(file) as FilePath, target]],
    );
    if (targets.length === 0) return;
    const servers = await machine.ask((face) => face.servers(), ASK_TIMEOUT_MS);
    const { id } = servers.find(({ name }) => name === machine.name)!;
    machine.crash();
    await writeTargets(machine, id, new Map(targets), this.state.config.copies);
    machine.start();
    await this.#whole("with N of each file", POLL_MS);
  }

  /** All servers know N of every file. */
  async #checkTargets(): Promise<void> {
    const { files, config } = this.state;
    for (const machine of this.machines) {
      for (const [file, { target }] of (await this.#locate(machine)).entries()) {
        if (target !== (files[file]!.target ?? config.copies)) throw new Error(`${machine.name} has another N`);
      }
    }
  }

  async #waitForQuiet(quietMs: number, limitMs = BOOT_LIMIT_MS): Promise<void> {
    const endMs = this.world.nowMs + limitMs;
    while (this.world.nowMs - this.#changedMs < quietMs) {
      if (this.world.nowMs > endMs) throw new Error("it does not come to rest");
      await this.world.sleep(POLL_MS);
      this.checkQuotas();
    }
  }

  async #whole(when: string, pollMs: number): Promise<void> {
    const reason = await comeToRest(this.swarm, this.machines, BOOT_LIMIT_MS, 0, pollMs);
    if (reason !== undefined) throw new Error(`no whole swarm ${when}: ${reason}`);
  }

  async #adopt(machine: Machine): Promise<void> {
    const holds = this.state.servers[this.machines.indexOf(machine)]!.holds;
    if (holds.length === 0) return;
    await machine.ask(async (face) => {
      for await (const event of face.adopt(`${DATA_PATH}/${DIRECTORY}`, { local: false })) {
        if (event.kind === "skipped") throw new Error(`${event.path} is not adopted: ${event.message}`);
      }
    }, ADOPT_TIMEOUT_MS);
  }

  #contentOf(file: number): Uint8Array {
    const { sizeBytes } = this.state.files[file]!;
    const bytes = new Uint8Array(sizeBytes).fill(file & 0xff);
    const random = SeededRandom.of(this.state.seed, `file ${file}`);
    bytes.set(random.bytes(Math.min(sizeBytes, CONTENT_BYTES)));
    return bytes;
  }

  /** The server as it is composed, on disks that tell when they change. */
  #counting(): Compose {
    const changed = () => {
      this.#changedMs = this.world.nowMs;
    };
    const written = (bytes: number) => {
      this.movedBytes += bytes;
      changed();
    };
    return (ports, options) => {
      const files = watchedFiles(ports.files, changed, written);
      return composeServer({ ...ports, files, network: this.pulls.watched(ports.network, options.name) }, options);
    };
  }
}

/** So many bytes of a file differ from those of any other. */
const CONTENT_BYTES = 16;
const COUNTED = [`${DIRECTORY}/`, ".fsdfs/staged/", ".fsdfs/trash/", ".fsdfs/side/"];

export function pathOf(file: number): string {
  return `${DIRECTORY}/${file}`;
}

function fileOf(path: string): number {
  return Number(path.slice(DIRECTORY.length + 1));
}
