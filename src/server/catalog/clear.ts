/** Throwing a catalog away, all but who this server is. */
import { CHECKPOINT_KEYS } from "../../core/catalog/checkpoints.ts";
import { TAKING_KEY } from "../../core/catalog/floors.ts";
import { passedOnRange, type Table, tableRange, trashPathsRange } from "../../core/catalog/keys.ts";
import type { WriteView } from "../../core/catalog/kv.ts";
import { removeAll } from "../../core/catalog/pieces.ts";
import { STATS_KEY } from "../../core/catalog/stats.ts";
import { MOVED_KEY } from "../swarms/messages.ts";
import { CHAIN_KEY } from "./chain.ts";

/** All but "meta". */
const TABLES: readonly Table[] = [
  "entries",
  "directories",
  "versions",
  "log",
  "origins",
  "work",
  "copies",
  "todo",
  "trash",
  "settings",
];

/** The swarm's catalog is here: after one was discarded (C7), or after a move (C11). */
export function endTaking(view: WriteView): void {
  for (const key of [TAKING_KEY, MOVED_KEY]) view.remove(key);
}

export function clear(view: WriteView): void {
  for (const table of TABLES) removeAll(view, tableRange(table));
  for (const range of [trashPathsRange(), passedOnRange()]) removeAll(view, range);
  for (const key of [CHAIN_KEY, STATS_KEY, TAKING_KEY, MOVED_KEY, ...CHECKPOINT_KEYS]) view.remove(key);
}
