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
import { addCopy, placeCopy } from "../../src/core/catalog/copies.ts";
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
    this.origin = { server: this.self, incarnation: (this.origin.incarnation + 1) as HybridTime };
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

  walk(origin: Origin, after: number, limit: number, complete?: number): LogWalk {
    const found = this.rowOf(origin);
    if (found === undefined) return { records: [], reached: after, announce: undefined };
    const origins = this.origins();
    return walkLog(this.view, found[0], (index) => origins.get(index)!, after, limit, complete);
  }

  /** Takes in a batch as it comes over the wire. */
  apply(batch: Batch): void {
    const { records, announcements } = decodeBatch(encodeBatch(batch));
    this.change((transaction) => {
      for (const record of records) merge(transaction, record);
      for (const announcement of announcements) this.#announced(transaction, announcement);
    });
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

  #announced({ origins }: CatalogTransaction, { origin, number, chain }: ChainedAnnouncement): void {
    if (originName(origin) === originName(this.origin)) return;
    const index = origins.intern(origin);
    const row = origins.at(index);
    if (number <= row.contiguous) return;
    origins.set(index, { ...row, contiguous: number, seen: Math.max(row.seen, number), chain });
  }
}
