/** Bugs planted in how copies make room for others and for uploads (section "Replication and dropping" of docs/ARCHITECTURE.md). */
import type { Canary } from "./canary.ts";

export const ROOM_CANARIES: readonly Canary[] = [
  {
    name: "a copy goes for a file that is below it by one",
    rules: "R1",
    file: "core/replication/making-room.ts",
    find: "export const EXCHANGE_GAIN = 2;",
    replace: "export const EXCHANGE_GAIN = 1;",
    drill: "full disks",
  },
  {
    name: "a copy stays though a file is below it by two",
    rules: "R1",
    file: "core/replication/making-room.ts",
    find: "export const EXCHANGE_GAIN = 2;",
    replace: "export const EXCHANGE_GAIN = 3;",
    drill: "full disks",
  },
  {
    name: "a file that does not fit keeps those behind it from being looked at",
    rules: "R2",
    file: "server/replication/choice.ts",
    find: "      if (looked !== undefined) wanted.push(looked);\n",
    replace: "      if (looked === undefined) break;\n      wanted.push(looked);\n",
    drill: "full disks",
  },
  {
    name: "nobody takes a copy over",
    rules: "R3",
    file: "server/replication/hand-over.ts",
    find: 'if (content === undefined) return "refused";',
    replace: 'if (content?.sizeBytes !== -1) return "refused";',
    drill: "hand-over",
  },
  {
    name: "a copy is given up before another server has taken it over",
    rules: "R3",
    file: "server/replication/hand-over.ts",
    find: "      const taken = await this.#asks(link, { version, ...wanted });\n",
    replace:
      "      await dropping.drop(version, 1);\n      const taken = await this.#asks(link, { version, ...wanted });\n",
    drill: "hand-over",
  },
  {
    name: "a copy that has just been pulled goes at once",
    rules: "R6",
    file: "server/replication/room-maker.ts",
    find: "this.#parts.clock.monotonic() - at < YOUNG_MS;",
    replace: "this.#parts.clock.monotonic() - at < 0 * YOUNG_MS;",
    drill: "young copies",
  },
  {
    name: "a copy goes below min(W, N) for an upload",
    rules: "D1 P3",
    file: "core/replication/making-room.ts",
    find: "return Math.max(1, safe, left);",
    replace: "return Math.max(1, safe * 0, left);",
    drill: "full disks",
  },
  {
    name: "who drops a copy promises it again before its file is gone",
    rules: "D3",
    file: "server/replication/dropping.ts",
    find: '      attempt.state = "dropping";\n',
    replace: '      attempt.state = "dropping";\n      keep();\n',
    drill: "drops",
  },
  {
    name: "an upload makes no room",
    rules: "S3",
    file: "server/storage/staging.ts",
    find: 'if (purpose !== "upload") return false;',
    replace: 'if (purpose === "upload" || purpose === "pull") return false;',
    drill: "full disks",
  },
];
