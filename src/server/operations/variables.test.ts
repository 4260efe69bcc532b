import { beforeEach, expect, test } from "vitest";
import { loudLog } from "../../../tests/loud-log.ts";
import { MemoryCatalogStore } from "../../adapters/memory/catalog-store.ts";
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

let catalog: Catalog;

beforeEach(async () => {
  const context = { self: "00000000000a" as ServerId, counts: () => true, defaultTarget: 3 };
  catalog = new Catalog(new MemoryCatalogStore(), clock, context, loudLog);
  await catalog.mintOrigin(0 as HybridTime, 0);
});

async function isLeft(): Promise<boolean> {
  await catalog.change((change) => removeLeftVariables(change, PATH));
  const [register] = readRegisters(catalog.read(), entryKey(PATH)).filter(({ field }) => field === FIELD);
  return register !== undefined && !isUnset(register.value);
}

test("what a deleted file had set is not the next one's", async () => {
  await catalog.change((change) => change.writePath(PATH, FIELD, NINE));
  expect(await isLeft()).toBe(false);
  await catalog.change((change) => {
    change.writePath(PATH, FIELD, NINE);
    change.writePath(PATH, CONTENT_FIELD, encodeContent({ type: "deleted", movedTo: undefined }));
  });
  expect(await isLeft()).toBe(false);
});

test("a catalog that lacks records takes no variable for one that was left: its file may be among them (V1, seed 9100504)", async () => {
  const key = { kind: "path", path: PATH, field: FIELD } as const;
  const origin = { server: other, incarnation: time };
  const stamp = { rank: 0, time, server: other };
  await catalog.change((change) => change.merge({ origin, number: 2, key, stamp, value: NINE }));
  expect(await isLeft()).toBe(true);
});
