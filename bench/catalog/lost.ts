/**
 * What it costs a server that another one is lost for good: the files that it held get another place in the work index
 * (C13). Twenty servers share the files, three copies each; nothing runs but the re-indexing, on a catalog on the disk.
 */

import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { workPositionOf, workRange } from "../../src/core/catalog/keys.ts";
import type { ServerId } from "../../src/core/ids.ts";
import type { CatalogStore } from "../../src/ports/catalog-store.ts";
import { Catalog } from "../../src/server/catalog/catalog.ts";
import { Reindexer } from "../../src/server/replication/reindex.ts";
import { loudLog } from "../../tests/loud-log.ts";
import { TurnMeter, type TurnMs } from "../turns.ts";
import { buildInto, type Others, otherOrigins } from "./build.ts";

const SELF = "a00000000000" as ServerId;
const OTHERS = 19;
const COPIES = 3;
const FILE_BYTES = 3_000_000;
const POLL_MS = 20;
/** A write that took longer stood still, or read from the disk: its time is not taken for the write's. */
const WRITE_MS_MAX = 0.2;

export interface Lost {
  /** Files of which it held one copy. */
  readonly files: number;
  /** Of the event loop's thread. */
  readonly cpuMs: number;
  /** Of that, to hand the index's rows to the store. */
  readonly writesMs: number;
  /** Of all threads, syncs and page writes among them. */
  readonly processCpuMs: number;
  readonly seconds: number;
  readonly turnMs: TurnMs;
}

export async function buildSurvivor(state: string, files: number, progress: (done: number) => void): Promise<void> {
  await mkdir(state, { recursive: true });
  const store = openLmdbCatalogStore(state);
  try {
    const others: Others = {
      origins: otherOrigins(OTHERS),
      holdersOf: (index) => holdersOf(index).filter((server) => server !== OTHERS),
      isHere: (index) => holdersOf(index).includes(OTHERS),
    };
    await buildInto(store, SELF, files, progress, FILE_BYTES, others);
  } finally {
    await store.close();
  }
}

/** Three of the twenty, which ones changes from file to file. */
function holdersOf(index: number): number[] {
  const second = 1 + (index % 9);
  return [0, second, second + 1 + (index % 10)].map((distance) => (index + distance) % (OTHERS + 1));
}

export async function loseServer(state: string): Promise<Lost> {
  const store = openLmdbCatalogStore(state);
  const writes = { ms: 0 };
  const timed = timingWrites(store, writes);
  const absent = new Set<ServerId>();
  const context = { self: SELF, counts: (server: ServerId) => !absent.has(server), defaultTarget: COPIES };
  const catalog = new Catalog(timed, systemClock, context, loudLog);
  catalog.useStoredOrigin();
  const reindexer = new Reindexer(catalog, timed, () => ({ copies: COPIES, uncounted: [] }));
  const ending = new AbortController();
  const turns = new TurnMeter();
  try {
    await reindexer.follow();
    const lost = otherOrigins(OTHERS)[4]!.server;
    absent.add(lost);
    const startMs = performance.now();
    writes.ms = 0;
    turns.reset();
    const [thread, process_] = [process.threadCpuUsage(), process.cpuUsage()];
    await reindexer.server(lost);
    reindexer.unit.start(systemClock, SILENT, ending.signal);
    while (reindexer.isAtWork) await delay(POLL_MS);
    const [threadUsed, processUsed] = [process.threadCpuUsage(thread), process.cpuUsage(process_)];
    return {
      files: countBelow(store, 0),
      cpuMs: (threadUsed.user + threadUsed.system) / 1000,
      writesMs: writes.ms,
      processCpuMs: (processUsed.user + processUsed.system) / 1000,
      seconds: (performance.now() - startMs) / 1000,
      turnMs: turns.turnMs,
    };
  } finally {
    turns.end();
    ending.abort();
    await reindexer.unit.ended();
    await store.close();
  }
}

const SILENT = { debug: () => undefined, info: () => undefined, warn: console.warn, error: console.error };

/** Files in the work index of a surplus below this. */
function countBelow(store: CatalogStore, surplus: number): number {
  let count = 0;
  for (const held of [true, false]) {
    for (const { key } of store.read().range(workRange(held))) {
      if (workPositionOf(key).surplus >= surplus) break;
      count += 1;
    }
  }
  return count;
}

function timingWrites(store: CatalogStore, writes: { ms: number }): CatalogStore {
  const timing = <Given extends unknown[]>(call: (...given: Given) => void) => {
    return (...given: Given) => {
      const start = performance.now();
      call(...given);
      const ms = performance.now() - start;
      if (ms <= WRITE_MS_MAX) writes.ms += ms;
    };
  };
  return {
    read: () => store.read(),
    write: (change) =>
      store.write((view) =>
        change({
          get: (key) => view.get(key),
          range: (range) => view.range(range),
          put: timing((key, value) => view.put(key, value)),
          remove: timing((key) => view.remove(key)),
        }),
      ),
    flushed: () => store.flushed(),
    sizeBytes: () => store.sizeBytes(),
    close: () => store.close(),
  };
}
