/** Bugs planted in where files should rather be (R5). */
import type { Canary } from "./canary.ts";

export const PREFERENCE_CANARIES: readonly Canary[] = [
  {
    name: "what should rather not be somewhere is copied there as an extra copy",
    rules: "R5",
    file: "core/replication/shunned.ts",
    find: "return surplus < 0;",
    replace: "return surplus <= 0;",
    drill: "preferences",
  },
  {
    name: "what should rather not be somewhere stays",
    rules: "R5",
    file: "core/replication/shunned.ts",
    find: "return surplus > 0 && !gainsZone;",
    replace: "return surplus > 2 && !gainsZone;",
    drill: "preferences",
  },
  {
    name: "the last place for a file is refused",
    rules: "R5 P6",
    file: "server/replication/choice.ts",
    find: "if (!pullsShunned(surplus + announced) && this.#isShunned(version)) return undefined;",
    replace: "if (this.#isShunned(version)) return undefined;",
    drill: "preferences",
  },
  {
    name: "who copies a new file first has nothing to do with where it should rather be",
    rules: "R5",
    file: "core/policy/weights.ts",
    find: "const difference = weights.of(other) - weights.of(self);",
    replace: "const difference = 0 * weights.of(other);",
    drill: "first copies",
  },
  {
    name: "an upload goes to any other server",
    rules: "R5 S1",
    file: "core/replication/placement.ts",
    find: "        b.weight - a.weight ||\n",
    replace: "",
    drill: "first copies",
  },
  {
    name: "of files of one surplus any is copied first",
    rules: "R5",
    file: "core/replication/next-pull.ts",
    // Who comes first in the order for a file, by weight as well, would take it first all the same.
    find: "    b.preference - a.preference ||\n    a.rank - b.rank ||\n",
    replace: "",
    drill: "preferred places",
  },
  {
    name: "what makes room has nothing to do with where it should rather be",
    rules: "R5",
    file: "server/replication/room-maker.ts",
    find: "return copies.sort((a, b) => share(a) - share(b));",
    replace: "return copies.sort((a, b) => 0 * (share(a) - share(b)));",
    drill: "made room",
  },
  {
    name: "who takes a copy over has nothing to do with where it should rather be",
    rules: "R3 R5",
    file: "server/replication/hand-over.ts",
    find: "takers.sort((a, b) => weights.of(b.server) - weights.of(a.server))",
    replace: "takers.sort((a, b) => 0 * (weights.of(b.server) - weights.of(a.server)))",
    drill: "preferred taker",
  },
];
