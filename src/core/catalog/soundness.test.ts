import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyContent, anyPath, anyServer, anyStamp, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { utf8 } from "../bytes.ts";
import type { HybridTime, VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { decodeBatch, encodeBatch } from "./batch.ts";
import { encodeContent } from "./content.ts";
import { separate } from "./soundness.ts";
import type { CatalogRecord, Stamp } from "./types.ts";

const UNSOUND = [
  "",
  "/",
  "/absolute",
  "a/../../etc/passwd",
  "..",
  ".",
  "a//b",
  "a/",
  "nul\0byte",
  "x".repeat(256),
  "long/".repeat(400),
];

function recordAt(path: string, value: Uint8Array, field = "content"): CatalogRecord {
  const server = serverNumbered(1);
  return {
    key: { kind: "path", path: path as FilePath, field },
    stamp: { rank: 0, time: 5 as HybridTime, server },
    value,
    origin: { server, incarnation: 1 as HybridTime },
    number: 1,
  };
}

function at(stamp: Pick<Stamp, "rank" | "time">): CatalogRecord {
  const record = recordAt("a", directory);
  return { ...record, stamp: { ...stamp, server: record.origin.server } };
}

const directory = encodeContent({ type: "directory" });
const movedTo = (path: string) => encodeContent({ type: "deleted", movedTo: path as FilePath });

describe("records of other servers", () => {
  it.each(UNSOUND)("S7: are unsound at the path '%s'", (path) => {
    const good = recordAt("a/file", directory);
    const bad = [recordAt(path, directory), recordAt(path, directory, "target")];
    expect(separate([...bad, good])).toEqual({ sound: [good], unsound: bad });
  });

  it.each(UNSOUND)("S7: are unsound when a file was moved to '%s'", (path) => {
    const bad = recordAt("a/file", movedTo(path));
    expect(separate([bad])).toEqual({ sound: [], unsound: [bad] });
  });

  it("S7: are unsound when their destination cannot be read", () => {
    const cut = movedTo("somewhere").subarray(0, 5);
    const garbled = movedTo("some");
    garbled[3] = 0xff;
    for (const value of [cut, garbled]) expect(separate([recordAt("a/file", value)]).unsound).toHaveLength(1);
  });

  it("S7: with bytes that are no UTF-8 as a path spoil no batch", () => {
    const records = [recordAt("PATH", directory), recordAt("a/file", directory)];
    const bytes = encodeBatch({ records, announcements: [] });
    bytes[Buffer.from(bytes).indexOf("PATH")] = 0xff;
    const { sound, unsound } = separate(decodeBatch(bytes).records);
    expect(sound).toEqual([records[1]]);
    expect(unsound).toHaveLength(1);
  });

  it("are sound in everything else, whatever it says", () => {
    const anyRecord = fc.tuple(anyPath, anyContent, anyStamp, anyServer).map(([path, content, stamp, server]) => ({
      ...recordAt(path, encodeContent(content)),
      stamp,
      origin: { server, incarnation: 1 as HybridTime },
    }));
    fc.assert(
      fc.property(fc.array(anyRecord), (records) => {
        expect(separate(records)).toEqual({ sound: records, unsound: [] });
      }),
    );
  });

  const file = encodeContent({
    ...{ type: "file", version: `${"0".repeat(14)}-${"1".repeat(12)}` as VersionId, sizeBytes: 1 },
    ...{ sha256: "2".repeat(64), request: undefined },
  });
  const hugeSize = Uint8Array.from([...file.subarray(0, 14), ...Array(8).fill(0xff), ...file.subarray(15)]);
  const setting = (name: string, value: string): CatalogRecord => {
    return { ...recordAt("", utf8(value)), key: { kind: "setting", name } };
  };

  it.each<[string, CatalogRecord]>([
    ["a content of an unknown kind", recordAt("a", Uint8Array.of(99))],
    ["no content at all", recordAt("a", new Uint8Array())],
    ["a content that is cut", recordAt("a", file.subarray(0, -1))],
    ["a size that is no count", recordAt("a", hugeSize)],
    ["an N that is empty", recordAt("a", new Uint8Array(), "target")],
    ["an N beyond what is ordered", recordAt("a", Uint8Array.of(0xff, 0xff, 3), "target")],
    ["a field without a name", recordAt("a", Uint8Array.of(1), "")],
    ["a setting without a name", setting("", "1")],
    ["a setting with a name beyond all keys", setting("x".repeat(2_000), "1")],
    ["a setting that is no JSON", setting("swarm/copies", "{")],
    ["a number that no log has", { ...recordAt("a", file), number: 2 ** 40 }],
    ["no number", { ...recordAt("a", file), number: 0 }],
    ["a time behind which none is", at({ rank: 0, time: (2 ** 53) as HybridTime })],
    ["a time behind which there are few", at({ rank: 0, time: (2 ** 53 - 1) as HybridTime })],
    ["an epoch in which no N could be said", at({ rank: 1024, time: 5 as HybridTime })],
  ])("S7: are unsound when they have %s", (_what, record) => {
    expect(separate([record])).toEqual({ sound: [], unsound: [record] });
  });

  it("S7: with bytes that are no UTF-8 as a setting's name, or a field's, spoil no batch", () => {
    const records = [setting("NAME", "1"), recordAt("a", file, "NAME"), recordAt("a/file", directory)];
    const bytes = encodeBatch({ records, announcements: [] });
    for (let from = 0; from < 2; from++) bytes[Buffer.from(bytes).indexOf("NAME")] = 0xff;
    expect(separate(decodeBatch(bytes).records).sound).toEqual([records[2]]);
  });
});
