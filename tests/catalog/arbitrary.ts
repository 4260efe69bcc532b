/** Arbitrary values of the catalog's vocabulary for property tests, hard ones more often than chance would have it. */
import fc from "fast-check";
import type { Content, Stamp } from "../../src/core/catalog/types.ts";
import { isHybridTime } from "../../src/core/hybrid-clock.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../src/core/ids.ts";
import { type FilePath, parsePath } from "../../src/core/paths.ts";

export function serverNumbered(index: number): ServerId {
  return index.toString(16).padStart(12, "0") as ServerId;
}

export const anyServer: fc.Arbitrary<ServerId> = fc.nat(0xffff).map(serverNumbered);

const time = fc.oneof(fc.nat(8), fc.maxSafeNat()).map((each) => each as HybridTime);

export const anyVersion: fc.Arbitrary<VersionId> = fc
  .tuple(time, anyServer)
  .map(([when, server]) => versionId(when, server));

export const anyStamp: fc.Arbitrary<Stamp> = fc.record({
  rank: fc.nat(3),
  time: time.filter(isHybridTime),
  server: anyServer,
});

/** Names that are prefixes of each other, or differ from "/" and NUL by one: where an order of keys goes wrong. */
const hardName = fc
  .array(
    fc.constantFrom("a", "b", "\u0001", "\u0002", " ", ".", "0", "\u007f", "é", "e\u0301", "\uFEFF", "\u{1F3B5}"),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((letters) => letters.join(""));
const anyName = fc.oneof(
  { weight: 4, arbitrary: hardName },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }) },
);

export const anyPath: fc.Arbitrary<FilePath> = fc
  .array(anyName, { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/"))
  .filter(isPath)
  .map((text) => text as FilePath);

function isPath(text: string): boolean {
  try {
    return parsePath(text) === text;
  } catch {
    return false;
  }
}

const hexDigits = (length: number) =>
  fc.uint8Array({ minLength: length / 2, maxLength: length / 2 }).map((each) => Buffer.from(each).toString("hex"));

export const anyContent: fc.Arbitrary<Content> = fc.oneof(
  fc.record({
    type: fc.constant("file" as const),
    version: anyVersion,
    sizeBytes: fc.maxSafeNat(),
    sha256: hexDigits(64),
    request: fc.option(hexDigits(16), { nil: undefined }),
  }),
  fc.constant({ type: "directory" as const }),
  fc.record({ type: fc.constant("deleted" as const), movedTo: fc.option(anyPath, { nil: undefined }) }),
);
