/**
 * A client that puts policies in force, takes them away and makes mistakes with them (Y1 to Y3, R5). It draws from a stream of
 * its own. What is judged is N of every file under the policy that is there in the end, and where copies may be.
 */
import { POLICY_PATH } from "../../src/core/policy/mark.ts";
import { FsdfsError } from "../../src/errors.ts";
import { sha256Of } from "./content.ts";
import type { History } from "./history.ts";
import type { Machine } from "./machine.ts";
import type { Shuns } from "./oracles/moves.ts";
import { SeededRandom } from "./random.ts";
import type { Swarm } from "./swarm.ts";
import { listAll, readFile, WEIGHTS, Workload } from "./workload.ts";

/** Of random runs that have one. */
const CHANCE = 0.15;
/** One by which no seed has such a client that was pinned before there were any: it keeps the story that it was pinned for. */
const LABEL = "policies 861";
const PAUSE_MS = { low: 200, high: 6_000 };
const ASK_TIMEOUT_MS = 20_000;
/** Until all files have the N that they should: what a server that died was about to ask is asked in the next pass. */
const SETTLED_MS = 800_000;
const POLL_MS = 5_000;
/** N that a policy here says: never below W, by which losses are reckoned. */
const LEAST = 2;

/** What a policy comes to; undefined members: it fails, and nothing can be said. */
interface Rule {
  readonly target?: (path: string) => number;
  readonly shuns?: Shuns;
}

interface Drawn extends Rule {
  readonly text: string;
}

export class PolicyClient {
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly workload: Workload;
  readonly #rules = new Map<string, Rule>();
  #shuns: Shuns | undefined;
  #stopped = false;

  /** Undefined for runs that have none. */
  static drawn(swarm: Swarm, history: History): PolicyClient | undefined {
    const random = SeededRandom.of(swarm.world.seed, LABEL);
    return random.chance(CHANCE) ? new PolicyClient(swarm, history, random) : undefined;
  }

  constructor(swarm: Swarm, history: History, random: SeededRandom) {
    this.#swarm = swarm;
    this.#random = random;
    const drawn = SeededRandom.of(swarm.world.seed, "policies workload");
    const options = { clients: 0, pauseMs: PAUSE_MS, weights: WEIGHTS, files: [], directories: [] };
    this.workload = new Workload(swarm, history, drawn, options);
  }

  /** Where copies above N have no place, once `settled` has looked at what is in force. */
  get shuns(): Shuns | undefined {
    return this.#shuns;
  }

  start(): void {
    void this.#client("p1");
  }

  stop(): void {
    this.#stopped = true;
  }

  async #client(name: string): Promise<void> {
    while (!this.#stopped) {
      const kind = this.#random.weighted({ plain: 3, preferring: 5, failing: 2, none: 1 });
      if (kind === "none") await this.workload.run(name, "remove", POLICY_PATH);
      else await this.#set(name, this.#draw(kind));
      await this.#swarm.world.sleep(this.#random.between(PAUSE_MS.low, PAUSE_MS.high));
    }
  }

  async #set(name: string, { text, ...rule }: Drawn): Promise<void> {
    // As a file, past what `fsdfs policy set` refuses; none is like another.
    const bytes = new TextEncoder().encode(`${text}\n// ${this.#rules.size}\n`);
    const sha256 = sha256Of(bytes);
    this.#rules.set(sha256, rule);
    await this.workload.putContent(name, POLICY_PATH, { bytes, sha256 });
  }

  #draw(kind: "plain" | "preferring" | "failing"): Drawn {
    if (kind === "failing") return this.#random.pick(FAILING);
    const salt = this.#random.between(0, 11);
    const plain: Drawn = {
      text: `export default ({ path }) => ${LEAST} + ((path.length + ${salt}) % 3);`,
      target: (path) => LEAST + ((path.length + salt) % 3),
    };
    if (kind === "plain") return plain;
    return {
      ...plain,
      text: `${plain.text}\nexport const prefer = ({ path }, { name }) => (path.length + Number(name.slice(1)) + ${salt}) % 4;`,
      shuns: (server, path) => isGoverned(path) && (path.length + Number(server.slice(1)) + salt) % 4 === 0,
    };
  }

  /** Waits until N of each file is what the policy in force says. Fails the run when that takes too long (Y1). */
  async settled(machines: readonly Machine[]): Promise<void> {
    const { world } = this.#swarm;
    const rule = await this.#inForce(machines[0]!);
    this.#shuns = rule?.shuns;
    if (rule?.target === undefined) return;
    const endMs = world.nowMs + SETTLED_MS;
    for (;;) {
      const [wrong] = await this.#wrongTargets(machines, rule.target);
      if (wrong === undefined) return;
      if (world.nowMs > endMs) {
        world.fail("Y1", wrong);
        return;
      }
      await world.sleep(POLL_MS);
    }
  }

  /** Undefined when it cannot be read. */
  async #inForce(machine: Machine): Promise<Rule | undefined> {
    try {
      const seen = await machine.ask((face) => readFile(face, POLICY_PATH, this.#swarm), ASK_TIMEOUT_MS);
      return seen.kind === "file" ? this.#rules.get(seen.sha256) : undefined;
    } catch (error) {
      const isNone = error instanceof FsdfsError && error.code === "file-not-found";
      return isNone ? { target: () => this.#swarm.config.copies } : undefined;
    }
  }

  async #wrongTargets(machines: readonly Machine[], target: (path: string) => number): Promise<string[]> {
    const wrong: string[] = [];
    for (const machine of machines) {
      const entries = await machine.ask((face) => listAll(face, "", true), ASK_TIMEOUT_MS);
      const paths = [...entries].flatMap(([path, { type }]) => (type === "file" && isGoverned(path) ? [path] : []));
      const located = await machine.ask((face) => face.locate(paths), ASK_TIMEOUT_MS);
      for (const location of located) {
        if (location === undefined || location.target === target(location.path)) continue;
        const { path, target: told } = location;
        wrong.push(`N of ${path} is ${told} on ${machine.name}, and should be ${target(path)}`);
      }
    }
    return wrong;
  }
}

const FAILING: readonly Drawn[] = [
  { text: "export default () => { throw new Error('no'); };" },
  { text: "export default () => NaN;" },
  { text: "export default 1;" },
  { text: "export default ({ path }) => (path.length % 2 === 0 ? '3' : undefined);" },
  {
    text: "export default () => 3;\nexport const prefer = () => { throw new Error('no'); };",
    target: () => 3,
  },
  { text: "export default () => 2;\nexport const prefer = () => -1;", target: () => 2 },
];

function isGoverned(path: string): boolean {
  return !path.startsWith(".fsdfs/");
}
