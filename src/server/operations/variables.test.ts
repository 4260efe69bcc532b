import { beforeEach, expect, test } from "vitest";
import { loudLog } from "../../../tests/loud-log.ts";
import { MemoryCatalogStore } from "../../adapters/memory/catalog-store.ts";
import { addCheckpoint } from "../../core/catalog/checkpoints.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import { encodeVariable, isUnset, variableField } from "../../core/catalog/variables.ts";
import type { HybridTime, ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { Catalog } from "../catalog/catalog.ts";
import { removeLeftVariables } from "./variables.ts";

const PATH = "a" as FilePath;
const FIELD = variableField("popularity");
const NINE = encodeVariable(9);
const other = "00000000000b" as ServerId;
const time = 1_790_000_000_000_000 as HybridTime;
const clock = { wall: () => 1_790_000_000_000, monotonic: () => 0, after: () => () => undefined };

let store: MemoryCatalogStore;
let catalog: Catalog;

beforeEach(async () => {
  const context = { self: "00000000000a" as ServerId, counts: () => true, defaultTarget: 3 };
  store = new MemoryCatalogStore();
  catalog = new Catalog(store, clock, context, loudLog);
  await catalog.mintOrigin(0 as HybridTime, 0);
});

async function isLeft(): Promise<boolean> {
  await catalog.change((change) => removeLeftVariables(change, PATH));
  const [register] = readRegisters(catalog.read(), entryKey(PATH)).filter(({ field }) => field === FIELD);
  return register !== undefined && !isUnset(register.value);
}

/** Every server knows all that this catalog has. */
async function check(): Promise<void> {
  const numbers = new Map([...catalog.origins()].map(([index, { contiguous }]) => [index, contiguous]));
  await store.write((view) => addCheckpoint(view, { atMs: 0, numbers }, 1));
}

test("what a deleted file had set is not the next one's", async () => {
  await catalog.change((change) => {
    change.writePath(PATH, FIELD, NINE);
    change.writePath(PATH, CONTENT_FIELD, encodeContent({ type: "deleted", movedTo: undefined }));
  });
  expect(await isLeft()).toBe(false);
});

test("nor when its deletion has been collected (C7)", async () => {
  await catalog.change((change) => change.writePath(PATH, FIELD, NINE));
  await check();
  expect(await isLeft()).toBe(false);
});

test("a catalog that has yet to hear of a file takes its variable for none that was left (V1, seeds 9100504, 116234)", async () => {
  const key = { kind: "path", path: PATH, field: FIELD } as const;
  const origin = { server: other, incarnation: time };
  const stamp = { rank: 0, time, server: other };
  await check();
  await catalog.change((change) => change.merge({ origin, number: 1, key, stamp, value: NINE }));
  expect(await isLeft()).toBe(true);
});
