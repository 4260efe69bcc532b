import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyContent, anyStamp, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { anyWrite, History, PATHS } from "../../../tests/catalog/history.ts";
import { contradictions, told } from "../../../tests/catalog/inspect.ts";
import { ModelServer } from "../../../tests/catalog/model-server.ts";
import { type HybridTime, type ServerId, versionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { encodeContent } from "./content.ts";
import { contentStamp, readEntry } from "./entries.ts";
import { CONTENT_FIELD, compareWrites } from "./merge.ts";
import { encodeTarget, reindex, TARGET_FIELD, targetOf } from "./surplus.ts";
import { readVersionRow } from "./transaction.ts";
import type { CatalogRecord, Content, FileContent } from "./types.ts";

/** What three servers write on their own, now and then in a new incarnation. */
const anyHistory = fc
  .array(fc.record({ by: fc.nat(2), write: anyWrite, mint: fc.nat(9) }), { minLength: 1, maxLength: 20 })
  .map((steps) => {
    const history = new History();
    const servers = [1, 2, 3].map((index) => new ModelServer(serverNumbered(index)));
    for (const { by, write, mint } of steps) {
      const server = servers[by]!;
      if (mint === 0) server.mint();
      history.write(server, write);
    }
    return history;
  });

/** As they are sent, or as they were written even where that was superseded at once. */
const anyRecords = anyHistory.chain(({ sent, records }) => fc.constantFrom(sent, records));

const reader = (counts?: (server: ServerId) => boolean) => new ModelServer(serverNumbered(9), counts);

/** Records in another order, some of them twice. */
const shuffled = (records: readonly CatalogRecord[]) =>
  fc
    .tuple(
      fc.shuffledSubarray([...records], { minLength: records.length }),
      fc.subarray([...records]),
      fc.infiniteStream(fc.integer({ min: 1, max: 5 })),
    )
    .map(([once, again, sizes]) => {
      const all = [...once, ...again];
      const batches: CatalogRecord[][] = [];
      while (all.length > 0) batches.push(all.splice(0, sizes.next().value));
      return batches;
    });

describe("merging", () => {
  it("C1, C2: says the same in whatever order, batches and repetitions the records come", () => {
    fc.assert(
      fc.property(
        anyRecords.chain((records) => fc.tuple(fc.constant(records), shuffled(records))),
        ([records, batches]) => {
          const [straight, mixed] = [reader(), reader()];
          for (const record of records) straight.merge(record);
          for (const batch of batches) {
            mixed.merge(...batch);
            expect(contradictions(mixed)).toEqual([]);
          }
          expect(told(mixed.view, true)).toEqual(told(straight.view, true));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("C1: a repetition changes nothing and says so", () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const server = reader();
        server.merge(...records);
        const before = told(server.view, true);
        expect(server.merge(...records)).toEqual(records.map(() => false));
        expect(told(server.view, true)).toEqual(before);
      }),
    );
  });

  it("C5: a register that says something older under the right marks is healed by the record", () => {
    fc.assert(
      fc.property(anyRecords, fc.nat(), (records, which) => {
        const registers = records.filter(({ stamp }) => stamp !== undefined);
        fc.pre(registers.length > 0);
        const damaged = registers[which % registers.length]!;
        const [server, right] = [reader(), reader()];
        const old = { rank: 0, time: 0 as HybridTime, server: serverNumbered(0) };
        const value = damaged.key.kind === "path" && damaged.key.field === CONTENT_FIELD ? [2] : [1];
        server.merge({ ...damaged, stamp: old, value: Uint8Array.from(value) }, ...records);
        right.merge(...records);
        expect(told(server.view, true)).toEqual(told(right.view, true));
        expect(contradictions(server)).toEqual([]);
      }),
    );
  });

  it("C1: the order of writes is total: antisymmetric, transitive, equal only for the same write", () => {
    const write = fc.record({
      stamp: anyStamp.map(({ rank, time, server }) => ({ rank, time: (time % 3) as HybridTime, server })),
      value: fc.uint8Array({ maxLength: 2 }),
    });
    fc.assert(
      fc.property(write, write, write, (a, b, c) => {
        const [ab, bc, ac] = [compareWrites(a, b), compareWrites(b, c), compareWrites(a, c)].map(Math.sign);
        expect(Math.sign(compareWrites(b, a)) + ab!).toBe(0);
        if (ab === bc) expect(ac).toBe(ab);
        if (ab === 0) expect(JSON.stringify(a)).toBe(JSON.stringify(b));
      }),
      { numRuns: 1000 },
    );
  });

  it("C1: no write restates another register: content and N of a path do not touch each other", () => {
    fc.assert(
      fc.property(anyContent, anyContent, anyStamp, anyStamp, (first, second, stamp, later) => {
        const server = reader();
        const path = PATHS[0]!;
        const write = (field: string, at: typeof stamp, value: Uint8Array) =>
          server.write({ key: { kind: "path", path, field }, stamp: at, value });
        write(CONTENT_FIELD, stamp, encodeContent(first));
        const entry = told(server.view).find((line) => line.includes(CONTENT_FIELD));
        write(TARGET_FIELD, later, encodeTarget(5));
        expect(told(server.view).find((line) => line.includes(CONTENT_FIELD))).toBe(entry);
        write(CONTENT_FIELD, later, encodeContent(second));
        expect(told(server.view).find((line) => line.includes(TARGET_FIELD))).toMatch(/ 05$/);
      }),
    );
  });

  it("C2: a later incarnation's statement about a copy counts, however small its number", () => {
    const version = versionId(7 as HybridTime, serverNumbered(1));
    const statement = (incarnation: number, number: number, held: boolean): CatalogRecord => ({
      key: { kind: "holding", version, holder: serverNumbered(1) },
      stamp: undefined,
      value: Uint8Array.of(held ? 1 : 0),
      origin: { server: serverNumbered(1), incarnation: incarnation as HybridTime },
      number,
    });
    const statements = [statement(1, 900, true), statement(2, 1, false), statement(2, 2, true), statement(3, 1, false)];
    for (const order of [statements, [...statements].reverse()]) {
      const server = reader();
      server.merge(...order);
      expect(told(server.view)).toContain(`${version} held by `);
      server.merge(statement(3, 2, true));
      expect(told(server.view)).toContain(`${version} held by ${serverNumbered(1)}`);
    }
  });
});

describe("the work index", () => {
  it("C13: follows who counts for K once the versions are looked at again", () => {
    fc.assert(
      fc.property(anyRecords, fc.subarray([1, 2, 3]), (records, absent) => {
        const gone = new Set<ServerId>();
        const server = reader((other) => !gone.has(other));
        server.merge(...records);
        for (const index of absent) gone.add(serverNumbered(index));
        const versions = new Set(records.flatMap(({ key }) => (key.kind === "holding" ? [key.version] : [])));
        server.change((transaction) => {
          for (const version of versions)
            if (readVersionRow(server.view, version).paths.length > 0) reindex(transaction, version);
        });
        expect(contradictions(server)).toEqual([]);
      }),
    );
  });

  it("is moved by a change of N alone, before and after the file is known", () => {
    const path = PATHS[2]!;
    const by = serverNumbered(1);
    const file = fileOf(5, 1);
    const target = (time: number, value: number) => ({
      key: { kind: "path", path, field: TARGET_FIELD } as const,
      stamp: { rank: 0, time: time as HybridTime, server: by },
      value: encodeTarget(value),
    });
    const content = {
      key: { kind: "path", path, field: CONTENT_FIELD } as const,
      stamp: { rank: 0, time: 5 as HybridTime, server: by },
      value: encodeContent(file),
    };
    const server = reader();
    const isTarget = (expected: number) => {
      expect(contradictions(server)).toEqual([]);
      const row = readVersionRow(server.view, file.version);
      expect([targetOf(server.view, row, server.context), row.indexed?.surplus]).toEqual([expected, -expected]);
    };
    server.write(target(1, 7));
    server.write(content);
    isTarget(7);
    server.write(target(2, 1));
    isTarget(1);
    server.write(target(1, 9));
    isTarget(1);
  });
});

function fileOf(time: number, sizeBytes: number): FileContent {
  const version = versionId(time as HybridTime, serverNumbered(1));
  return { type: "file", version, sizeBytes, sha256: "0".repeat(64), request: undefined };
}

describe("a move", () => {
  const [from, to] = [PATHS[0]!, PATHS[2]!];
  const by = serverNumbered(1);
  const file = fileOf(5, 10);

  const contentRecord = (path: FilePath, time: number, content: Content, number: number): CatalogRecord => ({
    key: { kind: "path", path, field: CONTENT_FIELD },
    stamp: { rank: 0, time: time as HybridTime, server: by },
    value: encodeContent(content),
    origin: { server: by, incarnation: 1 as HybridTime },
    number,
  });
  const held: CatalogRecord = {
    key: { kind: "holding", version: file.version, holder: by },
    stamp: undefined,
    value: Uint8Array.of(1),
    origin: { server: by, incarnation: 1 as HybridTime },
    number: 2,
  };
  const put = contentRecord(from, 5, file, 1);
  const arrives = contentRecord(to, 8, file, 3);
  const leaves = contentRecord(from, 9, { type: "deleted", movedTo: to }, 4);

  it("C2: keeps holders and K in whatever order its records come, and the version is somewhere or on a way that is told", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([put, held, arrives, leaves], { minLength: 4 }), (records) => {
        const server = reader();
        for (const [i, record] of records.entries()) {
          server.merge(record);
          const known = records.slice(0, i + 1);
          const { paths } = readVersionRow(server.view, file.version);
          const isTold = contentStamp(server.view, from)?.time === 9 && contentStamp(server.view, to) === undefined;
          if (known.includes(put) || known.includes(arrives)) expect(paths.length > 0 || isTold).toBe(true);
          if (known.includes(held)) expect(told(server.view)).toContain(`${file.version} held by ${by}`);
        }
        expect(readVersionRow(server.view, file.version).paths).toEqual([to]);
        expect(readEntry(server.view, from)).toBeUndefined();
        expect(readEntry(server.view, to)).toMatchObject({ type: "file", content: file });
      }),
    );
  });

  it("C2: meeting another move of the same file elsewhere, leaves the version at both places", () => {
    const elsewhere = PATHS[1]!;
    const other: CatalogRecord[] = [
      contentRecord(elsewhere, 8, file, 1),
      contentRecord(from, 10, { type: "deleted", movedTo: elsewhere }, 2),
    ].map((record) => ({ ...record, origin: { server: serverNumbered(2), incarnation: 1 as HybridTime } }));
    fc.assert(
      fc.property(fc.shuffledSubarray([put, held, arrives, leaves, ...other], { minLength: 6 }), (records) => {
        const server = reader();
        server.merge(...records);
        expect([...readVersionRow(server.view, file.version).paths].sort()).toEqual([elsewhere, to].sort());
        expect(contradictions(server)).toEqual([]);
      }),
    );
  });
});
