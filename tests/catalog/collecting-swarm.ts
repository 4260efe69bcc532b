/**
 * A model of a swarm whose servers forget deletions (C7): they tell each other everything or some of it in any order, days
 * pass, catalogs are put back from backups, one server joins while it happens. After every step every claim is held
 * against all that was ever written.
 */
import fc from "fast-check";
import { isAbsence } from "../../src/core/catalog/absences.ts";
import type { Numbers } from "../../src/core/catalog/checkpoints.ts";
import { entryKey } from "../../src/core/catalog/keys.ts";
import { compareWrites } from "../../src/core/catalog/merge.ts";
import { originName } from "../../src/core/catalog/origins.ts";
import { readRegisters } from "../../src/core/catalog/transaction.ts";
import type { CatalogRecord, Origin } from "../../src/core/catalog/types.ts";
import { serverNumbered } from "./arbitrary.ts";
import { anyWrite, History, type WriteOrder } from "./history.ts";
import { contradictions, told } from "./inspect.ts";
import { ModelServer } from "./model-server.ts";

const SERVERS = 4;
/** Belong together from the start; the last one joins later. */
const FOUNDERS = 3;
const DAY = 1_000_000;

export type Step =
  | { readonly do: "write"; readonly server: number; readonly write: WriteOrder }
  | { readonly do: "level"; readonly from: number; readonly to: number }
  | { readonly do: "level all" }
  | { readonly do: "walk"; readonly from: number; readonly to: number; readonly origin: number; readonly limit: number }
  | { readonly do: "walk on"; readonly walk: number; readonly limit: number }
  | { readonly do: "checkpoint"; readonly server: number }
  /** Nothing that was on its way is on its way any more, and every checkpoint is old. */
  | { readonly do: "day" }
  | { readonly do: "collect"; readonly server: number }
  /** All is told and settled; some note it, a day passes, and they collect. Chance alone would seldom get there. */
  | { readonly do: "keep house"; readonly servers: readonly number[] }
  | { readonly do: "settle"; readonly server: number }
  | { readonly do: "back up"; readonly server: number }
  | { readonly do: "put back"; readonly server: number };

const server = fc.nat(SERVERS - 1);
const limit = fc.integer({ min: 1, max: 3 });
const only = <K extends Step["do"]>(kind: K) => fc.constant(kind);
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: only("write"), server, write: anyWrite }) },
  { weight: 3, arbitrary: fc.record({ do: only("level"), from: server, to: server }) },
  { weight: 2, arbitrary: fc.record({ do: only("level all") }) },
  { weight: 3, arbitrary: fc.record({ do: only("walk"), from: server, to: server, origin: fc.nat(5), limit }) },
  { weight: 3, arbitrary: fc.record({ do: only("walk on"), walk: fc.nat(7), limit }) },
  { weight: 3, arbitrary: fc.record({ do: only("checkpoint"), server }) },
  { weight: 2, arbitrary: fc.record({ do: only("day") }) },
  { weight: 4, arbitrary: fc.record({ do: only("collect"), server }) },
  { weight: 2, arbitrary: fc.record({ do: only("keep house"), servers: fc.subarray([0, 1, 2, 3], { minLength: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ do: only("settle"), server }) },
  { weight: 2, arbitrary: fc.record({ do: only("back up"), server }) },
  { weight: 2, arbitrary: fc.record({ do: only("put back"), server }) },
);

/** What is done otherwise than it must be, to see that it is noticed. */
export type Bug = "keeps a catalog below a floor" | "forgets without raising the floor";

interface Walk {
  readonly from: number;
  readonly to: number;
  readonly origin: Origin;
  after: number;
  atMost: number;
}

interface Backup {
  readonly image: ReturnType<ModelServer["view"]["image"]>;
  readonly latest: number;
}

export class CollectingSwarm {
  readonly history = new History();
  readonly servers = Array.from({ length: SERVERS }, (_, i) => new ModelServer(serverNumbered(i + 1)));
  readonly #bug: Bug | undefined;
  /** Whom each server knows to be in the roster, itself included. */
  readonly #roster = this.servers.map((_, i) => new Set(i < FOUNDERS ? [0, 1, 2] : [i]));
  readonly #checkpoints: { numbers: Numbers; isOld: boolean }[][] = this.servers.map(() => []);
  readonly #backups: (Backup | undefined)[] = this.servers.map(() => undefined);
  /** Gave its catalog up and has not been levelled since. */
  readonly #taking = new Set<number>();
  /** Records that went with the last catalog that had them. */
  readonly lost = new Set<CatalogRecord>();
  #walks: Walk[] = [];
  #wall = 0;
  collected = 0;
  discarded = 0;

  constructor(bug?: Bug) {
    this.#bug = bug;
  }

  take(step: Step): void {
    switch (step.do) {
      case "write":
        if (this.#hasJoined(step.server)) this.#write(step.server, step.write);
        return;
      case "level":
        this.level(step.from, step.to);
        return;
      case "level all":
        this.levelAll();
        return;
      case "walk":
        this.#begin(step.from, step.to, step.origin, step.limit);
        return;
      case "walk on": {
        const walk = this.#walks[step.walk % Math.max(this.#walks.length, 1)];
        if (walk !== undefined) this.#goOn(walk, step.limit);
        return;
      }
      case "checkpoint":
        this.#checkpoint(step.server);
        return;
      case "day":
        this.#wall += DAY;
        this.#walks = [];
        for (const checkpoint of this.#checkpoints.flat()) checkpoint.isOld = true;
        return;
      case "collect":
        this.#collect(step.server);
        return;
      case "keep house":
        this.#keepHouse(step.servers);
        return;
      case "settle":
        if (!this.#taking.has(step.server)) this.history.settle(this.servers[step.server]!);
        return;
      case "back up": {
        const { view, latest } = this.servers[step.server]!;
        this.#backups[step.server] = { image: view.image(), latest };
        return;
      }
      case "put back":
        this.#putBack(step.server);
    }
  }

  /** Everything one server knows, told to another; false when they do not get that far. */
  level(from: number, to: number): boolean {
    if (!this.#meet(from, to)) return false;
    const [sender, receiver] = [this.servers[from]!, this.servers[to]!];
    receiver.catchUpWith(sender, 100);
    for (const known of this.#roster[from]!) this.#roster[to]!.add(known);
    if (!this.#taking.has(from)) this.#taking.delete(to);
    return true;
  }

  levelAll(): void {
    for (let round = 0; round < 4; round++) {
      for (let to = 0; to < SERVERS; to++) for (let from = 0; from < SERVERS; from++) this.level(from, to);
    }
  }

  #keepHouse(servers: readonly number[]): void {
    this.levelAll();
    for (let index = 0; index < SERVERS; index++) this.take({ do: "settle", server: index });
    this.levelAll();
    for (const index of servers) this.#checkpoint(index);
    this.take({ do: "day" });
    for (const index of servers) this.#collect(index);
  }

  #hasJoined(index: number): boolean {
    return this.#roster[index]!.size > 1;
  }

  #write(index: number, order: WriteOrder): void {
    const server = this.servers[index]!;
    this.#wall += 10;
    const at = Math.max(server.latest + 1, this.#wall + order.time);
    server.latest = at;
    this.history.write(server, order, at);
  }

  /** What greeting.ts and floors.ts see to before anything is told. */
  #meet(from: number, to: number): boolean {
    if (from === to || (!this.#hasJoined(from) && !this.#hasJoined(to))) return false;
    if (!this.#hasJoined(from)) return false;
    const [sender, receiver] = [this.servers[from]!, this.servers[to]!];
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const)
      this.#roster[one]!.add(other);
    if (this.#bug === "keeps a catalog below a floor") return true;
    receiver.adoptFloors(sender.floors());
    if (sender.isBelow(receiver)) return false;
    if (!receiver.isBelow(sender)) return true;
    if (this.#taking.has(from)) return false;
    this.#discard(to, sender);
    return true;
  }

  #discard(index: number, other: ModelServer): void {
    this.discarded += 1;
    this.#endWalksOf(index);
    this.history.note(this.servers[index]!.discardFor(other));
    this.#taking.add(index);
    this.#checkpoints[index] = [];
  }

  #checkpoint(index: number): void {
    const roster = [...this.#roster[index]!];
    if (!this.#hasJoined(index) || roster.some((other) => this.#taking.has(other))) return;
    const rows = [...this.servers[index]!.origins()];
    const numbers = rows.map(([origin, row]) => [origin, this.#least(roster, row)] as const);
    this.#checkpoints[index]!.push({ numbers: new Map(numbers), isOld: false });
  }

  #least(asked: readonly number[], origin: Origin): number {
    return Math.min(...asked.map((other) => this.servers[other]!.known(origin)));
  }

  #collect(index: number): void {
    const server = this.servers[index]!;
    const roster = [...this.#roster[index]!];
    const old = this.#checkpoints[index]!.findLast(({ isOld }) => isOld)?.numbers;
    if (old === undefined || roster.some((other) => this.#taking.has(other))) return;
    const rows = server.origins();
    if ([...old].some(([origin, number]) => this.#least(roster, rows.get(origin)!) < number)) return;
    const floors = new Map([...rows].map(([origin, row]) => [origin, row]));
    this.collected += server.collect(old);
    if (this.#bug !== "forgets without raising the floor") return;
    server.change(({ origins }) => {
      for (const [origin, { floor }] of floors) origins.set(origin, { ...origins.at(origin), floor });
    });
  }

  #putBack(index: number): void {
    const backup = this.#backups[index];
    if (backup === undefined || !this.#hasJoined(index)) return;
    const server = this.servers[index]!;
    this.#endWalksOf(index);
    server.view.setTo(backup.image);
    for (const record of this.history.records) {
      const { key, origin, value } = record;
      // A deletion that nobody has may have been collected, and must not be undone.
      const isCollected =
        key.kind === "path" && isAbsence({ field: key.field, value }) && origin.server !== server.self;
      if (!isCollected && !this.servers.some(({ view }) => this.history.isKnown(view, record))) this.lost.add(record);
    }
    server.latest = backup.latest;
    server.mint();
    this.#checkpoints[index] = []; // Those of the backup would do as well.
  }

  #begin(from: number, to: number, which: number, count: number): void {
    if (!this.#meet(from, to)) return;
    const [sender, receiver] = [this.servers[from]!, this.servers[to]!];
    const origins = [...sender.origins().values()];
    const origin = origins[which % Math.max(origins.length, 1)];
    if (origin === undefined) return;
    const walk: Walk = { from, to, origin, after: receiver.known(origin), atMost: Number.POSITIVE_INFINITY };
    this.#walks.push(walk);
    this.#goOn(walk, count);
  }

  #goOn(walk: Walk, count: number): void {
    const [sender, receiver] = [this.servers[walk.from]!, this.servers[walk.to]!];
    if (this.#bug !== "keeps a catalog below a floor" && sender.isBelow(receiver)) return;
    const { records, reached, atMost, announce } = sender.walk(walk.origin, walk.after, count, walk.atMost);
    receiver.apply({ records, announcements: announce === undefined ? [] : [announce] });
    walk.after = reached;
    walk.atMost = atMost;
    if (announce !== undefined) this.#walks = this.#walks.filter((other) => other !== walk);
  }

  #endWalksOf(index: number): void {
    this.#walks = this.#walks.filter(({ from, to }) => from !== index && to !== index);
  }

  /** Records that should have won at their path, and did not. */
  beaten(at: ModelServer): string[] {
    return this.history.records.flatMap((record) => {
      const { key, stamp, value } = record;
      if (key.kind !== "path" || this.lost.has(record)) return [];
      const now = readRegisters(at.view, entryKey(key.path)).find(({ field }) => field === key.field);
      const winner = now ?? this.#lastAbsence(key.path, key.field);
      if (isAbsence({ field: key.field, value }) && now !== undefined && this.history.isInEarlierEpoch(now, record))
        return [];
      const isBeaten = winner !== undefined && compareWrites(winner, { stamp: stamp!, value }) >= 0;
      return isBeaten
        ? []
        : [`${originName(record.origin)} ${record.number} of ${key.field} at ${key.path} is not to be seen`];
    });
  }

  #lastAbsence(
    path: string,
    field: string,
  ): { stamp: NonNullable<CatalogRecord["stamp"]>; value: Uint8Array } | undefined {
    const absences = this.history.records.flatMap(({ key, stamp, value }) =>
      key.kind === "path" && key.path === path && key.field === field && isAbsence({ field, value })
        ? [{ stamp: stamp!, value }]
        : [],
    );
    return absences.sort(compareWrites).at(-1);
  }
}

/** What servers say apart from deletions and removed variables, of which each has those that it has not collected. */
const says = (each: ModelServer) =>
  told(each.view).filter(
    (line) => !/ content = .* 0[34][0-9a-f]*$| [^ ]*[xy] = .* 00$/.test(line) && !/ (held by |at \[\])$/.test(line),
  );

export interface Played {
  readonly wrong: readonly string[];
  readonly collected: number;
  readonly discarded: number;
}

/** Steps that make nobody claim more than before. */
const SILENT: ReadonlySet<Step["do"]> = new Set(["write", "checkpoint", "day", "settle", "back up"]);

/** Plays steps, then has all tell each other everything. */
export function play(steps: readonly Step[], bug?: Bug): Played {
  const swarm = new CollectingSwarm(bug);
  const wrong: string[] = [];
  for (const step of steps) {
    swarm.take(step);
    if (SILENT.has(step.do)) continue;
    for (const each of swarm.servers) wrong.push(...swarm.history.falseClaims(each));
    if (wrong.length > 0) break;
  }
  for (const each of swarm.servers) wrong.push(...contradictions(each));
  if (wrong.length === 0) {
    swarm.levelAll();
    const [first, ...rest] = swarm.servers;
    for (const other of rest) {
      const [a, b] = [says(first!), says(other)];
      wrong.push(...a.filter((line) => !b.includes(line)), ...b.filter((line) => !a.includes(line)));
    }
    for (const each of swarm.servers) wrong.push(...swarm.history.falseClaims(each), ...contradictions(each));
    wrong.push(...swarm.beaten(first!));
  }
  return { wrong, collected: swarm.collected, discarded: swarm.discarded };
}
