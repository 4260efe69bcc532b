/**
 * What a drill plays on: a small swarm, clients that ask one server and no other, and looks at disks. As in random runs
 * all of it comes from one seed, and what is judged is what clients were told, what disks hold and the public face.
 */
import type { Bytes } from "../../../src/core/catalog/kv.ts";
import { FsdfsError } from "../../../src/errors.ts";
import type { Face, Location, PutOptions, ServerInfo } from "../../../src/server/face.ts";
import { withBugsReported } from "../bugs.ts";
import { type Content, inPieces, makeContent, sha256Of } from "../content.ts";
import { History, type Operation } from "../history.ts";
import { judge } from "../judge.ts";
import { Losses } from "../losses.ts";
import { type Compose, type Machine, NoAnswer } from "../machine.ts";
import type { Calm } from "../oracles/reads.ts";
import { SeededRandom } from "../random.ts";
import { comeToRest, lookAround, readEverything } from "../rest.ts";
import { Swarm, type SwarmConfig } from "../swarm.ts";
import { DIRECTORIES, FILES, WEIGHTS, Workload } from "../workload.ts";
import { type Failure, World } from "../world.ts";

/** One rule's natural enemy: a story that comes out well only while the rule is kept. */
export interface Drill {
  readonly name: string;
  /** The rules of docs/ARCHITECTURE.md that it attacks. */
  readonly rules: string;
  config?(random: SeededRandom): Partial<SwarmConfig>;
  play(stage: Stage): Promise<void>;
}

export interface DrillResult {
  readonly drill: string;
  readonly seed: number;
  readonly failures: readonly Failure[];
}

export interface DrillOptions {
  readonly compose: Compose;
  readonly tell?: (line: string) => void;
  readonly tellCalls?: boolean;
}

const RUN_LIMIT_MS = 900_000;
const REST_LIMIT_MS = 180_000;
const ASK_TIMEOUT_MS = 20_000;
const STATE = ".fsdfs/";

export async function runDrill(drill: Drill, seed: number, options: DrillOptions): Promise<DrillResult> {
  const world = new World(seed);
  world.tell = options.tell;
  if (options.tellCalls) world.tellCall = (line) => options.tell?.(`${"".padStart(13)}${line}`);
  const random = SeededRandom.of(seed, `drill ${drill.name}`);
  const config: SwarmConfig = {
    servers: 3,
    copies: 3,
    writeCopies: 2,
    graceMs: 600_000,
    quotaBytes: 50_000_000,
    strict: false,
    latencyMs: random.pick([0.2, 1, 5, 20]),
    discovery: false,
    ...drill.config?.(random),
  };
  world.trace(`${drill.name} ${JSON.stringify(config)}`);
  const stage = new Stage(world, new Swarm(world, config, options.compose), random);
  await withBugsReported(world, async () => {
    let ended = false;
    const story = drill
      .play(stage)
      .catch((error: unknown) => {
        if (!(error instanceof Over))
          world.fail("simulator", error instanceof Error ? (error.stack ?? "") : String(error));
      })
      .finally(() => {
        ended = true;
      });
    if (await world.run(RUN_LIMIT_MS, () => ended)) await story;
    else world.fail("liveness", "the drill does not end");
  });
  return { drill: drill.name, seed, failures: world.failures };
}

/** Nothing that comes after can be judged. */
class Over extends Error {}

export class Stage {
  readonly world: World;
  readonly swarm: Swarm;
  readonly random: SeededRandom;
  readonly history: History;
  readonly losses: Losses;
  #contents = 0;

  constructor(world: World, swarm: Swarm, random: SeededRandom) {
    this.world = world;
    this.swarm = swarm;
    this.random = random;
    this.history = new History(swarm);
    this.losses = new Losses(this.history);
    swarm.isRotten = (sha256) => sha256 !== null && this.losses.isRottenAnywhere(sha256);
  }

  get machines(): readonly Machine[] {
    return this.swarm.machines;
  }

  machine(index: number): Machine {
    return this.machines[index]!;
  }

  /** Starts the machines, and waits until they have found each other. */
  async boot(machines: readonly Machine[] = this.machines): Promise<void> {
    for (const machine of machines) machine.start();
    await this.rest("at the start", { machines });
  }

  sleep(ms: number): Promise<void> {
    return this.world.sleep(ms);
  }

  check(holds: boolean, rule: string, message: string): void {
    if (!holds) this.world.fail(rule, message);
  }

  /** Ends the drill when something failed. */
  stopIfFailed(): void {
    if (this.world.failures.length > 0) throw new Over();
  }

  async rest(when: string, { machines = this.machines, copies = 0 } = {}): Promise<void> {
    const reason = await comeToRest(this.swarm, machines, REST_LIMIT_MS, copies);
    if (reason === undefined) return this.world.trace(`at rest ${when}`);
    this.world.fail("liveness", `no rest ${when}: ${reason}`);
    throw new Over();
  }

  /** Reads everything everywhere, comes to rest, and lets all oracles judge. */
  async judge({ machines = this.machines, copies = 0, calms = [] as readonly Calm[] } = {}): Promise<void> {
    await readEverything(this.swarm, machines);
    await this.rest("at the end", { machines, copies });
    const view = await lookAround(this.swarm, this.history, this.losses, machines);
    const { swarm, history, losses } = this;
    judge({ swarm, history, losses, calms, view, copiesWanted: copies });
  }

  ask<T>(machine: Machine, call: (face: Face) => Promise<T>): Promise<T> {
    return machine.ask(call, ASK_TIMEOUT_MS);
  }

  /** A content that nothing else has. Without a size, of one by chance. */
  content(path: string, sizeBytes?: number): Content {
    const label = `put ${++this.#contents} ${path}`;
    if (sizeBytes === undefined) return makeContent(label, this.random);
    const bytes = new Uint8Array(sizeBytes).fill(this.random.between(1, 255));
    bytes.set(new TextEncoder().encode(`${label}\n`).subarray(0, sizeBytes));
    return { bytes, sha256: sha256Of(bytes) };
  }

  /** A put through one server, asked once. */
  async put(machine: Machine, path: string, content = this.content(path), more: PutOptions = {}): Promise<Operation> {
    const operation = this.history.begin("c", "put", path, { sha256: content.sha256 });
    operation.server = machine.name;
    try {
      const { version, copies } = await machine.ask(
        (face, pause) =>
          face.put(path, inPieces(content.bytes, this.random, pause), { ...more, sizeBytes: content.bytes.length }),
        ASK_TIMEOUT_MS,
      );
      Object.assign(operation, { version, copies });
      this.history.end(operation, "acknowledged");
    } catch (error) {
      const code = error instanceof FsdfsError ? error.code : error instanceof NoAnswer ? error.reason : String(error);
      this.history.end(operation, "unknown", code);
    }
    return operation;
  }

  /** A put that must be acknowledged, or the drill is over. */
  async mustPut(machine: Machine, path: string, content?: Content): Promise<Operation> {
    const operation = await this.put(machine, path, content);
    if (operation.outcome === "acknowledged") return operation;
    this.world.fail("liveness", `${machine.name} did not take a put of ${path}: ${operation.code}`);
    throw new Over();
  }

  async remove(machine: Machine, path: string): Promise<Operation> {
    const operation = this.history.begin("c", "remove", path);
    operation.server = machine.name;
    await this.ask(machine, (face) => face.remove(path)).then(
      () => this.history.end(operation, "acknowledged"),
      (error: unknown) => this.history.end(operation, "unknown", String(error)),
    );
    return operation;
  }

  /** The code with which a server refuses to give up its copy; undefined when it did. */
  async drop(machine: Machine, path: string): Promise<string | undefined> {
    this.world.trace(`${machine.name} is to drop ${path}`);
    const answer = await this.ask(machine, (face) => face.drop(path)).then(
      () => undefined,
      (error: unknown) => (error instanceof FsdfsError ? error.code : String(error)),
    );
    this.world.trace(`${machine.name} ${answer === undefined ? "dropped" : `did not drop (${answer})`} ${path}`);
    return answer;
  }

  async locate(machine: Machine, path: string): Promise<Location | undefined> {
    const [location] = await this.ask(machine, (face) => face.locate([path]));
    return location;
  }

  servers(machine: Machine): Promise<ServerInfo[]> {
    return this.ask(machine, (face) => face.servers());
  }

  /** Clients that ask any server, as in random runs. */
  workload(clients: number): Workload {
    return new Workload(this.swarm, this.history, SeededRandom.of(this.world.seed, "drill workload"), {
      clients,
      pauseMs: { low: 5, high: 60 },
      weights: WEIGHTS,
      files: FILES,
      directories: DIRECTORIES,
    });
  }

  /** Machines whose disk has this content at its path. */
  holders(path: string, sha256: string): Machine[] {
    return this.machines.filter((machine) =>
      machine.files
        .tree()
        .some(({ name, type, content }) => name === path && type === "file" && sha256Of(content) === sha256),
    );
  }

  /** Whether a machine's disk has this content anywhere in a directory of fsdfs's own: "trash", "side". */
  liesIn(machine: Machine, directory: string, sha256: string): boolean {
    return machine.files
      .tree()
      .some(
        ({ name, type, content }) =>
          type === "file" && name.startsWith(`${STATE}${directory}/`) && sha256Of(content) === sha256,
      );
  }
}

/** Bytes of the same number that say something else. */
export function otherBytes(bytes: Bytes, random: SeededRandom): Bytes {
  const other = new Uint8Array(bytes);
  const at = random.between(0, Math.max(0, other.length - 1));
  if (other.length > 0) other[at]! ^= random.between(1, 255);
  return other;
}
