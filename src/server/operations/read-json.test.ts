import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyContent, anyPath, anyStamp, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { MemoryView } from "../../../tests/catalog/memory-view.ts";
import { fromUtf8 } from "../../core/bytes.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { writtenAt } from "../../core/catalog/epochs.ts";
import { entryKey, versionKey } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD, contentOf } from "../../core/catalog/merge.ts";
import { PlainFile } from "../../core/catalog/plain-file.ts";
import { decodeRegisters, encodeRegisters, encodeVersionRow, type Register } from "../../core/catalog/rows.ts";
import { encodeTarget, TARGET_FIELD } from "../../core/catalog/surplus.ts";
import { countTree } from "../../core/catalog/tree.ts";
import type { Content } from "../../core/catalog/types.ts";
import { encodeVariable } from "../../core/catalog/variables.ts";
import { type HybridTime, versionServer, versionTime } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { HolderInfo } from "../face.ts";
import type { Lookups } from "./lookups.ts";
import { list, locate } from "./read.ts";
import { ListPage, locateJson } from "./read-json.ts";

const SERVERS = 4;
/** Dates have an end. */
const LAST = 2 ** 52;

/** Mostly there is none: the rows that are read quickly are the plain ones. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
const mostly = fc.constantFrom(true, true, true, true, false);

const anyMarks = fc.array(fc.record({ origin: fc.nat(SERVERS - 1), number: fc.maxSafeNat() }), {
  minLength: 1,
  maxLength: 2,
});
const anyRow = fc.record({
  path: anyPath,
  content: anyContent.map(dated),
  /** Of the version itself, as in a row that was never moved. */
  isPlain: mostly,
  stamp: anyStamp.map((stamp) => ({ ...stamp, time: Math.min(stamp.time, LAST) as HybridTime })),
  marks: anyMarks,
  target: fc.option(fc.nat(300)),
  other: seldom(fc.constantFrom("attributes", "variable:x", "variable:popularity", "strange")),
  otherPath: seldom(anyPath),
  hasPath: mostly,
  indexed: fc.option(fc.record({ held: fc.boolean(), surplus: fc.integer({ min: -5, max: 5 }) }), { nil: undefined }),
  holdings: fc.array(fc.record({ held: fc.boolean(), marks: anyMarks }), { maxLength: 4 }),
});
const OTHER_VALUES: Readonly<Record<string, Bytes>> = {
  "variable:x": encodeVariable('a "text"'),
  "variable:popularity": encodeVariable(9.5),
};
type Row = typeof anyRow extends fc.Arbitrary<infer T> ? T : never;

function dated(content: Content): Content {
  if (content.type !== "file") return content;
  const { version } = content;
  return versionTime(version) <= LAST ? content : { ...content, version: `0${version.slice(1)}` as typeof version };
}

function registersOf({ content, isPlain, stamp, marks, target, other }: Row): Register[] {
  const own =
    content.type === "file" && isPlain
      ? { rank: 0, time: versionTime(content.version), server: versionServer(content.version) }
      : stamp;
  return [
    ...(target === null ? [] : [{ field: TARGET_FIELD, stamp, value: encodeTarget(target), marks }]),
    { field: CONTENT_FIELD, stamp: own, value: encodeContent(content), marks },
    ...(other === null ? [] : [{ field: other, stamp, value: OTHER_VALUES[other] ?? Uint8Array.of(1, 2), marks: [] }]),
  ];
}

function viewOf(rows: readonly Row[]): MemoryView {
  const view = new MemoryView();
  for (const row of rows) {
    const { path, content, otherPath, hasPath, holdings, indexed } = row;
    view.put(entryKey(path), encodeRegisters(registersOf(row)));
    if (content.type !== "file") continue;
    const paths: FilePath[] = [...(hasPath ? [path] : []), ...(otherPath === null ? [] : [otherPath])];
    view.put(versionKey(content.version), encodeVersionRow({ paths, holdings, indexed }));
  }
  countTree(view);
  return view;
}

const anyHolders = fc.array(
  fc.record({
    state: fc.constantFrom<HolderInfo["state"]>("up", "down", "absent"),
    zone: fc.constantFrom("here", "there"),
    load: fc.constantFrom(0, 0.25, 1),
    isKnown: fc.boolean(),
  }),
  { minLength: SERVERS, maxLength: SERVERS },
);

function lookupsOf(
  view: MemoryView,
  states: readonly { state: HolderInfo["state"]; zone: string; load: number; isKnown: boolean }[],
): Lookups {
  const servers = new Map(
    states.flatMap(({ isKnown, ...state }, index) => {
      const id = serverNumbered(index);
      return isKnown ? [[id, { id, name: `"${index}"`, url: `http://${index}`, ...state }] as const] : [];
    }),
  );
  return {
    read: () => view,
    serverOf: serverNumbered,
    context: {
      self: serverNumbered(0),
      counts: (server) => servers.get(server)?.state !== "absent",
      defaultTarget: 3,
    },
    zone: "here",
    describeServer: (server) => servers.get(server),
    writtenAt: (stamp) => writtenAt(stamp, new Map([[1, 1_000_000 as HybridTime]])),
  };
}

function pageText(lookups: Lookups, directory: FilePath | "", options: object, rowsPerTurn: number): string {
  const page = new ListPage(directory, options);
  while (!page.add(lookups, rowsPerTurn));
  return fromUtf8(Buffer.concat(page.pieces()));
}

/** A text, or what is thrown instead. */
function outcome(answer: () => string): string {
  try {
    return answer();
  } catch (error) {
    return String(error);
  }
}

describe("answers that are made as text", () => {
  const anyRows = fc.array(anyRow, { maxLength: 20 });

  it("list what read.ts lists, page by page, in pieces of any length", () => {
    const options = fc.record(
      { recursive: fc.boolean(), limit: fc.integer({ min: 1, max: 6 }), after: anyPath },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        anyRows,
        anyHolders,
        options,
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        (rows, states, ask, most, n) => {
          const lookups = lookupsOf(viewOf(rows), states);
          const path = rows[n % Math.max(1, rows.length)]?.path ?? "";
          const parent = path.slice(0, Math.max(0, path.indexOf("/"))) as FilePath | "";
          for (const directory of ["" as const, parent]) {
            const text = outcome(() => pageText(lookups, directory, ask, most));
            expect(text).toBe(outcome(() => JSON.stringify(list(lookups, directory, ask))));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("locate what read.ts locates", () => {
    fc.assert(
      fc.property(anyRows, anyHolders, anyPath, (rows, states, another) => {
        const lookups = lookupsOf(viewOf(rows), states);
        const paths = [...rows.map(({ path }) => path), another];
        const plainly = locate(lookups, paths).map((file) => JSON.stringify(file ?? null));
        expect(locateJson(lookups, paths)).toEqual(plainly);
      }),
      { numRuns: 300 },
    );
  });

  it("take no damaged row for another than it is", () => {
    const plain = new PlainFile();
    let taken = 0;
    fc.assert(
      fc.property(anyRow, fc.nat(), fc.nat(255), fc.nat(), (row, at, byte, cut) => {
        const bytes: Bytes = encodeRegisters(
          registersOf(row.other === "strange" ? { ...row, other: null } : row),
        ).slice();
        bytes[at % bytes.length] = byte;
        const damaged = cut % 3 === 0 ? bytes.slice(0, at % bytes.length) : bytes;
        if (!plain.read(damaged)) return;
        taken++;
        const content = contentOf(decodeRegisters(damaged));
        expect(content).toMatchObject({ type: "file", version: plain.version, sizeBytes: plain.sizeBytes });
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});
