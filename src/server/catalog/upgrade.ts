/** What an earlier version of fsdfs wrote is brought up to date, before anything of it is read. */
import { isTreeCounted } from "../../core/catalog/stats.ts";
import type { Catalog } from "./catalog.ts";

export async function upgrade(catalog: Catalog): Promise<void> {
  // The first transaction counts the directories (core/catalog/tree.ts).
  if (!isTreeCounted(catalog.read())) await catalog.change(() => undefined);
}
