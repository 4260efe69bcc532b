import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyContent, anyPath, anyServer, anyStamp, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import type { HybridTime } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { decodeBatch, encodeBatch } from "./batch.ts";
import { encodeContent } from "./content.ts";
import { separate } from "./soundness.ts";
import type { CatalogRecord } from "./types.ts";

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

  it("are sound in everything else, whatever it says: kinds that are not known yet are for the merge to refuse", () => {
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
    const unknown = recordAt("a/file", Uint8Array.of(99));
    expect(separate([unknown]).sound).toEqual([unknown]);
  });
});
