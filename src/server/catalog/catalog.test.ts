/** The catalog's times: kept over restarts, followed over epochs (C8). */

import { beforeEach, describe, expect, it, test } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { loudLog } from "../../../tests/loud-log.ts";
import { MemoryCatalogStore } from "../../adapters/memory/catalog-store.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { contentStamp, readEntry } from "../../core/catalog/entries.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import { encodeTarget, TARGET_FIELD } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { CatalogRecord, Stamp } from "../../core/catalog/types.ts";
import { encodeVariable, variableField } from "../../core/catalog/variables.ts";
import { hybridTimeOf, wallMsOf } from "../../core/hybrid-clock.ts";
import type { HybridTime, VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import { Settings } from "../settings.ts";
import { MOVED_KEY } from "../swarms/messages.ts";
import { Catalog } from "./catalog.ts";

const NOW_MS = 1_790_000_000_000;
const YEARS_MS = 315_360_000_000;
const SELF = serverNumbered(1);
const PATH = "a" as FilePath;

let wallMs: number;
let store: MemoryCatalogStore;

const clock: Clock = { wall: () => wallMs, monotonic: () => 0, after: () => () => undefined };

beforeEach(() => {
  wallMs = NOW_MS;
  store = new MemoryCatalogStore();
});

async function start(): Promise<Catalog> {
  const catalog = new Catalog(store, clock, { self: SELF, counts: () => true, defaultTarget: 3 }, loudLog);
  if (catalog.storedOrigin() === undefined) await catalog.mintOrigin(0 as HybridTime, 0);
  else catalog.useStoredOrigin();
  return catalog;
}

async function put(catalog: Catalog, path = PATH): Promise<{ version: VersionId; stamp: Stamp }> {
  return await catalog.change((change) => {
    const time = catalog.timeAfter(change, path);
    const version = change.nameVersion(time);
    const content = { type: "file", version, sizeBytes: 1, sha256: "0".repeat(64), request: undefined } as const;
    return { version, stamp: change.writePath(path, CONTENT_FIELD, encodeContent(content), time) };
  });
}

async function beginEpoch(catalog: Catalog): Promise<void> {
  await catalog.change((change) => change.beginEpoch(Uint8Array.of(123, 125)));
}

function recordOf(stamp: Stamp): CatalogRecord {
  return {
    key: { kind: "path", path: PATH, field: CONTENT_FIELD },
    stamp,
    value: encodeContent({ type: "directory" }),
    origin: { server: serverNumbered(2), incarnation: 1 as HybridTime },
    number: 1,
  };
}

test("a change is made though one who follows it fails, and the others are told of it", async () => {
  const errors: string[] = [];
  const log = { ...loudLog, error: (message: string) => void errors.push(message) };
  const context = { self: SELF, counts: () => true, defaultTarget: 3 };
  const catalog = new Catalog(store, clock, context, log);
  await catalog.mintOrigin(0 as HybridTime, 0);
  const told: number[] = [];
  catalog.onChange(() => {
    throw new Error("a bug");
  });
  catalog.onChange(({ versions }) => told.push(versions.size));
  await put(catalog);
  expect(told).toEqual([1]);
  expect(errors).toEqual(["a change of the catalog could not be followed"]);
});

describe("times", () => {
  it("C8: go on above the last one after a restart, though the wall clock was set back", async () => {
    wallMs = NOW_MS + 40_000;
    const before = await put(await start());
    wallMs = NOW_MS;
    const after = await put(await start());
    expect(after.stamp.time).toBe(before.stamp.time + 1);
    expect(after.version > before.version).toBe(true);
  });

  it("C8: exceed what others wrote, and what is replaced", async () => {
    const catalog = await start();
    const stamp = { rank: 0, time: hybridTimeOf(NOW_MS + 50_000), server: serverNumbered(2) };
    await catalog.apply({ records: [recordOf(stamp)], announcements: [] });
    expect((await put(catalog)).stamp.time).toBe(stamp.time + 1);
    expect(catalog.times.aheadMs).toBe(50_000);
  });

  it("C8: follow the wall clock again in a new epoch, and win; a restart keeps it", async () => {
    wallMs = NOW_MS + YEARS_MS;
    const wrong = await put(await start());
    wallMs = NOW_MS;
    const catalog = await start();
    expect(catalog.times).toMatchObject({ epoch: 0, aheadMs: YEARS_MS });
    await beginEpoch(catalog);
    expect(catalog.times).toMatchObject({ epoch: 1, aheadMs: 0 });
    wallMs += 1000;
    const right = await put(catalog);
    expect(right.stamp).toMatchObject({ rank: 1, time: hybridTimeOf(wallMs) });
    expect(right.version > wrong.version).toBe(true);
    expect(readEntry(catalog.read(), PATH)).toMatchObject({ content: { version: right.version } });
    const again = await start();
    expect(again.times).toMatchObject({ epoch: 1, aheadMs: 0 });
    expect((await put(again)).version > right.version).toBe(true);
  });

  it("C8: a crash right after an epoch began forgets neither the epoch nor the times", async () => {
    wallMs = NOW_MS + YEARS_MS;
    await put(await start());
    wallMs = NOW_MS;
    await beginEpoch(await start());
    expect((await start()).times).toMatchObject({ epoch: 1, aheadMs: 0 });
  });

  it("C8: a server learns of an epoch by any write of it", async () => {
    wallMs = NOW_MS + YEARS_MS;
    const catalog = await start();
    await put(catalog);
    wallMs = NOW_MS;
    const stamp = { rank: 1, time: hybridTimeOf(NOW_MS - 5), server: serverNumbered(2) };
    await catalog.apply({ records: [recordOf(stamp)], announcements: [] });
    expect(contentStamp(catalog.read(), PATH)).toEqual(stamp);
    expect((await put(catalog)).stamp).toMatchObject({ rank: 1, time: hybridTimeOf(NOW_MS) });
  });

  it("C8: what was written in an earlier epoch was written before the next began, at the latest", async () => {
    wallMs = NOW_MS - 1000;
    const catalog = await start();
    const { stamp: early } = await put(catalog);
    wallMs = NOW_MS + YEARS_MS;
    const { stamp: wrong } = await put(catalog);
    wallMs = NOW_MS;
    await beginEpoch(catalog);
    wallMs = NOW_MS + 1000;
    const { stamp: late } = await put(catalog);
    const settings = new Settings(catalog);
    expect([early, wrong, late].map((stamp) => wallMsOf(settings.writtenAt(stamp)) - NOW_MS)).toEqual([-1000, 0, 1000]);
    expect(settings.clockRepairedMs).toBe(NOW_MS);
  });

  it("a server that joins another swarm brings no time of the future along", async () => {
    wallMs = NOW_MS + YEARS_MS;
    const catalog = await start();
    const { version } = await put(catalog);
    wallMs = NOW_MS;
    await catalog.reset();
    await catalog.mintOrigin(0 as HybridTime, 0.5);
    const { stamp, version: next } = await put(catalog);
    expect(wallMsOf(stamp.time) - NOW_MS).toBeLessThanOrEqual(1000);
    expect(next > version).toBe(true);
  });
});

describe("what is told of a change", () => {
  it("C13: a variable is said of a version and changes nothing that is indexed; another N has it placed anew", async () => {
    const catalog = await start();
    const { version } = await put(catalog);
    const told: { versions: VersionId[]; described: VersionId[] }[] = [];
    catalog.onChange(({ versions, described }) => told.push({ versions: [...versions], described: [...described] }));
    const variable = encodeVariable(9);
    await catalog.change((change) => change.writePath(PATH, variableField("popularity"), variable));
    await catalog.change((change) => change.writePath("none" as FilePath, variableField("popularity"), variable));
    await catalog.change((change) => change.writePath(PATH, TARGET_FIELD, encodeTarget(1)));
    expect(told).toEqual([
      { versions: [], described: [version] },
      { versions: [], described: [] },
      { versions: [version], described: [] },
    ]);
    expect(readVersionRow(catalog.read(), version).indexed).toEqual({ held: false, surplus: -1 });
  });
});

describe("a catalog that is thrown away", () => {
  it("C11: tells no more from which swarm its server has moved", async () => {
    await store.write((view) => view.put(MOVED_KEY, Uint8Array.of(1)));
    const catalog = await start();
    await catalog.reset();
    expect(catalog.read().get(MOVED_KEY)).toBe(undefined);
  });
});
