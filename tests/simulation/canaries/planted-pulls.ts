/** Bugs planted in what is copied, and when (section "Placing and copying" of docs/ARCHITECTURE.md). */
import { type Canary, UNCHECKED } from "./canary.ts";

export const PULL_CANARIES: readonly Canary[] = [
  {
    name: "pulls that others announce do not count",
    rules: "R-step 1",
    file: "server/replication/choice.ts",
    find: "counts.set(version, (counts.get(version) ?? 0) + 1)",
    replace: "counts.set(version, 0)",
    drill: "announced pulls",
  },
  {
    name: "a pull that fails is tried again at once",
    rules: "R-step 1",
    file: "server/replication/backoffs.ts",
    find: "backoff.until <= this.#clock.monotonic()",
    replace: "backoff.until <= this.#clock.monotonic() + BACKOFF_MAX_MS",
    drill: "failing pulls",
  },
  {
    name: "when a pull is given up it is everybody's turn",
    rules: "R-step 1",
    file: "server/replication/turns.ts",
    find: "this.#note(version, { at: this.#clock.monotonic(), gaveUp });",
    replace: "void gaveUp;",
    drill: "given up pulls",
  },
  {
    name: "a pull that was cut begins anew",
    rules: "R-step 2",
    file: "server/storage/partials.ts",
    find: "const partial = this.#kept.get(version);\n    if (partial === undefined) return undefined;",
    replace:
      "const partial = this.#kept.get(version);\n    if (partial !== undefined) void this.discard(version);\n    return undefined;",
    drill: "cut pulls",
  },
  {
    name: "zones say nothing",
    rules: "R4",
    file: "server/replication/zones.ts",
    find: "if (count === 0) return false;",
    replace: "if (count >= 0) return false;",
    drill: "zones",
  },
  {
    name: "a server that is drained counts for K",
    rules: "M3",
    file: "server/settings.ts",
    find: "servers.get(server)?.draining === true",
    replace: "servers.get(server)?.draining === null",
    drill: "draining",
  },
  {
    name: "a server that is drained asks for no promises",
    rules: "D1 P3",
    file: "core/replication/draining.ts",
    find: "return Math.max(1, safe, Math.min(target, staying));",
    replace: "return 0 * Math.max(1, safe, Math.min(target, staying));",
    also: UNCHECKED,
    drill: "draining",
  },
  {
    name: "a server is told to be empty that is not",
    rules: "D1 P3",
    file: "server/replication/drain.ts",
    find: "if (files > 0) return",
    replace: "if (files > 100) return",
    drill: "draining",
  },
  {
    name: "a server that was removed goes on",
    rules: "C7",
    file: "server/mesh/removal.ts",
    find: "this.#isRemoved = true;",
    replace: "this.#isRemoved = false;",
    drill: "draining",
  },
];
