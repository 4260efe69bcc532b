/** Bugs that the drill about conditions is to see (C14). */
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
];
