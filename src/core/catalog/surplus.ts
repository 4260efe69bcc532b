/** K, N and surplus of a version, and its place in the work index (C13). */
import { ByteReader, ByteWriter, readable } from "../bytes.ts";
import type { ServerId, VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { rendezvousWeight } from "../rendezvous.ts";
import { fileSizeIn } from "./content.ts";
import { entryKey, workKey } from "./keys.ts";
import type { Bytes, ReadView } from "./kv.ts";
import { CONTENT_FIELD } from "./merge.ts";
import type { Holding, Register, VersionRow } from "./rows.ts";
import { sizeClass } from "./size-class.ts";
import { type CatalogContext, type CatalogTransaction, readRegisters } from "./transaction.ts";

export const TARGET_FIELD = "target";
/** A surplus has two bytes in the index, its sign included. */
const TARGET_MAX = 0x7fff;

/** `target` undefined: as many as the swarm's files have by default. Registers do not vanish, so that has a value of its own. */
export function encodeTarget(target: number | undefined): Bytes {
  return new ByteWriter(2).varint(target ?? 0).finish();
}

/** 0: as many as by default. Undefined when the bytes are no N that the index could order by. */
export function readTarget(value: Bytes): number | undefined {
  const target = readable(() => new ByteReader(value).varint());
  return target === undefined || target > TARGET_MAX ? undefined : target;
}

/** What the register of N says, when it says one. */
export function statedTarget(registers: readonly Register[]): number | undefined {
  const register = registers.find(({ field }) => field === TARGET_FIELD);
  return (register && readTarget(register.value)) || undefined;
}

/** N of a version: the greatest of the paths where it lies. `known`: the registers of one of them, read already. */
export function targetOf(
  view: ReadView,
  row: VersionRow,
  context: CatalogContext,
  known?: { readonly path: string; readonly registers: readonly Register[] },
): number {
  return greatestTarget(row, context, (path) =>
    path === known?.path ? known.registers : readRegisters(view, entryKey(path)),
  );
}

function greatestTarget(
  row: VersionRow,
  context: CatalogContext,
  registersOf: (path: FilePath) => readonly Register[],
): number {
  let target = 0;
  for (const path of row.paths) {
    target = Math.max(target, statedTarget(registersOf(path)) ?? context.defaultTarget);
  }
  return target;
}

/** Who states to hold the version, absent ones included. */
export function holdersOf(row: VersionRow, serverAt: (origin: number) => ServerId): ServerId[] {
  return row.holdings.filter(({ held }) => held).map((holding) => holderOf(holding, serverAt));
}

function holderOf(holding: Holding, serverAt: (origin: number) => ServerId): ServerId {
  return serverAt(holding.marks[0]!.origin);
}

/** Brings the work index up to what the rows say now. Idempotent. */
export function reindex(transaction: CatalogTransaction, version: VersionId): void {
  const { view, context, origins } = transaction;
  const row = transaction.version(version);
  const holders = holdersOf(row, (origin) => origins.named(origin).server);
  const copies = holders.filter((server) => context.counts(server)).length;
  const target = () => greatestTarget(row, context, (path) => transaction.registers(path));
  const indexed =
    row.paths.length === 0 ? undefined : { held: holders.includes(context.self), surplus: copies - target() };
  if (indexed?.held === row.indexed?.held && indexed?.surplus === row.indexed?.surplus) return;
  if (row.indexed !== undefined) view.remove(workKey(positionOf(transaction, version, row.indexed)));
  if (indexed !== undefined)
    view.put(workKey(positionOf(transaction, version, indexed)), sizeClass(sizeIn(transaction, row)));
  transaction.setVersion(version, { ...row, indexed });
}

function sizeIn(transaction: CatalogTransaction, { paths: [path] }: VersionRow): number | undefined {
  const content = path && transaction.registers(path).find(({ field }) => field === CONTENT_FIELD);
  return content && fileSizeIn(content.value);
}

function positionOf(
  { context }: CatalogTransaction,
  version: VersionId,
  indexed: { readonly held: boolean; readonly surplus: number },
) {
  return { ...indexed, version, order: workOrder(version, context.self) };
}

/** Hexadecimal digits of a version that change every 64 ms. */
const MOMENT_DIGITS = 10;
const MOMENT_MASK = 0xfffff000;

/**
 * The order of versions of one surplus: by chance, another on each server, so that servers with the same work begin at
 * different ends of it. But what was put at the same moment stays together, and among itself by chance: a server that takes
 * in many records writes a few pages of the index for them, and not one for each.
 */
export function workOrder(version: VersionId, self: ServerId): number {
  const moment = rendezvousWeight(version.slice(0, MOMENT_DIGITS), self);
  return ((moment & MOMENT_MASK) | (rendezvousWeight(version, self) & ~MOMENT_MASK)) >>> 0;
}
