/** Bugs to be planted in the collecting of deletions (C7), which its own story is to see. */
import type { Canary } from "./canary.ts";

export const COLLECTING_CANARIES: readonly Canary[] = [
  {
    name: "deletions are collected while a server is away",
    rules: "C7",
    file: "server/mesh/collector.ts",
    find: "if (server !== catalog.self && mesh.link(server) === undefined) return undefined;",
    replace: "",
    story: "collecting",
  },
  {
    name: "deletions are collected at once",
    rules: "C7",
    file: "core/catalog/checkpoints.ts",
    find: "checkpoints.findLast(({ atMs }) => nowMs - atMs >= keptMs)?.numbers",
    replace: "checkpoints.findLast(({ atMs }) => nowMs - atMs >= 0 * keptMs)?.numbers",
    story: "collecting",
  },
  {
    name: "a catalog below a floor is kept",
    rules: "C7",
    file: "core/catalog/floors.ts",
    find: "return floorOfOther > contiguous && floorOfOther > floor;",
    replace: "return floorOfOther < 0 && floorOfOther > contiguous + floor;",
    story: "collecting",
  },
  {
    name: "collecting does not raise the floor",
    rules: "C7",
    file: "core/catalog/collect.ts",
    find: "if (number > row.floor) origins.set(origin, { ...row, floor: number });",
    replace: "if (number < row.floor) origins.set(origin, { ...row, floor: number });",
    story: "collecting",
  },
  {
    name: "what was written after a backup was put back goes with it",
    rules: "C7 P3",
    file: "core/catalog/discard.ts",
    find: "for (const { key, stamp, value } of newer) log.write(key, stamp, value);",
    replace: "for (const { key, stamp, value } of newer.slice(0, 0)) log.write(key, stamp, value);",
    story: "collecting",
  },
];
