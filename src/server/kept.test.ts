/** What a server keeps for itself in a row of its catalog, and can do without: a damaged row is as if there were none (C5). */
import { expect, test } from "vitest";
import { MemoryCatalogStore } from "../adapters/memory/catalog-store.ts";
import { metaKey } from "../core/catalog/keys.ts";
import type { ReadView } from "../core/catalog/kv.ts";
import type { Stamp } from "../core/catalog/types.ts";
import type { ServerId, VersionId } from "../core/ids.ts";
import { readHeat, writeHeat } from "./heat-kept.ts";
import { readPassEnd, writePassEnd } from "./policy/pass-end.ts";

const VERSION = "066ddb6afb8800-0d4eb475311f" as VersionId;
const MARK = { content: undefined, stamp: { rank: 0, time: 5, server: "s" as ServerId } as unknown as Stamp };

test.each([
  ["heat", (view: ReadView) => readHeat(view, 1000), []],
  ["policy", (view: ReadView) => readPassEnd(view, MARK), undefined],
])("C5: the row of %s", async (name, read, nothing) => {
  const store = new MemoryCatalogStore();
  await store.write((view) => {
    writeHeat(view, [[VERSION, 7]], 1000);
    writePassEnd(view, MARK, 900);
  });
  expect(read(store.read())).not.toEqual(nothing);
  const row = store.read().get(metaKey(name))!;
  for (let length = 0; length < row.length; length++) {
    await store.write((view) => view.put(metaKey(name), row.slice(0, length)));
    expect(read(store.read())).toEqual(nothing);
  }
});
