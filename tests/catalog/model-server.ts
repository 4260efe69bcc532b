/**
 * A server reduced to its catalog: it writes records, hands out batches of its log and takes in those of others, as
 * server/catalog and server/mesh do, without clock, disk or network.
 */
import {
  type Batch,
  type ChainedAnnouncement,
  decodeBatch,
  encodeBatch,
  type LogWalk,
  walkLog,
} from "../../src/core/catalog/batch.ts";
import type { Numbers } from "../../src/core/catalog/checkpoints.ts";
import { collect, findCollectable } from "../../src/core/catalog/collect.ts";
import { addCopy, placeCopy, readCopy, removeCopy } from "../../src/core/catalog/copies.ts";
import { discard } from "../../src/core/catalog/discard.ts";
import { adoptFloors, type Floor, isBelow } from "../../src/core/catalog/floors.ts";
import { tableRange, versionOfKey } from "../../src/core/catalog/keys.ts";
import { merge } from "../../src/core/catalog/merge.ts";
import { originName, readOrigins } from "../../src/core/catalog/origins.ts";
import { OwnLog } from "../../src/core/catalog/own.ts";
import type { OriginRow } from "../../src/core/catalog/rows.ts";
import { type CatalogContext, CatalogTransaction } from "../../src/core/catalog/transaction.ts";
import type { CatalogRecord, Origin, RegisterKey, Stamp } from "../../src/core/catalog/types.ts";
import type { HybridTime, ServerId, VersionId } from "../../src/core/ids.ts";
import type { FilePath } from "../../src/core/paths.ts";
import { MemoryView } from "./memory-view.ts";

export const DEFAULT_TARGET = 3;

export class ModelServer {
  readonly self: ServerId;
  readonly view = new MemoryView();
  readonly context: CatalogContext;
  origin: Origin;
  /** The latest time of a write that it knows of. */
  latest = 0;
  #incarnations = 1;

  constructor(self: ServerId, counts: (server: ServerId) => boolean = () => true) {
    this.self = self;
    this.context = { self, counts, defaultTarget: DEFAULT_TARGET };
    this.origin = { server: self, incarnation: 1 as HybridTime };
  }

  change<T>(apply: (transaction: CatalogTransaction) => T): T {
    const transaction = new CatalogTransaction(this.view, this.context);
    const answer = apply(transaction);
    transaction.finish();
    return answer;
  }

  mint(): void {
    this.origin = { server: this.self, incarnation: ++this.#incarnations as HybridTime };
  }

  /** Writes registers of its own in one transaction; answers the number of the last. */
  write(...writes: readonly { key: RegisterKey; stamp: Stamp | undefined; value: Uint8Array }[]): number {
    return this.change((transaction) => {
      const log = new OwnLog(transaction, this.origin);
      for (const { key, stamp, value } of writes) log.write(key, stamp, value);
      return log.number;
    });
  }

  merge(...records: readonly CatalogRecord[]): boolean[] {
    return this.change((transaction) => records.map((record) => merge(transaction, record)));
  }

  /** A copy on its own disk, its file at its place if the version is at that path now. */
  addCopy(version: VersionId, path: FilePath, sizeBytes: number): void {
    const copy = { path, location: path, staged: undefined, sizeBytes, inode: 1, modifiedNs: 0n };
    this.change((transaction) => {
      addCopy(transaction, version, copy);
      if (transaction.version(version).paths.includes(path)) placeCopy(transaction, version, copy);
    });
  }

  origins(): Map<number, OriginRow> {
    return readOrigins(this.view);
  }

  rowOf(origin: Origin): readonly [number, OriginRow] | undefined {
    return [...this.origins()].find(([, row]) => originName(row) === originName(origin));
  }

  /** Up to which number it claims to know an origin. */
  known(origin: Origin): number {
    return this.rowOf(origin)?.[1].contiguous ?? 0;
  }

  walk(origin: Origin, after: number, limit: number, atMost?: number): LogWalk {
    const found = this.rowOf(origin);
    if (found === undefined) return { records: [], reached: after, atMost: 0, announce: undefined, unreadable: [] };
    const origins = this.origins();
    const walk = walkLog(this.view, found[0], (index) => origins.get(index)!, after, limit, atMost);
    if (walk.unreadable.length > 0) throw walk.unreadable[0];
    return walk;
  }

  /** Takes in a batch as it comes over the wire. */
  apply(batch: Batch): void {
    const { records, announcements } = decodeBatch(encodeBatch(batch));
    this.change((transaction) => {
      for (const record of records) merge(transaction, record);
      for (const announcement of announcements) this.#announced(transaction, announcement);
    });
    for (const { stamp } of records) this.latest = Math.max(this.latest, stamp?.time ?? 0);
  }

  /** Collects all that is old (C7). Answers how many registers went. */
  collect(old: Numbers): number {
    const rows = [...old.keys()].flatMap(
      (origin) => findCollectable(this.view, origin, 0, old, Number.MAX_SAFE_INTEGER).collectable,
    );
    return this.change((transaction) => collect(transaction, rows, old));
  }

  floors(): Floor[] {
    return [...this.origins().values()].flatMap((row) => (row.floor > 0 ? [{ origin: row, floor: row.floor }] : []));
  }

  isBelow(other: ModelServer): boolean {
    return other.floors().some(({ origin, floor }) => {
      const { contiguous, floor: own } = this.rowOf(origin)?.[1] ?? { contiguous: 0, floor: 0 };
      return isBelow({ contiguous, floor: own }, floor);
    });
  }

  adoptFloors(floors: readonly Floor[]): void {
    this.change((transaction) => adoptFloors(transaction, this.origin, floors));
  }

  /** Gives its catalog up for that of another. Answers what it wrote anew. */
  discardFor(other: ModelServer): CatalogRecord[] {
    this.mint();
    const known = (name: string) =>
      [...other.origins().values()].find((row) => originName(row) === name)?.contiguous ?? 0;
    const { context, origin } = this;
    discard(this.view, { context, origin, floors: other.floors(), known }).transaction.finish();
    return this.walk(origin, 0, Number.MAX_SAFE_INTEGER).records;
  }

  /** Versions whose copy has yet to move or go, done: they are in their places, or none any more. Answers the latter. */
  settle(): VersionId[] {
    const pending = Array.from(this.view.range(tableRange("todo")), ({ key }) => versionOfKey(key));
    return this.change((transaction) =>
      pending.filter((version) => {
        const copy = readCopy(this.view, version)!;
        const [path] = transaction.version(version).paths;
        if (path !== undefined) placeCopy(transaction, version, { ...copy, path, location: path });
        else removeCopy(transaction, version);
        return path === undefined;
      }),
    );
  }

  /** Everything another server has above what is known here, origin by origin. */
  catchUpWith(other: ModelServer, limit: number): void {
    for (const origin of [...other.origins().values()]) {
      const complete = other.known(origin);
      for (let after = this.known(origin); ; ) {
        const { records, reached, announce } = other.walk(origin, after, limit, complete);
        this.apply({ records, announcements: announce === undefined ? [] : [announce] });
        if (announce !== undefined) break;
        after = reached;
      }
    }
  }

  #announced({ origins }: CatalogTransaction, { origin, number, chain, floor }: ChainedAnnouncement): void {
    if (originName(origin) === originName(this.origin)) return;
    const index = origins.intern(origin);
    const row = origins.at(index);
    if (number <= row.contiguous || isBelow(row, floor)) return;
    origins.set(index, { ...row, contiguous: number, seen: Math.max(row.seen, number), chain });
  }
}
