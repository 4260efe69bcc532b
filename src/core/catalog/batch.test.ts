import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPath, anyServer, anyStamp, anyVersion, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { anyWrite, History } from "../../../tests/catalog/history.ts";
import { MemoryView } from "../../../tests/catalog/memory-view.ts";
import { ModelServer } from "../../../tests/catalog/model-server.ts";
import { HEAD_BYTES_MAX } from "../../ports/network.ts";
import type { HybridTime } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { type Batch, decodeBatch, encodeBatch, walkLog } from "./batch.ts";
import { logKey, versionKey } from "./keys.ts";
import { merge } from "./merge.ts";
import { readOrigins } from "./origins.ts";
import { CatalogTransaction } from "./transaction.ts";
import type { CatalogRecord, Origin } from "./types.ts";

const count = fc.oneof(fc.nat(5), fc.maxSafeNat());
const anyOrigin: fc.Arbitrary<Origin> = fc.record({
  server: anyServer,
  incarnation: count.map((time) => time as HybridTime),
});
const value = fc.uint8Array({ maxLength: 80 });
const anyRecord: fc.Arbitrary<CatalogRecord> = fc.oneof(
  fc.record({
    key: fc.oneof(
      fc.record({ kind: fc.constant("path" as const), path: anyPath, field: fc.constantFrom("content", "target") }),
      fc.record({ kind: fc.constant("setting" as const), name: fc.string({ unit: "grapheme", minLength: 1 }) }),
    ),
    stamp: anyStamp,
    value,
    origin: anyOrigin,
    number: count,
  }),
  fc.tuple(anyVersion, fc.boolean(), anyOrigin, count).map(([version, held, origin, number]) => ({
    key: { kind: "holding" as const, version, holder: origin.server },
    stamp: undefined,
    value: Uint8Array.of(held ? 1 : 0),
    origin,
    number,
  })),
);
const anyBatch: fc.Arbitrary<Batch> = fc.record({
  records: fc.array(anyRecord, { maxLength: 8 }),
  announcements: fc.array(fc.record({ origin: anyOrigin, number: count, chain: fc.nat(0xffffffff), floor: count }), {
    maxLength: 3,
  }),
});

describe("batches", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        expect(decodeBatch(encodeBatch(batch))).toEqual(batch);
      }),
    );
  });

  it("are refused when they are cut anywhere, or go on behind their end", () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }), (batch, at, more) => {
        const bytes = encodeBatch(batch);
        expect(() => decodeBatch(bytes.subarray(0, at % bytes.length))).toThrow(RangeError);
        expect(() => decodeBatch(Uint8Array.from([...bytes, ...more]))).toThrow(RangeError);
      }),
    );
  });

  it("with a flipped bit are refused, or are another whole batch: never half of one, never a loop", () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(), fc.nat(7), (batch, at, bit) => {
        const bytes = encodeBatch(batch);
        bytes[at % bytes.length]! ^= 1 << bit;
        let read: Batch;
        try {
          read = decodeBatch(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        // TLS keeps bits from flipping on the way; what is read is at least what these bytes say.
        expect(decodeBatch(encodeBatch(read))).toEqual(read);
        expect(read).not.toEqual(batch);
      }),
      { numRuns: 1000 },
    );
  });

  it("of another format, or with a statement that is neither yes nor no, are refused", () => {
    const origin: Origin = { server: serverNumbered(1), incarnation: 1 as HybridTime };
    const key = { kind: "holding", version: "00000000000001-000000000001", holder: origin.server } as const;
    const record = { key, stamp: undefined, value: Uint8Array.of(2), origin, number: 1 } as unknown as CatalogRecord;
    expect(() => decodeBatch(encodeBatch({ records: [record], announcements: [] }))).toThrow(/0 or 1/);
    const empty = encodeBatch({ records: [], announcements: [] });
    empty[0] = 3;
    expect(() => decodeBatch(empty)).toThrow(/unknown format 3/);
  });
});

describe("walking an origin's log", () => {
  it("C3: in batches of any size gives every surviving record once, in order, and announces only at the end", () => {
    fc.assert(
      fc.property(
        fc.array(anyWrite, { minLength: 1, maxLength: 15 }),
        fc.integer({ min: 1, max: 4 }),
        (writes, limit) => {
          const history = new History();
          const server = new ModelServer(serverNumbered(1));
          history.write(server, { kind: "setting", which: 0, value: 0, time: 0 });
          for (const write of writes) history.write(server, write);
          const whole = server.walk(server.origin, 0, 1000);
          const walked: CatalogRecord[] = [];
          for (let after = 0; ; ) {
            const { records, reached, announce } = server.walk(server.origin, after, limit);
            walked.push(...records);
            expect(records.length <= limit).toBe(true);
            expect(announce !== undefined).toBe(records.length < limit);
            if (announce !== undefined) break;
            after = reached;
          }
          expect(walked).toEqual(whole.records);
          const numbers = walked.map(({ number }) => number);
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          expect(whole.announce?.number).toBe(history.records.length);
        },
      ),
    );
  });

  it("C6: tells the digest only with the number that it belongs to", () => {
    const server = new ModelServer(serverNumbered(1));
    const history = new History();
    for (let i = 0; i < 3; i++) history.write(server, { kind: "setting", which: 0, value: i, time: 0 });
    const [, row] = server.rowOf(server.origin)!;
    expect(row.chain).not.toBe(0);
    expect(server.walk(server.origin, 0, 10).announce).toMatchObject({ number: 3, chain: row.chain });
    expect(server.walk(server.origin, 0, 10, 2).announce).toMatchObject({ number: 2, chain: 0 });
    expect(server.walk(server.origin, 0, 10, 5).announce).toMatchObject({ number: 3, chain: row.chain });
  });

  it("L1: says so when a row points nowhere, instead of leaving a record out", () => {
    const server = new ModelServer(serverNumbered(1));
    new History().write(server, { kind: "put", which: 0, value: 1, time: 0 });
    const holding = server.walk(server.origin, 1, 1).records[0]!;
    expect(holding.key.kind).toBe("holding");
    if (holding.key.kind === "holding") server.view.remove(versionKey(holding.key.version));
    expect(() => server.walk(server.origin, 0, 10)).toThrow(/points nowhere \(L1\)/);
  });

  it("C3: a number is never written twice", () => {
    const server = new ModelServer(serverNumbered(1));
    server.view.put(logKey(0, 1), Uint8Array.of(1));
    expect(() => new History().write(server, { kind: "setting", which: 0, value: 0, time: 0 })).toThrow(
      /written twice/,
    );
  });
});

it("C3: what a walk gives at once is one message, however many servers have written the same paths", () => {
  const view = new MemoryView();
  const transaction = new CatalogTransaction(view, { self: serverNumbered(0), counts: () => true, defaultTarget: 3 });
  const origins = Array.from({ length: 120 }, (_, i): Origin => {
    return { server: serverNumbered(i + 1), incarnation: 1 as HybridTime };
  });
  const paths = Array.from({ length: 200 }, (_, i) => `${`${"x".repeat(240)}/`.repeat(3)}${i}` as FilePath);
  for (const [i, path] of paths.entries()) {
    for (const [time, origin] of origins.entries()) {
      const stamp = { rank: 0, time: time as HybridTime, server: origin.server };
      merge(transaction, {
        ...{ key: { kind: "path", path, field: "target" }, stamp, value: Uint8Array.of(3) },
        ...{ origin, number: i + 1 },
      });
    }
  }
  transaction.origins.set(0, { ...transaction.origins.at(0), contiguous: paths.length });
  transaction.finish();
  const known = readOrigins(view);
  const told = new Set<string>();
  for (let after = 0, announced = 0; announced === 0; ) {
    const walk = walkLog(view, 0, (index) => known.get(index)!, after, 200, paths.length);
    expect(encodeBatch({ records: walk.records, announcements: [] }).length).toBeLessThan(HEAD_BYTES_MAX / 4);
    expect(walk.announce !== undefined || walk.reached > after).toBe(true);
    for (const { origin, number } of walk.records) told.add(`${origin.server} ${number}`);
    after = walk.reached;
    announced = walk.announce?.number ?? 0;
  }
  expect(told.size).toBe(origins.length * paths.length);
});
