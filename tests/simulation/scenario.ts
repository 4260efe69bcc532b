/** One random run from one seed: calm, faults, healing, rest, and the oracles' judgement. */
import { Armory } from "./armory.ts";
import { withBugsReported } from "./bugs.ts";
import { ConditionalClients } from "./conditional.ts";
import { SIZE_BYTES_MAX } from "./content.ts";
import { Drainer } from "./drainer.ts";
import { Dropper } from "./dropper.ts";
import { Faults } from "./faults.ts";
import { History, type Operation } from "./history.ts";
import { judge } from "./judge.ts";
import { Losses } from "./losses.ts";
import type { Compose, Machine } from "./machine.ts";
import { roomForUpload } from "./oracles/moves.ts";
import type { Calm } from "./oracles/reads.ts";
import { PolicyClient } from "./policies.ts";
import { SeededRandom } from "./random.ts";
import { comeToRest, lookAround, readEverything } from "./rest.ts";
import { drawSize, type RunSize, type Span } from "./run-size.ts";
import { Swarm, type SwarmConfig } from "./swarm.ts";
import { playToEnd, resultOf } from "./to-end.ts";
import { TrashClients } from "./trash-clients.ts";
import { VariableClients } from "./variables.ts";
import { placementIn, withoutMoves } from "./without-moves.ts";
import { DIRECTORIES, FILES, WEIGHTS, Workload } from "./workload.ts";
import { type Failure, World } from "./world.ts";

export interface RunResult {
  readonly seed: number;
  readonly hash: string;
  readonly failures: readonly Failure[];
  readonly events: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly simulatedMs: number;
  readonly faults: readonly string[];
}

export interface RunOptions {
  readonly compose: Compose;
  /** Prints what happens. */
  readonly tell?: (line: string) => void;
  /** Prints every call of a port as well. */
  readonly tellCalls?: boolean;
  /** As long as one in ten is by chance (run-size.ts). */
  readonly long?: boolean;
}

/** Nothing that clients put fills it. */
const QUOTA_ROOMY_BYTES = 50_000_000;
/** Of runs in which one machine never comes back. */
const GONE_CHANCE = 0.15;
/** Until the servers have found each other. */
const BOOT_LIMIT_MS = 60_000;
/** Nothing is stored yet: that all of them agree twice is enough, however soon. */
const BOOT_POLL_MS = 250;
/** Until a healed swarm is at rest: connections that were given up, backoffs to 30 s, catching up, pulls. */
const REST_LIMIT_MS = 180_000;
/** A disk that failed is left alone for 10 s, however soon it is well again (storage/disk-watch.ts); others take the puts. */
const DISK_REST_MS = 12_000;
/** Beyond the cycle under way and the next: the last step of one may be late. */
const SCRUB_MARGIN_MS = 2_000;
/** No run takes longer; what has not ended by then hangs. */
const RUN_LIMIT_MS = 1_800_000;
/** Of what a server may be too busy for. */
const TRIES = 5;
const ALARM_ASK_MS = 5_000;

export async function runSeed(seed: number, options: RunOptions): Promise<RunResult> {
  const world = new World(seed);
  world.tell = options.tell;
  if (options.tellCalls) world.tellCall = (line) => options.tell?.(`${"".padStart(13)}${line}`);
  const random = SeededRandom.of(seed, "scenario");
  const size = drawSize(seed, options.long === true);
  const run = new Run(world, new Swarm(world, drawConfig(seed, random, size), options.compose), random, size);
  await withBugsReported(world, () => run.toEnd());
  return run.result();
}

function drawConfig(seed: number, random: SeededRandom, size: RunSize): SwarmConfig {
  const servers = random.pick(size.servers);
  return {
    servers,
    copies: random.pick([2, 3, 3, 3]),
    writeCopies: 2,
    graceMs: random.pick(size.graceMs),
    quotaBytes: random.chance(0.85) ? QUOTA_ROOMY_BYTES : random.between(60_000, 200_000),
    strict: random.chance(0.15),
    latencyMs: random.pick([0.2, 1, 5, 20]),
    discovery: random.chance(0.5),
    ...drawThrottles(SeededRandom.of(seed, "throttles")),
    ...drawScrub(SeededRandom.of(seed, "scrub")),
    ...drawTightQuotas(SeededRandom.of(seed, "tight quotas"), servers, size),
  };
}

/** Some swarms are full: copies make room for others, and uploads for themselves. */
function drawTightQuotas(
  random: SeededRandom,
  servers: number,
  { tightChance, tightBytes: { low, high } }: RunSize,
): Partial<SwarmConfig> {
  if (!random.chance(tightChance)) return {};
  const quotasBytes = Array.from({ length: servers }, () => random.between(low, high));
  return { quotaBytes: Math.max(...quotasBytes), quotasBytes };
}

/** Some swarms scrub so often that what rots is found before the end. */
function drawScrub(random: SeededRandom): Partial<SwarmConfig> {
  return random.chance(0.25) ? { scrubMs: random.between(3_000, 10_000) } : {};
}

/** Some swarms hold their pulls back so much that files are seconds on their way. */
function drawThrottles(random: SeededRandom): Partial<SwarmConfig> {
  if (!random.chance(0.15)) return {};
  const rate = () => (random.chance(0.7) ? random.pick([10_000, 100_000]) : undefined);
  return { pulls: random.pick([1, 4]), pullRate: rate(), serveRate: rate() };
}

class Run {
  readonly #world: World;
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly #size: RunSize;
  readonly #history: History;
  readonly #losses: Losses;
  readonly #faults: Faults;
  /** A machine whose fault does not heal. */
  readonly #gone: Machine | undefined;
  #healedMs = Number.POSITIVE_INFINITY;
  readonly #calms: Calm[] = [];
  readonly #workloads: Workload[] = [];
  readonly #conditional: ConditionalClients | undefined;
  readonly #variables: VariableClients | undefined;
  readonly #trash: TrashClients | undefined;
  readonly #policies: PolicyClient | undefined;

  constructor(world: World, swarm: Swarm, random: SeededRandom, size: RunSize) {
    this.#world = world;
    this.#swarm = swarm;
    this.#random = random;
    this.#size = size;
    this.#history = new History(swarm);
    this.#losses = new Losses(this.#history);
    swarm.isRotten = (sha256) => sha256 !== null && this.#losses.isRottenAnywhere(sha256);
    this.#conditional = ConditionalClients.drawn(swarm, this.#history);
    this.#variables = VariableClients.drawn(swarm, this.#history);
    this.#trash = TrashClients.drawn(swarm, this.#history);
    this.#policies = PolicyClient.drawn(swarm, this.#history);
    this.#gone = random.chance(GONE_CHANCE) ? random.pick(swarm.machines) : undefined;
    const armory = new Armory(swarm.machines, SeededRandom.of(world.seed, "armory"));
    this.#faults = new Faults(swarm, armory, this.#losses, SeededRandom.of(world.seed, "faults"), size, this.#gone);
  }

  toEnd(): Promise<void> {
    return playToEnd(this.#world, RUN_LIMIT_MS, () => this.#story());
  }

  result(): RunResult {
    return resultOf(this.#world, this.#history, this.#faults.kinds);
  }

  async #story(): Promise<void> {
    this.#world.trace(`${JSON.stringify(this.#swarm.config)} faults: ${this.#faults.kinds.join(" ")}`);
    if (!(await this.#boot())) return;
    const workload = this.#workload();
    workload.start();
    this.#conditional?.start();
    this.#variables?.start();
    this.#trash?.start();
    this.#policies?.start();
    await this.#calm(() => this.#world.sleep(this.#between(this.#size.calmMs)));
    const dropper = new Dropper(this.#swarm, SeededRandom.of(this.#world.seed, "dropper"), FILES, this.#size);
    dropper.start();
    const drainer = new Drainer(this.#swarm, SeededRandom.of(this.#world.seed, "drainer"), this.#size);
    drainer.start();
    await this.#faults.strike(this.#between(this.#size.faultsMs), this.#between(this.#size.intervalMs));
    this.#faults.healAll();
    this.#healedMs = this.#world.nowMs;
    workload.stop();
    this.#conditional?.stop();
    this.#variables?.stop();
    this.#trash?.stop();
    this.#policies?.stop();
    dropper.stop();
    await drainer.stop(this.#live());
    if (!(await this.#rest("after the faults"))) return;
    if (this.#faults.kinds.some((kind) => kind === "full-disk" || kind === "errors")) {
      await this.#world.sleep(this.#healedMs + DISK_REST_MS - this.#world.nowMs);
    }
    await this.#trash?.bringSomeBack(this.#live(), this.#losses);
    await this.#calm(() => this.#lastWork());
    if (!(await this.#scrubbed())) return;
    await readEverything(this.#swarm, this.#live());
    if (!(await this.#rest("at the end"))) return;
    await this.#judge();
  }

  async #boot(): Promise<boolean> {
    const [first, ...others] = this.#swarm.machines;
    first!.start();
    for (const machine of others) {
      await this.#world.sleep(this.#random.pick([0, 100, 2_000]));
      machine.start();
    }
    const reason = await comeToRest(this.#swarm, this.#swarm.machines, BOOT_LIMIT_MS, 0, BOOT_POLL_MS);
    if (reason !== undefined) this.#world.fail("liveness", `the swarm does not come about: ${reason}`);
    return reason === undefined;
  }

  /** Where copies are scrubbed, what has rotted is found before the end, whatever the faults left (P4). */
  async #scrubbed(): Promise<boolean> {
    const { scrubMs } = this.#swarm.config;
    if (scrubMs === undefined) return true;
    await this.#world.sleep(2 * scrubMs + SCRUB_MARGIN_MS);
    if (!(await this.#rest("after a scrub"))) return false;
    this.#losses.scrubbed();
    return true;
  }

  #workload(): Workload {
    const label = `workload ${this.#workloads.length}`;
    const workload = new Workload(this.#swarm, this.#history, SeededRandom.of(this.#world.seed, label), {
      clients: this.#random.between(1, 4),
      pauseMs: { low: 5, high: this.#random.pick(this.#size.pauseMs) },
      weights: WEIGHTS,
      files: FILES.slice(0, this.#random.between(2, FILES.length)),
      directories: DIRECTORIES,
    });
    this.#workloads.push(workload);
    return workload;
  }

  #between({ low, high }: Span): number {
    return this.#random.between(low, high);
  }

  async #calm(work: () => Promise<void>): Promise<void> {
    const fromMs = this.#world.nowMs;
    await work();
    this.#calms.push({ fromMs, toMs: this.#world.nowMs });
  }

  async #rest(when: string): Promise<boolean> {
    const workloads = () => [
      ...this.#workloads,
      this.#conditional?.workload,
      this.#variables?.workload,
      this.#trash?.workload,
      this.#policies?.workload,
    ];
    const works = () => workloads().some((work) => (work?.active ?? 0) > 0);
    while (works()) await this.#world.sleep(500);
    const reason = await comeToRest(this.#swarm, this.#live(), REST_LIMIT_MS, this.#copiesWanted());
    if (reason !== undefined) this.#world.fail("liveness", `no rest ${when}: ${reason}`);
    else this.#world.trace(`at rest ${when}`);
    return reason === undefined;
  }

  /** A healed swarm takes changes, and every server sees them at once. */
  async #lastWork(): Promise<void> {
    const workload = this.#workload();
    workload.start();
    await this.#world.sleep(this.#size.lastWorkMs);
    workload.stop();
    const able = this.#isTight ? await this.#withRoomForUpload(workload) : "everybody";
    const put = await unlessOverloaded("last", (path) => workload.run("last", "put", path));
    if (put.outcome === "acknowledged") await workload.run("last", "get", put.path);
    else if (!this.#mayRefuse(put, able))
      this.#world.fail("liveness", `a healed swarm does not take a put: ${put.code}`);
    await this.#lastCondition();
  }

  /** Under --strict W servers have to find room. Whose size is not told goes where most is, which may be too little. */
  #mayRefuse({ code, sizeTold }: Operation, able: "nobody" | "somebody" | "everybody"): boolean {
    if (code === "not-enough-servers") return this.#swarm.config.strict && able !== "everybody";
    return code === "no-space" && (able === "nobody" || (able === "somebody" && !sizeTold));
  }

  /** While every server that ever was there is there, all conditions can be decided (C14). */
  async #lastCondition(): Promise<void> {
    if (this.#conditional === undefined || this.#gone !== undefined || this.#faults.kinds.includes("new-disk")) return;
    const { workload } = this.#conditional;
    const able = this.#isTight ? await this.#withRoomForUpload(workload) : "everybody";
    const put = await unlessOverloaded("register/last", (path) => workload.runIf("last", "put", path, "nothing"));
    if (put.outcome === "acknowledged" || this.#mayRefuse(put, able)) return;
    // Who owns the path stores the file, and says that it cannot.
    const isAble = able === "everybody" && !(await this.#isAnyAiling());
    if (!isAble && (put.code === "owner-unavailable" || put.code === "no-space")) return;
    this.#world.fail("liveness", `a healed swarm does not take a put with a condition: ${put.code}`);
  }

  /** Whether a server takes nothing until its disk reads well again (S1). */
  async #isAnyAiling(): Promise<boolean> {
    const servers = await this.#live()[0]!.ask((face) => face.servers(), ALARM_ASK_MS);
    return servers.some(({ alarms }) => alarms.some(({ kind }) => kind === "disk"));
  }

  #live(): Machine[] {
    const gone = this.#world.nowMs >= this.#healedMs ? this.#gone : undefined;
    return this.#swarm.machines.filter((machine) => machine !== gone);
  }

  /**
   * With room for all, every file has as many copies as there are servers to hold them, up to N (P6). N of each file is another
   * under a policy, which is seen by the moves that are left.
   */
  #copiesWanted(): number {
    if (this.#policies !== undefined) return 0;
    const { copies, quotaBytes } = this.#swarm.config;
    return quotaBytes >= QUOTA_ROOMY_BYTES && !this.#losses.any ? Math.min(copies, this.#live().length) : 0;
  }

  /** Quotas that may refuse what clients put. */
  get #isTight(): boolean {
    return this.#swarm.config.quotasBytes !== undefined;
  }

  /** S3: who could take the largest content, as far as is seen from outside once the others are done. */
  async #withRoomForUpload(workload: Workload): Promise<"nobody" | "somebody" | "everybody"> {
    while (workload.active > 0) await this.#world.sleep(100);
    if ((await comeToRest(this.#swarm, this.#live(), REST_LIMIT_MS)) !== undefined) return "nobody";
    const looking = this.#looking();
    const view = await lookAround(looking.swarm, looking.history, looking.losses, looking.machines);
    const placement = placementIn(looking, view);
    const { copies } = this.#swarm.config;
    const able = placement.servers.filter((server) => roomForUpload(server, placement, copies) >= SIZE_BYTES_MAX);
    return able.length === 0 ? "nobody" : able.length < this.#live().length ? "somebody" : "everybody";
  }

  #looking() {
    const [swarm, history, losses] = [this.#swarm, this.#history, this.#losses];
    return { swarm, history, losses, machines: this.#live(), shuns: this.#policies?.shuns };
  }

  async #judge(): Promise<void> {
    await this.#policies?.settled(this.#live());
    const view = await withoutMoves(this.#looking());
    const copiesWanted = this.#copiesWanted();
    const isRoomy = this.#swarm.config.quotaBytes >= QUOTA_ROOMY_BYTES;
    const keepsAll = isRoomy && !this.#losses.any && this.#gone === undefined;
    judge({ ...this.#looking(), calms: this.#calms, view, copiesWanted, keepsAll });
  }
}

/**
 * Who has too much to do says so, and is asked again (docs/ERRORS.md): two servers that need the same copy's room step back
 * (D3). Each time for another path, since it may have been done.
 */
async function unlessOverloaded(path: string, work: (path: string) => Promise<Operation>): Promise<Operation> {
  for (let attempt = 1; ; attempt++) {
    const operation = await work(attempt === 1 ? path : `${path} ${attempt}`);
    if (operation.code !== "overloaded" || attempt === TRIES) return operation;
  }
}
