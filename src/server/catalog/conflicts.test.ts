/** How fast files make way for directories, and when not (C12). */

import { beforeEach, describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { loudLog } from "../../../tests/loud-log.ts";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { MemoryCatalogStore } from "../../adapters/memory/catalog-store.ts";
import { utf8 } from "../../core/bytes.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { conflictsRange, entryKey } from "../../core/catalog/keys.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { HybridTime } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Readiness } from "../readiness.ts";
import { JOINING_SETTING } from "../swarms/messages.ts";
import { Catalog } from "./catalog.ts";
import { Conflicts } from "./conflicts.ts";

const SETTLE_MS = 2000;
const ROUND_MS = 3000;

let clock: ManualClock;
let catalog: Catalog;
let store: MemoryCatalogStore;
let readiness: { isFresh: boolean };
let warnings: string[];

beforeEach(async () => {
  clock = new ManualClock();
  const context = {
    self: serverNumbered(1),
    counts: () => true,
    defaultTarget: 3,
  };
  store = new MemoryCatalogStore();
  catalog = new Catalog(store, clock, context, loudLog);
  await catalog.mintOrigin(0 as HybridTime, 0);
  readiness = { isFresh: true };
  warnings = [];
  const log = { ...loudLog, warn: (message: string) => void warnings.push(message) };
  const { unit } = new Conflicts(catalog, readiness as Readiness, clock, log);
  unit.start(clock, log, new AbortController().signal);
});

async function conflict(path: string): Promise<void> {
  await catalog.change((change) => {
    for (const each of [path, `${path}/below`] as FilePath[]) {
      const time = change.now();
      const version = change.nameVersion(time);
      const content = { type: "file", version, sizeBytes: 1, sha256: "0".repeat(64), request: undefined } as const;
      change.writePath(each, CONTENT_FIELD, encodeContent(content), time);
    }
  });
}

function waiting(): number {
  return [...catalog.read().range(conflictsRange())].length;
}

describe("conflicts of names", () => {
  it("C12: are resolved by the hundred, each after it was seen for two seconds", async () => {
    for (let i = 0; i < 150; i++) await conflict(`file ${i}`);
    await clock.pass(SETTLE_MS - 100);
    expect(waiting()).toBe(150);
    await clock.pass(1_000);
    expect(waiting()).toBe(50);
    await clock.pass(ROUND_MS);
    expect(waiting()).toBe(0);
  });

  it("C12: one that cannot be resolved, its row being damaged, keeps no other from it", async () => {
    await conflict("first");
    await conflict("second");
    store.damage(entryKey("first" as FilePath), Uint8Array.of(99));
    await clock.pass(ROUND_MS);
    expect(waiting()).toBe(1);
  });

  it("C12: one that is seen later waits as long as the others did", async () => {
    await conflict("first");
    await clock.pass(SETTLE_MS - 500);
    await conflict("a later one");
    await clock.pass(1_500);
    expect(waiting()).toBe(1);
    await clock.pass(1_500);
    expect(waiting()).toBe(0);
  });

  it("C11, C12: wait without a word while the swarm is about to join another, and while this server is not fresh", async () => {
    await conflict("file");
    await catalog.change((change) => change.writeSetting(JOINING_SETTING, utf8('{"phase":"frozen"}')));
    await clock.pass(2 * ROUND_MS);
    expect([waiting(), warnings]).toEqual([1, []]);
    readiness.isFresh = false;
    await catalog.change((change) => change.writeSetting(JOINING_SETTING, utf8("null")));
    await clock.pass(2 * ROUND_MS);
    expect(waiting()).toBe(1);
    readiness.isFresh = true;
    await clock.pass(1_000);
    expect(waiting()).toBe(0);
  });
});
