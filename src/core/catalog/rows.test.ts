import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  anyContent,
  anyPath,
  anyServer,
  anyStamp,
  anyVersion,
  serverNumbered,
} from "../../../tests/catalog/arbitrary.ts";
import { ByteWriter } from "../bytes.ts";
import { type HybridTime, versionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { decodeContent, encodeContent, fileVersionIn } from "./content.ts";
import { decodePointer, encodePointer, type LogPointer } from "./log.ts";
import {
  decodeCopyRow,
  decodeOriginRow,
  decodeRegister,
  decodeRegisters,
  decodeTrashRow,
  decodeVersionRow,
  encodeCopyRow,
  encodeOriginRow,
  encodeRegisters,
  encodeTrashRow,
  encodeVersionRow,
  ROW_FORMAT,
} from "./rows.ts";
import { encodeStats, readStats, STATS_KEY } from "./stats.ts";

const count = fc.oneof(fc.nat(3), fc.maxSafeNat());
const marks = fc.array(fc.record({ origin: fc.nat(0xffff), number: count }), { maxLength: 4 });
const value = fc.uint8Array({ maxLength: 60 });

/** Reading gives back what was written, and no row that is cut short passes for another. */
function comesBack<T>(rows: fc.Arbitrary<T>, encode: (row: T) => Uint8Array, decode: (bytes: Uint8Array) => T): void {
  fc.assert(
    fc.property(rows, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (row, cut) => {
      const bytes = encode(row);
      expect(decode(bytes)).toEqual(row);
      expect(() => decode(bytes.subarray(0, Math.floor(cut * bytes.length)))).toThrow(RangeError);
    }),
  );
}

describe("rows come back as they were written, and cut ones are refused", () => {
  it("registers", () => {
    const register = fc.record({
      field: fc.constantFrom("content", "target", "attributes", "variable:é", "variable:", "variable:x", ""),
      stamp: anyStamp,
      value,
      marks,
    });
    const rows = fc.array(register, { maxLength: 4 });
    comesBack(rows, encodeRegisters, decodeRegisters);
    fc.assert(
      fc.property(rows, fc.nat(4), (row, which) => {
        const field = row[which]?.field ?? "variable:none";
        expect(decodeRegister(encodeRegisters(row), field)).toEqual(row.find((each) => each.field === field));
      }),
    );
  });

  it("registers whose value holds the stamp: it is written once", () => {
    fc.assert(
      fc.property(anyStamp, value, marks, (stamp, rest, seen) => {
        const version = new ByteWriter().u8(1).uint(stamp.time, 7).hex(stamp.server).raw(rest).finish();
        const register = { field: "content", stamp: { ...stamp, rank: 0 }, value: version, marks: seen };
        const row = encodeRegisters([register]);
        expect(decodeRegisters(row)).toEqual([register]);
        const later = { ...register, stamp: { ...register.stamp, rank: 1 } };
        expect(decodeRegisters(encodeRegisters([later]))).toEqual([later]);
        expect(encodeRegisters([later]).length - row.length).toBe(14);
      }),
    );
  });

  it("versions", () => {
    const row = fc.record({
      paths: fc.array(anyPath, { maxLength: 3 }),
      holdings: fc.array(fc.record({ held: fc.boolean(), marks }), { maxLength: 4 }),
      indexed: fc.option(fc.record({ held: fc.boolean(), surplus: fc.integer({ min: -1000, max: 1000 }) }), {
        nil: undefined,
      }),
    });
    comesBack(row, encodeVersionRow, decodeVersionRow);
  });

  it("origins", () => {
    const row = fc.record({
      server: anyServer,
      incarnation: count.map((time) => time as HybridTime),
      contiguous: count,
      seen: count,
      floor: count,
      chain: fc.nat(0xffffffff),
    });
    comesBack(row, encodeOriginRow, decodeOriginRow);
  });

  it("copies, whatever time their file bears, one before 1970 too", () => {
    const row = fc
      .record({
        path: anyPath,
        elsewhere: fc.boolean(),
        staged: fc.option(fc.constant(".fsdfs/staging/1"), { nil: undefined }),
        sizeBytes: count,
        inode: count,
        modifiedNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      })
      .map(({ elsewhere, ...rest }) => ({ ...rest, location: elsewhere ? ".fsdfs/side/1" : (rest.path as string) }));
    comesBack(row, encodeCopyRow, decodeCopyRow);
  });

  it("trash", () => {
    const anyTime = fc.nat({ max: 2 ** 52 }).map((time) => time as HybridTime);
    const reason = fc.constantFrom(...(["deleted", "overwritten", "dropped", "lost"] as const));
    const sha256 = fc.constantFrom(undefined, "0f".repeat(32));
    const by = fc.constantFrom(undefined, "0123456789ab", "password");
    comesBack(
      fc.record({ time: anyTime, path: anyPath, location: anyPath, sizeBytes: count, reason, sha256, by }),
      encodeTrashRow,
      decodeTrashRow,
    );
  });

  it("trash of the first format, which had neither digest nor who deleted it", () => {
    const row = { time: 7 as HybridTime, path: "a" as FilePath, location: ".fsdfs/trash/x", sizeBytes: 3 };
    const written = encodeTrashRow({ ...row, reason: "dropped" });
    const first = Uint8Array.of(ROW_FORMAT, ...written.subarray(1, -2));
    expect(decodeTrashRow(first)).toEqual({ ...row, reason: "dropped" });
    expect(() => decodeTrashRow(Uint8Array.of(3, ...first.subarray(1)))).toThrow("unknown format");
  });

  it("contents with who deleted them and what is in no trash", () => {
    const version = versionId(5 as HybridTime, serverNumbered(1));
    const deleted = { type: "deleted" as const, movedTo: undefined };
    const file = { type: "file" as const, version, sizeBytes: 3, sha256: "0f".repeat(32), request: undefined };
    const contents = [
      { ...deleted, by: "k1" },
      { ...deleted, forever: [version] },
      { ...deleted, by: "k1", forever: [version, version] },
      { ...file, forever: [version] },
      { ...file, request: "0123456789abcdef", forever: [version, version] },
    ];
    for (const content of contents) expect(decodeContent(encodeContent(content))).toEqual(content);
  });

  it("contents", () => {
    comesBack(anyContent, encodeContent, decodeContent);
    fc.assert(
      fc.property(anyContent, (content) => {
        expect(fileVersionIn(encodeContent(content))).toBe(content.type === "file" ? content.version : undefined);
      }),
    );
  });

  it("log pointers", () => {
    const pointer: fc.Arbitrary<LogPointer> = fc.oneof(
      fc.record({ kind: fc.constant("path" as const), path: anyPath, field: fc.constantFrom("content", "target") }),
      fc.record({ kind: fc.constantFrom("content" as const, "holding" as const), version: anyVersion }),
      fc.record({ kind: fc.constant("setting" as const), name: fc.string({ minLength: 1, unit: "grapheme" }) }),
    );
    comesBack(pointer, encodePointer, decodePointer);
  });
});

describe("rows of another format", () => {
  it("are refused, never guessed", () => {
    const rows = [encodeRegisters([]), encodeVersionRow({ paths: [], holdings: [], indexed: undefined })];
    for (const [i, decode] of [decodeRegisters, decodeVersionRow].entries()) {
      const row = rows[i]!;
      row[0] = 2;
      expect(() => decode(row)).toThrow(/unknown format 2/);
    }
    expect(() => decodeContent(Uint8Array.of(9))).toThrow(/unknown kind/);
    expect(() => decodePointer(Uint8Array.of(9))).toThrow(/unknown kind/);
  });
});

describe("the counts", () => {
  const none = {
    files: 0,
    bytes: 0,
    copies: 0,
    copyBytes: 0,
    trashFiles: 0,
    trashBytes: 0,
    deletions: 0,
    droppedBytes: 0,
  };
  const view = (row: Uint8Array | undefined) => ({
    get: (key: Uint8Array) => (Buffer.compare(key, STATS_KEY) === 0 ? row : undefined),
    range: () => [],
  });

  it("are zero before anything was counted, and come back as written", () => {
    expect(readStats(view(undefined))).toEqual(none);
    const stats = {
      files: 1,
      bytes: 2 ** 50,
      copies: 3,
      copyBytes: 4,
      trashFiles: 5,
      trashBytes: 6,
      deletions: 7,
      droppedBytes: 8,
    };
    expect(readStats(view(encodeStats(stats)))).toEqual(stats);
  });

  it("are never written when one of this disk is negative: the catalog contradicts itself", () => {
    const { files, bytes, deletions, ...ofDisk } = none;
    for (const name of Object.keys(ofDisk)) expect(() => encodeStats({ ...none, [name]: -1 })).toThrow(name);
  });

  it("are written as well as can be when those of the swarm cannot be right: by a row that is damaged", () => {
    const wrong = encodeStats({ ...none, files: -1, bytes: 2 ** 54, deletions: -2 });
    expect(readStats(view(wrong))).toEqual({ ...none, bytes: Number.MAX_SAFE_INTEGER });
  });
});
