/** Bugs planted in the trash and in what comes back out of it (S2, P5). */
import type { Canary } from "./canary.ts";

export const TRASH_CANARIES: readonly Canary[] = [
  {
    name: "what was deleted forever goes to the trash",
    rules: "S2",
    file: "server/storage/retiring.ts",
    find: "todo?.forever || isGoneForever(view, version, copy.path)",
    replace: "todo?.sha256 === null",
    drill: "gone for good",
  },
  {
    name: "what has rotten in the trash comes back",
    rules: "S2 P4",
    file: "server/storage/copies.ts",
    find: "if (found.sha256 !== (row.sha256 ?? found.sha256)) {",
    replace: "if (found.sha256 === undefined) {",
    drill: "lost in a cut",
  },
  {
    name: "trash gives way to copies beyond N",
    rules: "S2 P6",
    file: "server/storage/space.ts",
    find: 'return surplus < 0 ? "pull" : "extra";',
    replace: 'return surplus < 1000 ? "pull" : "extra";',
    drill: "trash and copies",
  },
];
