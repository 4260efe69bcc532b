/**
 * Bugs to be planted, at least one for each rule that the simulator is to guard. A canary is a change of one place in the
 * source, made while the module is loaded: the product itself knows nothing of it. A text that is no longer found fails
 * the run, so that the list keeps up with the code.
 */
export interface Canary {
  readonly name: string;
  /** The rules of docs/ARCHITECTURE.md that it breaks. */
  readonly rules: string;
  /** Below src/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const CANARIES: readonly Canary[] = [
  {
    name: "the older write wins",
    rules: "C1",
    file: "core/catalog/merge.ts",
    find: "a.stamp.time - b.stamp.time ||",
    replace: "b.stamp.time - a.stamp.time ||",
  },
  {
    name: "a moved file is taken for a deleted one",
    rules: "C2",
    file: "server/storage/settle.ts",
    find: "if (path === undefined)\n          await this.retire(",
    replace: "if (path !== copy.path)\n          await this.retire(",
  },
  {
    name: "a number is announced that was not sent",
    rules: "C3",
    file: "core/catalog/batch.ts",
    find: "announce: { origin: row, number, chain } };",
    replace: "announce: { origin: row, number: number + 1, chain } };",
  },
  {
    name: "a PUT is acknowledged before its record is flushed",
    rules: "C4 P3",
    file: "server/operations/put.ts",
    find: "  return await afterChange(async () => {\n    await catalog.flushed();\n    const [",
    replace: "  return await afterChange(async () => {\n    const [",
  },
  {
    name: "a rolled-back catalog goes on with its old incarnation",
    rules: "C6",
    file: "server/mesh/membership.ts",
    find: "const goesOn = catalog.storedOrigin() !== undefined && !this.#rolledBack && (alone() || this.#confirmed);",
    replace: "const goesOn = catalog.storedOrigin() !== undefined;",
  },
  {
    name: "a PUT's time may be below that of what it replaces",
    rules: "C8",
    file: "core/catalog/stamp-clock.ts",
    find: "this.#time = nextHybridTime(this.#time, wallMs);",
    replace: "this.#time = nextHybridTime(NEVER, wallMs);",
  },
  {
    name: "a server is never behind",
    rules: "C10 P5",
    file: "server/mesh/membership.ts",
    find: "return !this.#settled || this.#stoodStill.size > 0 || !this.#parts.greeting.isLevel;",
    replace: "return !this.#settled;",
  },
  {
    name: "the work index does not follow holdings",
    rules: "C13",
    file: "core/catalog/transaction.ts",
    find: "for (const version of this.#touched) reindex(this, version);",
    replace: "",
  },
  {
    name: "a stale server answers",
    rules: "M2 P5",
    file: "core/swarm/liveness.ts",
    find: "if (now - answer.sentAt >= FRESH_MS || applied(answer.origin) < answer.number) return false;",
    replace: "",
  },
  {
    name: "a write is acknowledged before the others know of it",
    rules: "M2 P5",
    file: "server/readiness.ts",
    find: "return this.#clock.monotonic() >= this.#liveness.waitsUntil(server, number);",
    replace: "return true;",
  },
  {
    name: "a staged file is not synced",
    rules: "S1 P3",
    file: "server/storage/staging.ts",
    find: "      await this.#file.sync();\n",
    replace: "",
  },
  {
    name: "a staged file's name is not synced",
    rules: "S1 P3",
    file: "server/storage/staging.ts",
    find: "      await this.#files.syncDirectory(STAGED_DIRECTORY);\n",
    replace: "",
  },
  {
    name: "trash does not count against the quota",
    rules: "S3",
    file: "server/storage/space.ts",
    find: "return copyBytes + trashBytes + this.#stagedBytes;",
    replace: "return copyBytes + trashBytes * 0 + this.#stagedBytes;",
  },
  {
    name: "a failed sync is taken for a good one",
    rules: "S4",
    file: "server/storage/staging.ts",
    find: "      await this.#file.sync();\n",
    replace: "      await this.#file.sync().catch(() => undefined);\n",
  },
  {
    name: "a copy is served without a look at its file",
    rules: "S5 S8 P4",
    file: "server/storage/copies.ts",
    find: "if (same) return",
    replace: "if (same || stat.type === 'file') return",
  },
  {
    name: "a changed file is recorded as right",
    rules: "S8 P4",
    file: "server/storage/copies.ts",
    find: "if (found?.sha256 === content.sha256) return await this.#record(version, copy, found.stat);",
    replace: "if (found !== undefined) return await this.#record(version, copy, found.stat);",
  },
  {
    name: "any file at the path is adopted",
    rules: "C9 P4",
    file: "server/storage/copies.ts",
    find: "if (found?.sha256 !== content.sha256 || found.stat.links > 1) return false;",
    replace: "if (found === undefined) return false;",
  },
  {
    name: "pulled bytes are not compared with their digest",
    rules: "P4",
    file: "server/replication/puller.ts",
    find: "if (staged.sha256 !== content.sha256) {",
    replace: "if (staged.sizeBytes < 0) {",
  },
  {
    name: "an overwritten version's holding is not withdrawn",
    rules: "C2 S2",
    file: "server/storage/settle.ts",
    find: "    removeCopy(change.transaction, version);\n    change.writeHolding(version, false);\n    if (!kept) return;",
    replace: "    removeCopy(change.transaction, version);\n    if (!kept) return;",
  },
  {
    name: "only one server takes a new version",
    rules: "S1 P3",
    file: "server/operations/put.ts",
    find: "return Math.max(1, Math.min(settings.writeCopies, settings.copies, settings.roster.size));",
    replace: "return Math.max(1, Math.min(settings.writeCopies, settings.copies, 1));",
  },
];
