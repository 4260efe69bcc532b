import { expect, it } from "vitest";
import { loudLog } from "../../../tests/loud-log.ts";
import { MemoryCatalogStore } from "../../adapters/memory/catalog-store.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { children } from "../../core/catalog/entries.ts";
import { tableRange } from "../../core/catalog/keys.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import { removeAll } from "../../core/catalog/pieces.ts";
import { STATS_KEY } from "../../core/catalog/stats.ts";
import type { HybridTime, ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { Catalog } from "./catalog.ts";
import { upgrade } from "./upgrade.ts";

const context = { self: "00000000000a" as ServerId, counts: () => true, defaultTarget: 3 };
const clock = { wall: () => 1_790_000_000_000, monotonic: () => 0, after: () => () => undefined };

it("counts the directories of a catalog that an earlier version wrote (C12)", async () => {
  const store = new MemoryCatalogStore();
  const written = new Catalog(store, clock, context, loudLog);
  await written.mintOrigin(0 as HybridTime, 0);
  const made = encodeContent({ type: "directory" });
  await written.change((change) => change.writePath("music/old" as FilePath, CONTENT_FIELD, made));
  await store.write((view) => {
    removeAll(view, tableRange("directories"));
    view.put(STATS_KEY, view.get(STATS_KEY)!.subarray(0, -1));
  });

  const catalog = new Catalog(store, clock, context, loudLog);
  expect([...children(catalog.read(), "")]).toEqual([]);
  await upgrade(catalog);
  expect([...children(catalog.read(), "")].map(({ path }) => path)).toEqual(["music"]);
});
