/** A directory is adopted while its files are edited and its server dies: each file ends as it was last, under one owner (C9). */
import { DATA_PATH, outsideName } from "../../../src/adapters/memory/sources.ts";
import type { AdoptEvent, AdoptOptions } from "../../../src/server/face.ts";
import type { Operation } from "../history.ts";
import type { Machine } from "../machine.ts";
import type { PortCall, Strike } from "../process.ts";
import type { Drill, Stage } from "./stage.ts";

const FILES = 14;
const DIRECTORIES = 3;
const ATTEMPTS = 8;
const EDIT_CHANCE = 0.15;
/** Calls of ports that one run makes, or a few more. */
const CALLS = 450;
const ASK_TIMEOUT_MS = 120_000;
const LIBRARY = "music";
const BESIDE = `/home-of-somebody/${LIBRARY}`;

export const adoption: Drill = {
  name: "adoption",
  rules: "C9 P7 P3",
  config: () => ({ latencyMs: 1 }),
  async play(stage) {
    await stage.boot();
    const library = new Library(stage, stage.random.chance(0.5));
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      library.trouble(stage.random.pick(["crash", "power-cut", "none"] as const));
      const events = await library.adopt();
      if (events !== undefined && !library.machine.running) break;
      await library.recover(attempt);
      if (events !== undefined && stage.random.chance(0.5)) break;
    }
    await library.finish();
    const isCut = stage.random.chance(0.5);
    if (isCut) library.machine.powerCut();
    await library.recover(ATTEMPTS);
    library.check(isCut);
    await stage.judge({ copies: 3 });
  },
};

/** The directory of a user, and what lies in it now. */
class Library {
  readonly machine: Machine;
  readonly #stage: Stage;
  readonly #isInside: boolean;
  readonly #options: AdoptOptions;
  /** By the name in the directory: the write that was last. */
  readonly #last = new Map<string, Operation>();
  /** What is to strike once its call is done. */
  #pending: Strike | undefined;

  constructor(stage: Stage, isInside: boolean) {
    this.#stage = stage;
    this.#isInside = isInside;
    this.machine = stage.random.pick(stage.machines);
    const move = !isInside && stage.random.chance(0.5);
    this.#options = isInside ? { local: false } : { local: true, to: LIBRARY, move };
    stage.world.trace(`${this.machine.name} adopts ${this.#directory} ${JSON.stringify(this.#options)}`);
    for (let i = 0; i < FILES; i++) this.#write(`${i % DIRECTORIES}/${i}`, false);
  }

  /** From now on files are edited amid their being read, and the server may die at some call. */
  trouble(kind: "crash" | "power-cut" | "none"): void {
    const { random } = this.#stage;
    let left = random.between(1, CALLS);
    const side = random.pick(["before", "after"] as const);
    this.machine.plan = ({ method, about }: PortCall): Strike | undefined => {
      if (method === "read" && this.#last.has(about) && random.chance(EDIT_CHANCE)) {
        this.#write(about, random.chance(0.5));
      }
      left -= 1;
      if (left !== 0 || kind === "none") return undefined;
      this.#pending = { kind, side };
      return this.#pending;
    };
  }

  /** What was told, to the end; undefined when there was none. */
  async adopt(options: Partial<AdoptOptions> = {}): Promise<AdoptEvent[] | undefined> {
    const { world } = this.#stage;
    try {
      return await this.machine.ask(async (face) => {
        const events: AdoptEvent[] = [];
        for await (const event of face.adopt(this.#directory, { ...this.#options, ...options })) events.push(event);
        for (const event of events) {
          if (event.kind === "skipped") world.trace(`left as it is: ${event.path}: ${event.code}: ${event.message}`);
        }
        return events;
      }, ASK_TIMEOUT_MS);
    } catch (error) {
      world.trace(`the adoption is broken off: ${String(error)}`);
      return undefined;
    }
  }

  async recover(round: number): Promise<void> {
    this.machine.plan = () => undefined;
    if (this.#pending !== undefined) this.#pending.calledOff = true;
    if (!this.machine.running) this.machine.start();
    await this.#stage.rest(`after attempt ${round}`);
  }

  /** Without trouble everything that lies there is adopted. */
  async finish(): Promise<void> {
    await this.recover(ATTEMPTS - 1);
    const skipped = (await this.adopt({ overwrite: true }))?.filter((event) => event.kind === "skipped");
    this.#stage.check(skipped?.length === 0, "C9", `${this.machine.name} does not adopt what nobody touches any more`);
    for (const operation of this.#last.values()) this.#stage.history.end(operation, "acknowledged");
    this.#stage.stopIfFailed();
  }

  /** After a power cut names that were taken away may be back. */
  check(isCut: boolean): void {
    const stage = this.#stage;
    const own = new Map(this.machine.files.tree().map((entry) => [entry.name, entry.stat.inode]));
    const sources = this.#isInside ? [] : this.machine.files.treeOutside(BESIDE);
    for (const [name, { sha256 }] of this.#last) {
      const path = `${LIBRARY}/${name}`;
      const source = sources.find((entry) => entry.name === name);
      stage.check(stage.holders(path, sha256!).includes(this.machine), "C9", `${path} is not as it was last`);
      const isLinked = source !== undefined && source.stat.inode === own.get(path);
      const isRight = this.#isInside || (this.#options.move ? isCut || !isLinked : isLinked);
      stage.check(isRight, "P7", `${path} is ${isLinked ? "still" : "not"} the user's own file`);
    }
    stage.stopIfFailed();
  }

  get #directory(): string {
    return this.#isInside ? `${DATA_PATH}/${LIBRARY}` : BESIDE;
  }

  #write(name: string, inPlace: boolean): void {
    const { history, world } = this.#stage;
    const path = `${LIBRARY}/${name}`;
    const content = this.#stage.content(path);
    world.trace(`the user writes ${name}${inPlace ? " in place" : ""}`);
    const before = this.#last.get(name);
    if (before !== undefined) history.end(before, "unknown");
    this.#last.set(name, history.begin("user", "put", path, { sha256: content.sha256 }));
    const place = this.#isInside ? path : outsideName(`${BESIDE}/${name}`);
    this.machine.files.writeExternally(place, content.bytes, { inPlace });
  }
}
