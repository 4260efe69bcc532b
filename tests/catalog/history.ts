/**
 * Writes that model servers make, and the truth about them: every record ever numbered, whatever became of it. A few
 * paths and versions only, so that writes meet; times jump back and forth, as clocks do.
 */
import fc from "fast-check";
import { isAbsence } from "../../src/core/catalog/absences.ts";
import { encodeContent } from "../../src/core/catalog/content.ts";
import { readEntry } from "../../src/core/catalog/entries.ts";
import { epochSetting, rankIn, readEpochs } from "../../src/core/catalog/epochs.ts";
import { entryKey, settingKey, tableRange, versionOfKey } from "../../src/core/catalog/keys.ts";
import type { ReadView } from "../../src/core/catalog/kv.ts";
import { CONTENT_FIELD, compareWrites } from "../../src/core/catalog/merge.ts";
import { originName, readOrigins } from "../../src/core/catalog/origins.ts";
import { decodeRegisters, type Register } from "../../src/core/catalog/rows.ts";
import { encodeTarget, TARGET_FIELD } from "../../src/core/catalog/surplus.ts";
import { readRegisters, readVersionRow } from "../../src/core/catalog/transaction.ts";
import type { CatalogRecord, Content, Origin, RegisterKey, Stamp } from "../../src/core/catalog/types.ts";
import { encodeVariable, UNSET, variableField } from "../../src/core/catalog/variables.ts";
import { type HybridTime, type VersionId, versionId } from "../../src/core/ids.ts";
import type { FilePath } from "../../src/core/paths.ts";
import type { ModelServer } from "./model-server.ts";

export const PATHS = ["a", "a/b", "c"] as FilePath[];
const SETTINGS = ["roster/1", "key/1"];
const VARIABLES = ["x", "y"];

export interface WriteOrder {
  readonly kind:
    | "put"
    | "delete"
    | "directory"
    | "move"
    | "target"
    | "variable"
    | "setting"
    | "hold"
    | "withdraw"
    | "epoch";
  readonly which: number;
  readonly value: number;
  /** Ahead of or behind others: a later write need not have the later time. */
  readonly time: number;
}

export const anyWrite: fc.Arbitrary<WriteOrder> = fc.record({
  kind: fc.constantFrom(
    ...(["put", "put", "delete", "directory", "move", "target", "variable", "variable"] as const),
    ...(["setting", "hold", "withdraw", "epoch"] as const),
  ),
  which: fc.nat(5),
  value: fc.nat(5),
  time: fc.nat(4),
});

type Write = { readonly key: RegisterKey; readonly stamp: Stamp | undefined; readonly value: Uint8Array };

export class History {
  readonly #byOrigin = new Map<string, CatalogRecord[]>();
  #writes = 0;

  /** Every record as it was written, in order. */
  readonly records: CatalogRecord[] = [];
  /** Every record as it could be sent right after it was written: its register as it is then (see log.ts). */
  readonly sent: CatalogRecord[] = [];

  /** Has a server write, as its catalog is now. */
  write(server: ModelServer, order: WriteOrder, at = order.time * 1000 + this.#writes + 1): void {
    this.#writes += 1;
    const time = at as HybridTime;
    const writes = writesOf(server, order, time);
    if (writes.length === 0) return;
    this.#write(server, writes);
    const isPut = order.kind === "put";
    if (isPut) server.addCopy(versionId(time, server.self), pathOf(order), order.value);
  }

  /** What a server had yet to do on its disk is done, and said. */
  settle(server: ModelServer): void {
    const writes = server.settle().map((version) => statement(server, version, false));
    if (writes.length > 0) this.#write(server, writes);
  }

  /** Records that a server wrote by itself. */
  note(records: readonly CatalogRecord[]): void {
    for (const { origin, number, ...write } of records) this.#note(origin, number, write);
  }

  #write(server: ModelServer, writes: readonly Write[]): void {
    const last = server.write(...writes);
    for (const [i, write] of writes.entries()) this.#note(server.origin, last - writes.length + 1 + i, write);
    this.sent.push(...server.walk(server.origin, last - writes.length, writes.length).records);
  }

  /** Claims of a server that are not true: numbers it says it knows without having the record or what supersedes it. */
  falseClaims(server: ModelServer): string[] {
    return [...server.origins().values()].flatMap((row) => {
      const written = this.#byOrigin.get(originName(row)) ?? [];
      if (row.contiguous > written.length) {
        return [`${server.self} claims ${row.contiguous} of ${written.length} records of ${originName(row)}`];
      }
      return written
        .slice(0, row.contiguous)
        .filter((record) => !this.isKnown(server.view, record) && !this.#isCollected(server.view, record, row.floor))
        .map(
          ({ key, number }) =>
            `${server.self} claims ${originName(row)} up to ${row.contiguous}, and lacks ${number}: ${JSON.stringify(key)}`,
        );
    });
  }

  /** C7: nothing is said where a deletion at or below the floor took the place of the record, or is it. */
  #isCollected(view: ReadView, { key, number, origin, stamp, value }: CatalogRecord, floor: number): boolean {
    if (number > floor) return false;
    if (key.kind === "holding") {
      const origins = readOrigins(view);
      const said = readVersionRow(view, key.version).holdings.map(({ marks }) => origins.get(marks[0]!.origin)!.server);
      return !said.includes(origin.server) && this.#isWithdrawnSince(key.version, origin, number);
    }
    const register = registerAt(view, key);
    if (key.kind !== "path") return false;
    if (register !== undefined && !this.isInEarlierEpoch(register, { key, stamp })) return false;
    return this.records.some(
      (other) =>
        other.key.kind === "path" &&
        other.key.path === key.path &&
        other.key.field === key.field &&
        isAbsence({ field: key.field, value: other.value }) &&
        compareWrites({ stamp: other.stamp!, value: other.value }, { stamp: stamp!, value }) >= 0,
    );
  }

  /**
   * Whether a register says what was written after a record, in an earlier epoch: by a server that had learned of the later
   * one and forgot it, its catalog being put back. It loses against the record, unless that was collected meanwhile.
   */
  isInEarlierEpoch(
    register: Pick<Register, "stamp" | "value">,
    { key, stamp }: Pick<CatalogRecord, "key" | "stamp">,
  ): boolean {
    if (register.stamp.rank >= stamp!.rank) return false;
    const writtenAt = (which: { readonly stamp: Stamp | undefined; readonly value?: Uint8Array }) =>
      this.records.findIndex((other) => isSameWrite(other, key, which));
    return writtenAt(register) > writtenAt({ stamp });
  }

  #isWithdrawnSince(version: VersionId, { server, incarnation }: Origin, number: number): boolean {
    return this.records.some(
      ({ key, origin, number: at, value }) =>
        key.kind === "holding" &&
        key.version === version &&
        value[0] === 0 &&
        origin.server === server &&
        (origin.incarnation - incarnation || at - number) >= 0,
    );
  }

  #note(origin: Origin, number: number, write: Write): void {
    const record: CatalogRecord = { ...write, origin, number };
    const name = originName(origin);
    this.#byOrigin.set(name, [...(this.#byOrigin.get(name) ?? []), record]);
    this.records.push(record);
  }

  /** Whether a catalog has a record, or what supersedes it. */
  isKnown(view: ReadView, record: CatalogRecord): boolean {
    const { key } = record;
    if (key.kind === "holding") return this.#isStatementKnown(view, record, key.version);
    const register = registerAt(view, key);
    return register !== undefined && compareWrites(register, { stamp: record.stamp!, value: record.value }) >= 0;
  }

  /** A statement is superseded by later ones of its server; which of them it was cannot be seen, only what it says. */
  #isStatementKnown(view: ReadView, record: CatalogRecord, version: VersionId): boolean {
    const origins = readOrigins(view);
    const { server } = record.origin;
    const holding = readVersionRow(view, version).holdings.find(
      ({ marks }) => origins.get(marks[0]!.origin)!.server === server,
    );
    if (holding === undefined) return false;
    const since = this.records.filter(
      (other) =>
        other.key.kind === "holding" &&
        other.key.version === version &&
        other.origin.server === server &&
        (other.origin.incarnation - record.origin.incarnation || other.number - record.number) >= 0,
    );
    const isMarked = holding.marks.some(
      (mark) => (origins.get(mark.origin)!.incarnation - record.origin.incarnation || mark.number - record.number) >= 0,
    );
    return isMarked && since.some((other) => (other.value[0] === 1) === holding.held);
  }
}

function registerAt(view: ReadView, key: Exclude<RegisterKey, { kind: "holding" }>): Register | undefined {
  if (key.kind === "path") return readRegisters(view, entryKey(key.path)).find(({ field }) => field === key.field);
  const row = view.get(settingKey(key.name));
  return row === undefined ? undefined : decodeRegisters(row)[0];
}

function pathOf({ which }: WriteOrder): FilePath {
  return PATHS[which % PATHS.length]!;
}

function statement(server: ModelServer, version: VersionId, held: boolean): Write {
  const key: RegisterKey = { kind: "holding", version, holder: server.self };
  return { key, stamp: undefined, value: Uint8Array.of(held ? 1 : 0) };
}

/** The registers that an order writes; none when there is nothing to do. */
function writesOf(server: ModelServer, order: WriteOrder, time: HybridTime): Write[] {
  const path = pathOf(order);
  const epoch = Math.max(0, ...readEpochs(server.view).keys());
  const stamp: Stamp = { rank: epoch, time, server: server.self };
  const content = (at: FilePath, value: Content): Write => ({
    key: { kind: "path", path: at, field: CONTENT_FIELD },
    stamp,
    value: encodeContent(value),
  });
  const holding = (version: VersionId, held: boolean) => statement(server, version, held);
  switch (order.kind) {
    case "put": {
      const version = versionId(time, server.self);
      const file = {
        type: "file",
        version,
        sizeBytes: order.value,
        sha256: "0".repeat(64),
        request: undefined,
      } as const;
      return [content(path, file), holding(version, true)];
    }
    case "delete":
      return [content(path, { type: "deleted", movedTo: undefined })];
    case "directory":
      return [content(path, { type: "directory" })];
    case "move": {
      const entry = readEntry(server.view, path);
      const to = PATHS[(order.which + 1 + (order.value % (PATHS.length - 1))) % PATHS.length]!;
      if (entry?.type !== "file") return [];
      return [content(to, entry.content), content(path, { type: "deleted", movedTo: to })];
    }
    case "target": {
      const key: RegisterKey = { kind: "path", path, field: TARGET_FIELD };
      const rank = rankIn(epoch, key) + (order.value % 3);
      return [{ key, stamp: { ...stamp, rank }, value: encodeTarget(1 + order.value) }];
    }
    case "variable": {
      const key: RegisterKey = { kind: "path", path, field: variableField(VARIABLES[order.value % VARIABLES.length]!) };
      return [{ key, stamp, value: order.value < VARIABLES.length ? UNSET : encodeVariable(order.value) }];
    }
    case "setting": {
      const name = SETTINGS[order.which % SETTINGS.length]!;
      return [{ key: { kind: "setting", name }, stamp, value: Uint8Array.of(order.value) }];
    }
    case "epoch": {
      const key: RegisterKey = { kind: "setting", name: epochSetting(epoch + 1) };
      return [{ key, stamp: { ...stamp, rank: epoch + 1 }, value: Uint8Array.of(order.value) }];
    }
    case "hold":
    case "withdraw": {
      const versions = Array.from(server.view.range(tableRange("versions")), ({ key }) => versionOfKey(key));
      const version = versions[order.value % Math.max(versions.length, 1)];
      return version === undefined ? [] : [holding(version, order.kind === "hold")];
    }
  }
}

function isSameWrite(
  record: CatalogRecord,
  key: RegisterKey,
  { stamp, value }: { readonly stamp: Stamp | undefined; readonly value?: Uint8Array },
): boolean {
  if (JSON.stringify(record.key) !== JSON.stringify(key) || record.stamp === undefined || stamp === undefined)
    return false;
  const isSameStamp = compareWrites({ stamp: record.stamp, value: NO_BYTES }, { stamp, value: NO_BYTES }) === 0;
  return isSameStamp && (value === undefined || compareWrites({ stamp, value: record.value }, { stamp, value }) === 0);
}

const NO_BYTES = new Uint8Array();
