import { expect, test } from "vitest";
import { loudLog } from "../../../tests/loud-log.ts";
import { MemoryCatalogStore } from "../../adapters/memory/catalog-store.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import type { HybridTime, ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { CatalogStoreError } from "../../ports/catalog-store.ts";
import { Catalog } from "../catalog/catalog.ts";
import type { Seat } from "../mesh/seat.ts";
import type { Parts } from "../parts.ts";
import type { Settings } from "../settings.ts";
import type { StagedFile } from "../storage/staging.ts";
import { remove } from "./change-names.ts";
import { Decisions, requestDigest } from "./decisions.ts";
import { nameAndEnter } from "./enter-version.ts";

const PATH = "a" as FilePath;
const REQUEST_ID = "0123456789abcdef";
const REQUEST = requestDigest(REQUEST_ID);
const REMOVAL: Parameters<typeof remove>[2] = { requestId: REQUEST_ID, conditions: { ifMatch: "*" } };
const self = "00000000000a" as ServerId;
const clock = { wall: () => 1_790_000_000_000, monotonic: () => 0, after: () => () => undefined };

/** As the real store has it: a transaction's changes are made first, and the disk refuses them a moment later. */
class RefusingStore extends MemoryCatalogStore {
  refuses = false;
  meanwhile = () => {};

  override async write<T>(change: Parameters<MemoryCatalogStore["write"]>[0]): Promise<T> {
    if (!this.refuses) return (await super.write(change)) as T;
    const failure = new CatalogStoreError("no-space", "the disk is full");
    const failed = super.write((view) => {
      change(view);
      throw failure;
    });
    await failed.catch(() => this.meanwhile());
    throw failure;
  }
}

async function arrange() {
  const store = new RefusingStore();
  const catalog = new Catalog(store, clock, { self, counts: () => true, defaultTarget: 3 }, loudLog);
  await catalog.mintOrigin(0 as HybridTime, 0);
  const seat = { isTaken: () => true } as unknown as Seat;
  const decisions = new Decisions(catalog, { roster: new Map() } as unknown as Settings, seat);
  const readiness = {
    checkClock: () => undefined,
    stillWanted: () => () => undefined,
    becomesFresh: async () => true,
    known: async () => undefined,
  };
  const copies = { enter: () => undefined };
  const parts = { catalog, decisions, readiness, copies } as unknown as Parts;
  const put = () => {
    const staged = { sizeBytes: 1, sha256: "ab".repeat(32) } as StagedFile;
    const wish = {
      path: PATH,
      request: REQUEST,
      conditions: { ifNoneMatch: "*" },
      stillWanted: () => undefined,
    } as const;
    return nameAndEnter(parts, wish, staged);
  };
  return { store, catalog, decisions, parts, put };
}

test("nobody is told of a PUT that the disk has yet to take, and may refuse (C14)", async () => {
  const { store, catalog, decisions, put } = await arrange();
  const told: unknown[] = [];
  store.refuses = true;
  store.meanwhile = () => void told.push(decisions.decidedPut(PATH, REQUEST));
  await expect(put()).rejects.toMatchObject({ code: "no-space" });
  expect([...told, decisions.decidedPut(PATH, REQUEST), readEntry(catalog.read(), PATH)]).toEqual(
    Array(3).fill(undefined),
  );
  store.refuses = false;
  expect(await put()).toMatchObject({ kind: "made", created: true });
  expect(decisions.decidedPut(PATH, REQUEST)).toMatchObject({ size: 1, created: true });
});

test("nor of a DELETE", async () => {
  const { store, decisions, parts, put } = await arrange();
  await put();
  store.refuses = true;
  await expect(remove(parts, PATH, REMOVAL)).rejects.toMatchObject({ code: "no-space" });
  store.refuses = false;
  expect(decisions.wasRemovedInChange(PATH, REQUEST)).toBe(false);
  await remove(parts, PATH, REMOVAL);
  await remove(parts, PATH, REMOVAL); // Told again.
});

test("a DELETE that is repeated while the first is on its way to the disk ends as that does (C14)", async () => {
  const { parts, put } = await arrange();
  await put();
  const bothRemoved = () => Promise.allSettled([remove(parts, PATH, REMOVAL), remove(parts, PATH, REMOVAL)]);
  expect(await bothRemoved()).toMatchObject([{ status: "fulfilled" }, { status: "fulfilled" }]);
});
