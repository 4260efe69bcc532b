/**
 * The server's catalog: the rules of core/catalog over the store. All changes go through `change`, which numbers,
 * stamps and indexes them in one transaction; what follows from a change is told to listeners once it is visible.
 */
import { type Batch, type LogWalk, tailDigest, walkLog } from "../../core/catalog/batch.ts";
import { discard, type OfOthers } from "../../core/catalog/discard.ts";
import { contentStamp } from "../../core/catalog/entries.ts";
import { adoptFloors, type Floor, TAKING_KEY } from "../../core/catalog/floors.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView, WriteView } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD, merge } from "../../core/catalog/merge.ts";
import { originName } from "../../core/catalog/origins.ts";
import { OwnLog } from "../../core/catalog/own.ts";
import type { OriginRow } from "../../core/catalog/rows.ts";
import type { CatalogStats } from "../../core/catalog/stats.ts";
import { type CatalogContext, CatalogTransaction } from "../../core/catalog/transaction.ts";
import type { Origin, RegisterKey, Stamp } from "../../core/catalog/types.ts";
import type { HybridTime, ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { slicesOf } from "../../core/slices.ts";
import { FsdfsError } from "../../errors.ts";
import type { CatalogStore, Settled } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { announce } from "./announce.ts";
import { rememberChainEnd, type Verdict, verdictOn } from "./chain.ts";
import { type Change, type Changed, REPLACED } from "./change.ts";
import { clear, endTaking } from "./clear.ts";
import { Counts } from "./counts.ts";
import { Emptying } from "./emptying.ts";
import { Followers } from "./followers.ts";
import { readIncarnation, spread, writeIncarnation } from "./incarnation.ts";
import { KnownOrigins } from "./known-origins.ts";
import type { NameMark } from "./name-mark.ts";
import { Times } from "./times.ts";

/** Set while the disk has to be compared with what earlier incarnations of this server stated (storage/reconcile.ts). */
export const RECONCILE_KEY = metaKey("reconcile");
/** Records of others that are merged in one go: a millisecond or two of work. */
const APPLY_RECORDS = 20;

export class Catalog {
  readonly self: ServerId;
  readonly emptying = new Emptying();
  /** Somebody wants to be told each change (`Changed.notes`). */
  isWatched = false;
  readonly #store: CatalogStore;
  readonly context: CatalogContext;
  readonly #times: Times;
  readonly #followers: Followers;
  readonly #rolledBackListeners: (() => void)[] = [];
  #origin: Origin | undefined;
  #settling = Promise.withResolvers<void>();
  readonly #known: KnownOrigins;
  #ownFlushed = 0;
  #revision = 0;
  readonly #counts = new Counts();
  /** Rises when the catalog is discarded: what was begun before must not be gone on with. */
  #generation = 0;
  #isTaking: boolean;

  /** @param names what is kept of names outside of the store; undefined: nothing */
  constructor(store: CatalogStore, clock: Clock, context: CatalogContext, log: Log, names?: NameMark) {
    this.#followers = new Followers(log);
    this.self = context.self;
    this.#store = store;
    this.context = context;
    this.#times = new Times(context.self, clock, store.read(), names);
    this.#isTaking = store.read().get(TAKING_KEY) !== undefined;
    this.#known = new KnownOrigins(store);
  }

  read(): ReadView {
    return this.#store.read();
  }

  stats(): Readonly<CatalogStats> {
    return this.#counts.current(() => this.read());
  }

  /** Who writes records here now; undefined until it is settled which incarnation that is (C6). */
  get origin(): Origin | undefined {
    return this.#origin;
  }

  /** Resolves when this server may write records. */
  async originSettled(): Promise<void> {
    while (this.#origin === undefined) await this.#settling.promise;
  }

  #settle(origin: Origin): void {
    this.#origin = origin;
    this.#settling.resolve();
  }

  /** The incarnation in which this server wrote last; undefined for a new server. */
  storedOrigin(): Origin | undefined {
    const incarnation = readIncarnation(this.read());
    return incarnation === undefined ? undefined : { server: this.self, incarnation };
  }

  /** Goes on in the stored incarnation. Everything of it must be durable. */
  useStoredOrigin(): void {
    const origin = this.storedOrigin();
    if (origin === undefined) return;
    this.#ownFlushed = this.knownNumber(originName(origin));
    this.#settle(origin);
  }

  /** Begins a new incarnation, greater than any before and any that others know (C6). `chance` is 0 to 1. Durable when it resolves. */
  async mintOrigin(atLeast: HybridTime, chance: number): Promise<void> {
    const incarnation = await this.#store.write((view) => this.#nextIncarnation(view, atLeast));
    await this.#store.flushed();
    if (this.storedOrigin()?.incarnation !== incarnation) return; // The catalog was discarded meanwhile.
    this.#beginOrigin(incarnation, chance);
  }

  #nextIncarnation(view: WriteView, atLeast: HybridTime): HybridTime {
    const stored = readIncarnation(view) ?? 0;
    return writeIncarnation(view, this.#times.nextIncarnation(Math.max(atLeast, stored) as HybridTime));
  }

  #beginOrigin(incarnation: HybridTime, chance: number): void {
    this.#times.passOver(incarnation, spread(chance));
    this.#ownFlushed = 0;
    this.#settle({ server: this.self, incarnation });
  }

  /** Gives this catalog up for the swarm's (C7): core/catalog/discard.ts. Durable when it resolves. */
  async discard(others: OfOthers, atLeast: HybridTime, chance: number): Promise<void> {
    const before = { origin: this.#origin, ownFlushed: this.#ownFlushed };
    try {
      const empty = (view: WriteView) => {
        const incarnation = this.#nextIncarnation(view, atLeast);
        const origin = { server: this.self, incarnation };
        const { transaction, log } = discard(view, { context: this.context, origin, ...others });
        transaction.finish();
        rememberChainEnd(view, log);
        view.put(RECONCILE_KEY, Uint8Array.of(1));
        // Changes that were asked for already run in the same breath: what is remembered of rows does not hold for them.
        this.#generation += 1;
        this.#revision += 1;
        this.#isTaking = true;
        this.#known.forget();
        this.#beginOrigin(incarnation, chance);
      };
      await this.emptying.during(() => this.#write(empty));
    } catch (error) {
      this.#origin = before.origin;
      this.#ownFlushed = before.ownFlushed;
      throw error;
    } finally {
      this.#isTaking = this.read().get(TAKING_KEY) !== undefined;
      this.#known.refresh();
      this.#revision += 1;
    }
    await this.#store.flushed();
    this.#followers.tell({ ...REPLACED, own: true });
  }

  /** Whether this catalog was discarded and does not have all yet that the others knew. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  /** The swarm's catalog is here. */
  async endTaking(): Promise<void> {
    await this.#store.write(endTaking);
    this.#isTaking = false;
  }

  /** Takes over others' floors while nothing of theirs is here (C7). */
  async adoptFloors(floors: readonly Floor[]): Promise<void> {
    if (floors.length === 0 || this.#known.hasOthersThan(this.storedOrigin())) return;
    await this.change(({ transaction, view }) => {
      const incarnation = readIncarnation(view);
      adoptFloors(transaction, incarnation && { server: this.self, incarnation }, floors);
    });
  }

  /**
   * Whether what another server knows of this server's incarnation agrees with what this catalog says of it (C6).
   * "unknown" when it knows too little, or its number lies too far back.
   */
  compareHistory(number: number, seen: number, chain: number): Verdict {
    const stored = this.storedOrigin();
    return stored === undefined
      ? "unknown"
      : verdictOn(this.read(), this.knownNumber(originName(stored)), { number, seen, chain });
  }

  /** Throws everything away but who this server is: it joins another swarm, or takes the catalog anew. */
  async reset(): Promise<void> {
    this.#origin = undefined;
    this.#settling = Promise.withResolvers();
    const empty = (view: WriteView) => {
      clear(view);
      this.#times.forget(view);
    };
    await this.emptying.during(() => this.#write(empty));
    this.#isTaking = false;
    this.#known.refresh();
    this.#revision += 1;
    this.#followers.tell({ ...REPLACED, own: false });
  }

  onChange(listener: (changed: Changed) => void): void {
    this.#followers.add(listener);
  }

  /** Called when this server turns out to have written more than its catalog knows (C6). */
  onRolledBack(listener: () => void): void {
    this.#rolledBackListeners.push(listener);
  }

  /** Every origin that is known, by its local index. */
  origins(): ReadonlyMap<number, OriginRow> {
    return this.#known.rows;
  }

  serverOf(originIndex: number): ServerId {
    return this.originAt(originIndex).server;
  }

  /** @throws Error when there is none: indexes come from rows of the catalog */
  originAt(originIndex: number): OriginRow {
    return this.#known.at(originIndex);
  }

  /** Up to which number an origin, named by `originName`, is known here. */
  knownNumber(name: string): number {
    return this.#known.number(name);
  }

  /** This server's last number that a power cut cannot take back. */
  get ownFlushedNumber(): number {
    return this.#ownFlushed;
  }

  /** In which epoch of the swarm's clock this server writes, and how far ahead of its wall clock (C8). */
  get times(): Pick<Times, "epoch" | "aheadMs" | "readyToName" | "close"> {
    return this.#times;
  }

  /** Rises with each change: what was derived from the catalog at the same revision still holds. */
  get revision(): number {
    return this.#revision;
  }

  /** Digest of what is known of an origin beyond its contiguous number (C3). */
  tailOf(originIndex: number): number {
    return tailDigest(this.read(), originIndex, this.originAt(originIndex));
  }

  /** Resolves when the change is visible; nothing happened when it rejects. */
  async change<T>(apply: (change: Change) => Settled<T>): Promise<T> {
    let own = false;
    let settings = false;
    let done: CatalogTransaction | undefined;
    let generation = this.#generation;
    const askedAt = this.#times.monotonic();
    let begun: ReturnType<Times["nextEpoch"]> | undefined;
    const answer = await this.#write((view) => {
      generation = this.#generation;
      const transaction = new CatalogTransaction(view, this.context, this.#known.indexes, this.#known.rows);
      if (this.isWatched) transaction.notes = [];
      let log: OwnLog | undefined;
      const ownLog = () => {
        if (this.#origin === undefined) throw new Error("this server writes no records before its origin is settled");
        if (log !== undefined) return log;
        // Others have sent records of this very incarnation that are not known here: the catalog is an old one (C6).
        if (transaction.origins.isAhead(this.#origin)) {
          for (const listener of this.#rolledBackListeners) listener();
          throw new FsdfsError("behind");
        }
        log = new OwnLog(transaction, this.#origin);
        return log;
      };
      const write = <S extends Stamp | undefined>(key: RegisterKey, stamp: S, value: Bytes): S => {
        own = true;
        ownLog().write(key, stamp, value);
        return stamp;
      };
      const change: Change = {
        transaction,
        view,
        waitedMs: this.#times.monotonic() - askedAt,
        now: () => this.#times.now(),
        nameVersion: (time) => this.#times.nameVersion(time),
        writePath: (path, field, value, at) => {
          const key: RegisterKey = { kind: "path", path, field };
          return write(key, typeof at === "object" ? at : this.#times.stamp(key, at), value);
        },
        restatePath: (path, field) => {
          const register = transaction.registers(path).find((other) => other.field === field);
          if (register !== undefined) write({ kind: "path", path, field }, register.stamp, register.value);
        },
        writeHolding: (version, held) => {
          write({ kind: "holding", version, holder: this.self }, undefined, Uint8Array.of(held ? 1 : 0));
        },
        writeSetting: (name, value) => {
          settings = true;
          const key: RegisterKey = { kind: "setting", name };
          write(key, this.#times.stamp(key), value);
        },
        beginEpoch: (value) => {
          settings = true;
          begun = this.#times.nextEpoch();
          write(begun.key, begun.stamp, value);
        },
        merge: (record) => {
          if (record.key.kind === "setting") settings = true;
          if (record.stamp !== undefined) this.#times.observe(record.key, record.stamp);
          // What others tell of this server's own past is news only to an older catalog than it had (C6).
          const { server, incarnation } = record.origin;
          const isForgotten = server === this.self && incarnation !== this.#origin?.incarnation;
          if (isForgotten) view.put(RECONCILE_KEY, Uint8Array.of(1));
          return merge(transaction, record);
        },
        announce: (announcement) => announce(transaction, announcement, this.#origin),
        get number() {
          return ownLog().number;
        },
      };
      const result = apply(change);
      transaction.finish();
      if (log !== undefined) rememberChainEnd(view, log);
      this.#times.keep(view);
      done = transaction;
      return result;
    });
    if (begun !== undefined) this.#times.observe(begun.key, begun.stamp);
    const { touched: versions, described, origins, conflicts, notes } = done!;
    if (generation === this.#generation) for (const [index, row] of origins.changed) this.#known.note(index, row);
    this.#revision += 1;
    this.#followers.tell({ versions, described, settings, conflicts, own, notes });
    return answer;
  }

  /** Resolves when everything that is visible now survives a power cut. */
  async flushed(): Promise<void> {
    const origin = this.#origin;
    const number = origin === undefined ? 0 : this.knownNumber(originName(origin));
    await this.#store.flushed();
    if (origin === this.#origin && number > this.#ownFlushed) this.#ownFlushed = number;
  }

  /**
   * Reads an origin's records above `after` and makes sure that what was read is durable before it is told (C4).
   * `atMost` is what the walk may announce (`walkLog`).
   */
  async walk(originIndex: number, after: number, limit: number, atMost?: number): Promise<LogWalk> {
    const walk = walkLog(this.read(), originIndex, (index) => this.originAt(index), after, limit, atMost);
    await this.flushed();
    return walk;
  }

  /**
   * Takes in what another server sent; resolves when it is durable. Of many records the store makes transactions that
   * leave the event loop to others; their numbers are entered when all of them are there (C3). They are numbers of the
   * catalog of `generation`, and of no other.
   *
   * @throws FsdfsError `behind` when the catalog was discarded since, or is below the sender's (C7)
   */
  async apply({ records, announcements }: Batch, generation = this.#generation): Promise<void> {
    const mergeAll = (batch: Batch) => this.#mergeAll(batch, generation);
    const slices = slicesOf(records, APPLY_RECORDS);
    const last = slices.length > 1 ? [] : (slices.pop() ?? []);
    await Promise.all(slices.map((slice) => mergeAll({ records: slice, announcements: [] })));
    if (last.length > 0 || announcements.length > 0) await mergeAll({ records: last, announcements });
    await this.flushed();
  }

  /** Another one after the catalog was discarded. */
  get generation(): number {
    return this.#generation;
  }

  #mergeAll({ records, announcements }: Batch, generation: number): Promise<void> {
    return this.change((change) => {
      if (generation !== this.#generation) throw new FsdfsError("behind");
      for (const record of records) change.merge(record);
      for (const announcement of announcements) change.announce(announcement);
    });
  }

  /** A stamp that exceeds that of what is at the path, and all that this server has seen. */
  timeAfter(change: Change, path: FilePath): HybridTime {
    const stamp = contentStamp(change.view, path);
    if (stamp !== undefined) this.#times.observe({ kind: "path", path, field: CONTENT_FIELD }, stamp);
    return change.now();
  }

  #write<T>(change: (view: WriteView) => Settled<T>): Promise<T> {
    return this.#counts.during(() => this.#store.write(change));
  }
}
