/**
 * The server's catalog: the rules of core/catalog over the store. All changes go through `change`, which numbers,
 * stamps and indexes them in one transaction; what follows from a change is told to listeners once it is visible.
 */

import { ByteReader, ByteWriter } from "../../core/bytes.ts";
import { type Batch, type ChainedAnnouncement, type LogWalk, tailDigest, walkLog } from "../../core/catalog/batch.ts";
import { contentStamp } from "../../core/catalog/entries.ts";
import { metaKey, type Table, tableRange } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView, WriteView } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD, merge } from "../../core/catalog/merge.ts";
import { originName, readOrigin, readOrigins } from "../../core/catalog/origins.ts";
import { OwnLog } from "../../core/catalog/own.ts";
import type { OriginRow } from "../../core/catalog/rows.ts";
import { type CatalogStats, STATS_KEY } from "../../core/catalog/stats.ts";
import { type CatalogContext, CatalogTransaction } from "../../core/catalog/transaction.ts";
import type { CatalogRecord, Origin, RegisterKey, Stamp } from "../../core/catalog/types.ts";
import { hybridTimeOf } from "../../core/hybrid-clock.ts";
import type { HybridTime, ServerId, VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { CatalogStore, Settled } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import { CHAIN_KEY, readChainEnds, rememberChainEnd } from "./chain.ts";
import { Counts } from "./counts.ts";
import type { NameMark } from "./name-mark.ts";
import { Times } from "./times.ts";

const ORIGIN_KEY = metaKey("origin");
/** Set while the disk has to be compared with what earlier incarnations of this server stated (storage/reconcile.ts). */
export const RECONCILE_KEY = metaKey("reconcile");
/** Records of others that are merged in one go: some 1.5 ms of work. */
const APPLY_RECORDS = 40;
/** A second of hybrid time, over which the first time of an incarnation is spread. */
const FORGOTTEN_TIME = hybridTimeOf(1000);
/** All but "meta". */
const CATALOG_TABLES: readonly Table[] = [
  "entries",
  "versions",
  "log",
  "origins",
  "work",
  "copies",
  "todo",
  "trash",
  "settings",
];

/** The inside of one change. */
export interface Change {
  readonly transaction: CatalogTransaction;
  readonly view: ReadView;
  /** A time after everything this server has seen (C8). */
  now(): HybridTime;
  /** A name that no other version has, for one that is written at `time`. */
  nameVersion(time: HybridTime): VersionId;
  /** Writes a register of a path with a stamp that exceeds the one it replaces; `time` when it was taken already. */
  writePath(path: FilePath, field: string, value: Bytes, time?: HybridTime): Stamp;
  /** Says again, as a record of this server, what a register of a path says already: so that its number can be waited for. */
  restatePath(path: FilePath, field: string): void;
  writeHolding(version: VersionId, held: boolean): void;
  writeSetting(name: string, value: Bytes): void;
  /** Begins the next epoch of the swarm's clock (C8), for all that is written from the next change on. */
  beginEpoch(value: Bytes): void;
  merge(record: CatalogRecord): boolean;
  announce(announcement: ChainedAnnouncement): void;
  /** The number that the last record of this server has now. */
  readonly number: number;
}

/** What a change did, for those who act on it. */
export interface Changed {
  readonly versions: ReadonlySet<VersionId>;
  readonly settings: boolean;
  /** This server wrote records of its own. */
  readonly own: boolean;
}

export class Catalog {
  readonly self: ServerId;
  readonly #store: CatalogStore;
  readonly #context: CatalogContext;
  readonly #times: Times;
  readonly #listeners: ((changed: Changed) => void)[] = [];
  readonly #rolledBackListeners: (() => void)[] = [];
  #origin: Origin | undefined;
  #settling = Promise.withResolvers<void>();
  #origins = new Map<number, OriginRow>();
  #indexes = new Map<string, number>();
  #numbers = new Map<string, number>();
  #ownFlushed = 0;
  #revision = 0;
  readonly #counts = new Counts();

  constructor(store: CatalogStore, clock: Clock, context: CatalogContext, names?: NameMark) {
    this.self = context.self;
    this.#store = store;
    this.#context = context;
    this.#times = new Times(context.self, clock, store.read(), names);
    this.#refreshOrigins();
  }

  read(): ReadView {
    return this.#store.read();
  }

  get context(): CatalogContext {
    return this.#context;
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
    const row = this.read().get(ORIGIN_KEY);
    return row === undefined
      ? undefined
      : { server: this.self, incarnation: new ByteReader(row).uint(7) as HybridTime };
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
    const stored = this.storedOrigin()?.incarnation ?? 0;
    const incarnation = this.#times.nextIncarnation(Math.max(atLeast, stored) as HybridTime);
    await this.#store.write((view) => {
      view.put(ORIGIN_KEY, new ByteWriter(7).uint(incarnation, 7).finish());
      view.remove(CHAIN_KEY);
    });
    await this.#store.flushed();
    // A catalog that was put back may have forgotten names that it gave (P4). The mark outside of it passes them over;
    // should that be lost as well, chance makes it unlikely that one is given twice.
    this.#times.passOver(incarnation, Math.floor(chance * FORGOTTEN_TIME));
    this.#ownFlushed = 0;
    this.#settle({ server: this.self, incarnation });
  }

  /**
   * Whether what another server knows of this server's incarnation agrees with what this catalog says of it (C6).
   * "unknown" when it knows too little, or its number lies too far back.
   */
  compareHistory(number: number, seen: number, chain: number): "same" | "rolled-back" | "unknown" {
    const stored = this.storedOrigin();
    if (stored === undefined) return "unknown";
    if (seen > this.knownNumber(originName(stored))) return "rolled-back";
    const end = readChainEnds(this.read()).find((other) => other.number === number);
    if (end === undefined || chain === 0) return "unknown";
    return end.chain === chain ? "same" : "rolled-back";
  }

  /** Throws everything away but who this server is: it joins another swarm, or takes the catalog anew. */
  async reset(): Promise<void> {
    this.#origin = undefined;
    this.#settling = Promise.withResolvers();
    await this.#write((view) => {
      for (const table of CATALOG_TABLES) {
        for (const { key } of [...view.range(tableRange(table))]) view.remove(key);
      }
      for (const key of [CHAIN_KEY, STATS_KEY]) view.remove(key);
      this.#times.forget(view);
    });
    this.#refreshOrigins();
    this.#revision += 1;
    for (const listener of this.#listeners) listener({ versions: new Set(), settings: true, own: false });
  }

  onChange(listener: (changed: Changed) => void): void {
    this.#listeners.push(listener);
  }

  /** Called when this server turns out to have written more than its catalog knows (C6). */
  onRolledBack(listener: () => void): void {
    this.#rolledBackListeners.push(listener);
  }

  /** Every origin that is known, by its local index. */
  origins(): ReadonlyMap<number, OriginRow> {
    return this.#origins;
  }

  serverOf(originIndex: number): ServerId {
    return this.originAt(originIndex).server;
  }

  /** @throws Error when there is none: indexes come from rows of the catalog */
  originAt(originIndex: number): OriginRow {
    return this.#origins.get(originIndex) ?? readOrigin(this.read(), originIndex);
  }

  /** Up to which number an origin, named by `originName`, is known here. */
  knownNumber(name: string): number {
    return this.#numbers.get(name) ?? 0;
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
    let versions: ReadonlySet<VersionId> = new Set();
    let origins: ReadonlyMap<number, OriginRow> = new Map();
    let begun: ReturnType<Times["nextEpoch"]> | undefined;
    const answer = await this.#write((view) => {
      const transaction = new CatalogTransaction(view, this.#context, this.#indexes, this.#origins);
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
        now: () => this.#times.now(),
        nameVersion: (time) => this.#times.nameVersion(time),
        writePath: (path, field, value, time) => {
          const key: RegisterKey = { kind: "path", path, field };
          return write(key, this.#times.stamp(key, time), value);
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
          if (this.#isForgotten(record.origin)) view.put(RECONCILE_KEY, Uint8Array.of(1));
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
      versions = transaction.touched;
      origins = transaction.origins.changed;
      return result;
    });
    if (begun !== undefined) this.#times.observe(begun.key, begun.stamp);
    for (const [index, row] of origins) this.#noteOrigin(index, row);
    this.#revision += 1;
    for (const listener of this.#listeners) listener({ versions, settings, own });
    return answer;
  }

  /** Resolves when everything that is visible now survives a power cut. */
  async flushed(): Promise<void> {
    const number = this.#origin === undefined ? 0 : this.knownNumber(originName(this.#origin));
    await this.#store.flushed();
    if (number > this.#ownFlushed) this.#ownFlushed = number;
  }

  /**
   * Reads an origin's records above `after` and makes sure that what was read is durable before it is told (C4).
   * `complete` is what was known of the origin when the walk began.
   */
  async walk(originIndex: number, after: number, limit: number, complete?: number): Promise<LogWalk> {
    const walk = walkLog(this.read(), originIndex, (index) => this.originAt(index), after, limit, complete);
    await this.flushed();
    return walk;
  }

  /**
   * Takes in what another server sent; resolves when it is durable. Of many records the store makes transactions that
   * leave the event loop to others; their numbers are entered when all of them are there (C3).
   */
  async apply({ records, announcements }: Batch): Promise<void> {
    const slices = slicesOf(records, APPLY_RECORDS);
    const last = slices.length > 1 ? [] : (slices.pop() ?? []);
    await Promise.all(slices.map((slice) => this.#mergeAll(slice, [])));
    if (last.length > 0 || announcements.length > 0) await this.#mergeAll(last, announcements);
    await this.flushed();
  }

  #mergeAll(records: readonly CatalogRecord[], announcements: readonly ChainedAnnouncement[]): Promise<void> {
    return this.change((change) => {
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

  /** What others tell of this server's own past is news only to an older catalog than it had (C6). */
  #isForgotten(origin: Origin): boolean {
    return origin.server === this.self && origin.incarnation !== this.#origin?.incarnation;
  }

  /** What was committed about an origin; numbers only rise, so the order of two commits does not matter here. */
  #noteOrigin(index: number, row: OriginRow): void {
    const name = originName(row);
    this.#indexes.set(name, index);
    const known = this.#origins.get(index);
    if (known !== undefined && (known.contiguous > row.contiguous || known.seen > row.seen)) return;
    this.#origins.set(index, row);
    this.#numbers.set(name, row.contiguous);
  }

  #refreshOrigins(): void {
    this.#origins = new Map();
    this.#indexes = new Map();
    this.#numbers = new Map();
    for (const [index, row] of readOrigins(this.#store.read())) this.#noteOrigin(index, row);
  }
}

function slicesOf<T>(list: readonly T[], size: number): T[][] {
  const slices: T[][] = [];
  for (let start = 0; start < list.length; start += size) slices.push(list.slice(start, start + size));
  return slices;
}

function announce(transaction: CatalogTransaction, announcement: ChainedAnnouncement, own: Origin | undefined): void {
  if (own !== undefined && originName(own) === originName(announcement.origin)) return;
  const index = transaction.origins.intern(announcement.origin);
  const row = transaction.origins.at(index);
  if (announcement.number <= row.contiguous) return;
  const { number, chain } = announcement;
  transaction.origins.set(index, { ...row, contiguous: number, seen: Math.max(row.seen, number), chain });
}
