/** What a catalog says, and whether it keeps the invariants of core/catalog/merge.ts, all by brute force. */

import { ByteReader, hex } from "../../src/core/bytes.ts";
import { hasTodo, readCopy } from "../../src/core/catalog/copies.ts";
import {
  entryKey,
  numberOfLogKey,
  pathOfEntryKey,
  type Table,
  tableRange,
  versionKey,
  versionOfKey,
  workPositionOf,
} from "../../src/core/catalog/keys.ts";
import type { KeyValue, ReadView } from "../../src/core/catalog/kv.ts";
import { decodePointer } from "../../src/core/catalog/log.ts";
import { CONTENT_FIELD, contentOf } from "../../src/core/catalog/merge.ts";
import { originName, readOrigins } from "../../src/core/catalog/origins.ts";
import { decodeRegisters, decodeVersionRow, type Mark, type Register } from "../../src/core/catalog/rows.ts";
import { sizeClass } from "../../src/core/catalog/size-class.ts";
import { readStats } from "../../src/core/catalog/stats.ts";
import { workOrder } from "../../src/core/catalog/surplus.ts";
import { readRegisters } from "../../src/core/catalog/transaction.ts";
import { childrenIn } from "../../src/core/catalog/tree.ts";
import type { VersionId } from "../../src/core/ids.ts";
import { ancestorsOf, type FilePath, parentOf } from "../../src/core/paths.ts";
import type { ModelServer } from "./model-server.ts";

const rows = (view: ReadView, table: Table): KeyValue[] => [...view.range(tableRange(table))];

interface Said {
  /** "register: rank time server value" */
  readonly registers: Map<string, string>;
  /** version → holders */
  readonly holders: Map<string, string[]>;
  readonly paths: Map<string, string[]>;
  /** Name of a register, origin, number. */
  readonly marks: Set<string>;
}

const registerName = (path: string, field: string) => `path ${JSON.stringify(path)} ${field}`;
const settingName = (name: string) => `setting ${name}`;
const holdingName = (version: string, server: string) => `holding ${version} ${server}`;

const toldBy = ({ stamp, value }: Register) => `${stamp.rank} ${stamp.time} ${stamp.server} ${hex(value)}`;

/** All that a catalog says, in a form that two catalogs can be compared by. */
export function saidBy(view: ReadView): Said {
  const origins = readOrigins(view);
  const registers = new Map<string, string>();
  const holders = new Map<string, string[]>();
  const paths = new Map<string, string[]>();
  const marks = new Set<string>();
  const addMarks = (name: string, of: readonly Mark[]) => {
    for (const { origin, number } of of) marks.add(`${name} / ${originName(origins.get(origin)!)} / ${number}`);
  };
  for (const { key, value } of rows(view, "entries")) {
    for (const register of decodeRegisters(value)) {
      const name = registerName(pathOfEntryKey(key), register.field);
      registers.set(name, toldBy(register));
      addMarks(name, register.marks);
    }
  }
  for (const { key, value } of rows(view, "settings")) {
    const name = settingName(new TextDecoder().decode(key.subarray(1)));
    for (const register of decodeRegisters(value)) {
      registers.set(name, toldBy(register));
      addMarks(name, register.marks);
    }
  }
  for (const { key, value } of rows(view, "versions")) {
    const version = versionOfKey(key);
    const row = decodeVersionRow(value);
    paths.set(version, [...row.paths].sort());
    const held: string[] = [];
    for (const holding of row.holdings) {
      const { server } = origins.get(holding.marks[0]!.origin)!;
      addMarks(holdingName(version, server), holding.marks);
      if (holding.held) held.push(server);
    }
    holders.set(version, held.sort());
  }
  return { registers, holders, paths, marks };
}

/** The same as text, so that a difference is shown readably. Marks depend on the way records came; `withMarks` to compare them too. */
export function told(view: ReadView, withMarks = false): string[] {
  const { registers, holders, paths, marks } = saidBy(view);
  return [
    ...Array.from(registers, ([name, value]) => `${name} = ${value}`),
    ...Array.from(holders, ([version, servers]) => `${version} held by ${servers.join(" ")}`),
    ...Array.from(paths, ([version, at]) => `${version} at ${JSON.stringify(at)}`),
    ...(withMarks ? marks : []),
  ].sort();
}

/** Everything that contradicts L1, L2, C13 or the counts; nothing in a sound catalog. */
export function contradictions(server: ModelServer): string[] {
  const { view } = server;
  return [
    ...logContradictions(view),
    ...pathContradictions(view),
    ...workContradictions(server),
    ...countContradictions(view),
  ];
}

/** L1: log rows and marks correspond one to one, and a row points at the register that bears its mark. */
function logContradictions(view: ReadView): string[] {
  const { marks } = saidBy(view);
  const origins = readOrigins(view);
  const pointed = new Set<string>();
  const dangling: string[] = [];
  for (const { key, value } of rows(view, "log")) {
    const row = origins.get(key[1]! * 256 + key[2]!)!;
    const number = numberOfLogKey(key);
    const behind = ` / ${originName(row)} / ${number}`;
    const pointer = decodePointer(value);
    const candidates = {
      path: () => (pointer.kind === "path" ? [registerName(pointer.path, pointer.field)] : []),
      content: () =>
        pointer.kind === "content" ? pathsOf(view, pointer.version).map((at) => registerName(at, CONTENT_FIELD)) : [],
      holding: () => (pointer.kind === "holding" ? [holdingName(pointer.version, row.server)] : []),
      setting: () => (pointer.kind === "setting" ? [settingName(pointer.name)] : []),
    }[pointer.kind]();
    const name = candidates.find((candidate) => marks.has(candidate + behind));
    if (name === undefined) dangling.push(`L1: the log row${behind} points at no register with its mark`);
    else pointed.add(name + behind);
    if (number > row.seen)
      dangling.push(`C3: ${originName(row)} has number ${number} above the greatest seen, ${row.seen}`);
  }
  return [...dangling, ...[...marks].filter((mark) => !pointed.has(mark)).map((mark) => `L1: no log row for ${mark}`)];
}

function pathsOf(view: ReadView, version: VersionId): readonly FilePath[] {
  const row = view.get(versionKey(version));
  return row === undefined ? [] : decodeVersionRow(row).paths;
}

/** L2: a version's row lists exactly the paths whose content register says that version. */
function pathContradictions(view: ReadView): string[] {
  const expected = new Map<string, string[]>();
  for (const { key, value } of rows(view, "entries")) {
    const content = contentOf(decodeRegisters(value));
    if (content?.type !== "file") continue;
    expected.set(content.version, [...(expected.get(content.version) ?? []), pathOfEntryKey(key)].sort());
  }
  const { paths, holders } = saidBy(view);
  const names = new Set([...expected.keys(), ...paths.keys()]);
  return [...names].flatMap((version) => {
    const [want, have] = [expected.get(version) ?? [], paths.get(version) ?? []];
    if (String(want) !== String(have)) return [`L2: ${version} is listed at ${have} and is at ${want}`];
    const row = decodeVersionRow(view.get(versionKey(version as VersionId))!);
    const isLeftOver = have.length === 0 && holders.get(version)!.length === 0 && row.holdings.length === 0;
    return isLeftOver ? [`L2: ${version} has a row that says nothing`] : [];
  });
}

/** C13: the work index is what K, N and holders make it, computed from the registers alone. */
function workContradictions({ view, context }: ModelServer): string[] {
  const { paths, holders } = saidBy(view);
  const expected = new Set<string>();
  for (const [version, at] of paths) {
    if (at.length === 0) continue;
    const held = holders.get(version)!;
    const copies = held.filter((server) => context.counts(server as ModelServer["self"])).length;
    const target = Math.max(...at.map((path) => targetAt(view, path) ?? context.defaultTarget));
    const order = workOrder(version as VersionId, context.self);
    const content = contentOf(readRegisters(view, entryKey(at[0] as FilePath)));
    const size = hex(sizeClass(content?.type === "file" ? content.sizeBytes : undefined));
    expected.add(JSON.stringify({ held: held.includes(context.self), surplus: copies - target, order, version, size }));
  }
  const actual = rows(view, "work").map(({ key, value }) =>
    JSON.stringify({ ...workPositionOf(key), size: hex(value) }),
  );
  return [
    ...actual.filter((position) => !expected.has(position)).map((position) => `C13: the work index has ${position}`),
    ...[...expected].filter((each) => !actual.includes(each)).map((each) => `C13: the work index lacks ${each}`),
  ];
}

function targetAt(view: ReadView, path: string): number | undefined {
  for (const { key, value } of rows(view, "entries")) {
    if (pathOfEntryKey(key) !== path) continue;
    const register = decodeRegisters(value).find(({ field }) => field === "target");
    return register === undefined ? undefined : new ByteReader(register.value).varint();
  }
  return undefined;
}

/** The counts are a recount, and a copy has work to do exactly when its version is not at its path any more. */
function countContradictions(view: ReadView): string[] {
  const recount = { files: 0, bytes: 0, copies: 0, copyBytes: 0, deletions: 0 };
  for (const { value } of rows(view, "entries")) {
    const content = contentOf(decodeRegisters(value));
    if (content?.type === "deleted") recount.deletions += 1;
    if (content?.type !== "file") continue;
    recount.files += 1;
    recount.bytes += content.sizeBytes;
  }
  for (const { value } of rows(view, "versions")) {
    recount.deletions += decodeVersionRow(value).holdings.filter(({ held }) => !held).length;
  }
  const wrong: string[] = [];
  for (const { key } of rows(view, "copies")) {
    const version = versionOfKey(key);
    const copy = readCopy(view, version)!;
    recount.copies += 1;
    recount.copyBytes += copy.sizeBytes;
    const isInPlace = copy.staged === undefined && pathsOf(view, version).includes(copy.path);
    if (hasTodo(view, version) === isInPlace) wrong.push(`the copy of ${version} at ${copy.path} has the wrong todo`);
  }
  const stats = readStats(view);
  for (const name of ["files", "bytes", "copies", "copyBytes", "deletions"] as const) {
    if (stats[name] !== recount[name]) wrong.push(`${name} counts ${stats[name]}, and there are ${recount[name]}`);
  }
  return [...wrong, ...treeContradictions(view)];
}

/** Of each directory as many children are counted as there are (C12). */
function treeContradictions(view: ReadView): string[] {
  const children = new Map<FilePath | "", Set<FilePath>>();
  for (const { key, value } of rows(view, "entries")) {
    const content = contentOf(decodeRegisters(value));
    if (content === undefined || content.type === "deleted") continue;
    const path = pathOfEntryKey(key);
    for (const child of [...ancestorsOf(path), path]) {
      const directory = parentOf(child);
      children.set(directory, (children.get(directory) ?? new Set()).add(child));
    }
  }
  const wrong: string[] = [];
  for (const [directory, { size }] of children) {
    const counted = childrenIn(view, directory);
    if (counted !== size) wrong.push(`of "${directory}" ${counted} children are counted, and there are ${size}`);
  }
  const counts = rows(view, "directories").length;
  if (counts !== children.size) wrong.push(`${counts} directories are counted, and ${children.size} have children`);
  return wrong;
}
