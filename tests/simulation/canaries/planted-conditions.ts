/** Bugs that the drills about merging (C11), conflicts of names (C12) and conditions (C14) are to see. */
import type { Canary } from "./canary.ts";

export const CONDITION_CANARIES: readonly Canary[] = [
  {
    name: "any server decides a condition",
    rules: "C14",
    file: "server/operations/decisions.ts",
    find: "return ownerOf(path, roster) ?? this.#catalog.self;",
    replace: "return roster === undefined ? ownerOf(path, roster)! : this.#catalog.self;",
    drill: "conditions",
  },
  {
    name: "a condition is checked before and not in the change",
    rules: "C14",
    file: "server/operations/enter-version.ts",
    find: "    decisions.decide(change.view, path, before, conditions);\n",
    replace: "",
    drill: "conditions",
  },
  {
    name: "a server that has just joined decides at once",
    rules: "C14",
    file: "server/mesh/seat.ts",
    find: "return incarnation !== undefined && this.#row(view)?.incarnation === incarnation;",
    replace: "return incarnation !== undefined || this.#row(view)?.incarnation === incarnation;",
    drill: "conditions",
  },
  {
    name: "a repeated request with a condition is decided anew",
    rules: "C14",
    file: "server/operations/decisions.ts",
    find: "    this.#remembered.set(keyOf(path, request), decided);\n",
    replace: "    keyOf(path, request);\n",
    drill: "conditions",
  },
  {
    name: "a foreign deletion beats a live file",
    rules: "C11",
    file: "core/catalog/offers.ts",
    find: 'present === undefined || present.content.type === "deleted") return "taken";',
    replace: 'present === undefined) return "taken";\n  if (present.content.type === "deleted") return "kept";',
    drill: "merging",
  },
  {
    name: "a swarm that is about to join another takes writes",
    rules: "C11",
    file: "server/readiness.ts",
    find: "      checkNotJoining(view);\n",
    replace: "",
    drill: "merging",
  },
  {
    name: "a path stays a file and a directory",
    rules: "C12",
    file: "server/catalog/conflicts.ts",
    find: "resolution(change.transaction, path) ?? []",
    replace: "resolution(change.transaction, path)?.slice(2) ?? []",
    drill: "conflicts",
  },
  {
    name: "a file that gives way beats what was written since",
    rules: "C12",
    file: "server/catalog/conflicts.ts",
    find: "register.value, register.stamp);",
    replace: "register.value);",
    drill: "conflicts",
  },
];
