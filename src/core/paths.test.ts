import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FsdfsError } from "../errors.ts";
import {
  ancestorsOf,
  decodeUrlPath,
  encodeUrlPath,
  nameOf,
  PATH_BYTES_MAX,
  parentOf,
  parseDirectoryPath,
  parsePath,
} from "./paths.ts";

function codeOf(action: () => unknown): string {
  try {
    return `answered ${JSON.stringify(action())}`;
  } catch (error) {
    if (error instanceof FsdfsError) return error.code;
    throw error;
  }
}

/** Seven segments of 255 bytes, six slashes and the rest: exactly `sizeBytes` bytes. */
function pathOfSize(sizeBytes: number): string {
  return `${`${"x".repeat(255)}/`.repeat(7)}`.concat("y".repeat(sizeBytes - 7 * 256));
}

const segment = fc
  .string({ unit: "binary", minLength: 1, maxLength: 60 })
  .filter((text) => !/[/\0]/.test(text) && text !== "." && text !== "..");
const anyPath = fc.array(segment, { minLength: 1, maxLength: 7 }).map((segments) => parsePath(segments.join("/")));

describe("parsePath", () => {
  it.each([
    ["ü", 127, "a"],
    ["€", 85, ""],
    ["💿", 63, "abc"],
  ])("counts bytes, of which %s has several", (char, times, rest) => {
    expect(parsePath(char.repeat(times) + rest)).toBe(char.repeat(times) + rest);
    expect(codeOf(() => parsePath(`${char.repeat(times)}${rest}x`))).toBe("path-invalid");
  });

  it.each([
    "a",
    "a/b.mp3",
    "Björk/Jóga.ogg",
    "a b/%2F",
    "...",
    ".fsdfs",
    ".fsdfs/policy.ts",
    "new\nline",
    "\u{feff}bom",
    "x".repeat(255),
    pathOfSize(1800),
  ])("S7: takes %j as it is", (text) => {
    expect(parsePath(text)).toBe(text);
  });

  it.each([
    ["nothing", ""],
    ["only a slash", "/"],
    ["an empty segment", "a//b"],
    ["an empty segment in front", "//a"],
    ["an empty segment at the end", "a/"],
    [".", "a/./b"],
    ["..", "../etc/passwd"],
    [".. at the end", "a/.."],
    ["NUL", "a\0b"],
    ["a high surrogate alone", "a\ud800b"],
    ["a low surrogate alone", "a\udc00"],
    ["a segment of 256 bytes", "x".repeat(256)],
    ["a segment of 128 characters and 256 bytes", "ü".repeat(128)],
    ["a path of 1,801 bytes", pathOfSize(1801)],
  ])("S7: refuses %s", (_what, text) => {
    expect(codeOf(() => parsePath(text))).toBe("path-invalid");
  });

  it("takes one leading slash off", () => {
    expect(parsePath("/music/a.ogg")).toBe("music/a.ogg");
  });

  it("S7: does not normalise, so two spellings of é are two paths", () => {
    expect(parsePath("\u00e9")).not.toBe(parsePath("e\u0301"));
  });
});

describe("parseDirectoryPath", () => {
  it("takes the root and slashes at both ends, and refuses empty segments", () => {
    expect(["", "/", "a", "/a/", "a/b/"].map(parseDirectoryPath)).toEqual(["", "", "a", "a", "a/b"]);
    expect(codeOf(() => parseDirectoryPath("//"))).toBe("path-invalid");
    expect(codeOf(() => parseDirectoryPath("a//"))).toBe("path-invalid");
  });
});

describe("decodeUrlPath", () => {
  it.each([
    ["", "", true],
    ["?limit=3", "", true],
    ["a", "a", false],
    ["a/", "a", true],
    ["a/b%20c.mp3?redirect=never", "a/b c.mp3", false],
    ["%C3%BC", "ü", false],
    ["\u00c3\u00bc", "ü", false],
    ["a+b", "a+b", false],
    ["%252F", "%2F", false],
    ["what%3F", "what?", false],
    ["%EF%BB%BFbom", "\u{feff}bom", false],
    ["a?b=/../", "a", false],
  ])("S7: decodes %j once, to %j", (raw, path, directory) => {
    expect(decodeUrlPath(raw)).toEqual({ path, directory });
  });

  it.each([
    ["%2F in a name", "a%2Fb"],
    ["%2f alone", "%2f"],
    ["%00", "a%00b"],
    ["an encoded ..", "a/%2e%2E/b"],
    ["..", "a/../b"],
    [".", "./a"],
    ["an empty segment", "a//b"],
    ["an empty segment in front", "/a"],
    ["two slashes at the end", "a//"],
    ["only a slash", "/"],
    ["a percent sign alone", "100%"],
    ["one hexadecimal digit", "a%4"],
    ["no hexadecimal digits", "a%zz"],
    ["a sign in the digits", "a%+1"],
    ["an overlong slash", "a%C0%AF"],
    ["an overlong NUL", "%C0%80"],
    ["a surrogate in UTF-8", "%ED%A0%80"],
    ["a cut sequence", "%C3"],
    ["a byte that is never UTF-8", "%FF"],
    ["beyond Unicode", "%F4%90%80%80"],
    ["a character beyond a byte", "\u0416"],
    ["a segment of 256 bytes", "%41".repeat(256)],
    ["a path over 1,800 bytes", pathOfSize(1801)],
  ])("S7: refuses %s", (_what, raw) => {
    expect(codeOf(() => decodeUrlPath(raw))).toBe("path-invalid");
  });

  it("S7: answers a valid path or path-invalid, whatever comes", () => {
    const alphabet = fc.constantFrom(
      "%",
      "2",
      "F",
      "f",
      "0",
      "e",
      "E",
      ".",
      "/",
      "a",
      "?",
      "\u00c3",
      "%C3%A9",
      "\u0100",
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: alphabet }), fc.string({ unit: "binary" })), (raw) => {
        try {
          const { path } = decodeUrlPath(raw);
          if (path !== "") expect(parsePath(`/${path}`)).toBe(path);
        } catch (error) {
          expect(error).toMatchObject({ code: "path-invalid" });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("S7: is the opposite of encodeUrlPath for every path", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const url = encodeUrlPath(path);
        expect(url).toMatch(/^[\x21-\x7e]+$/);
        expect(decodeUrlPath(url)).toEqual({ path, directory: false });
        expect(decodeUrlPath(`${url}/?a=b`)).toEqual({ path, directory: true });
      }),
    );
  });
});

describe("parts of a path", () => {
  it("names the parent, the name and the ancestors from the top down", () => {
    const path = parsePath("a/b/c");
    expect([parentOf(path), nameOf(path), ancestorsOf(path)]).toEqual(["a/b", "c", ["a", "a/b"]]);
    const top = parsePath("a");
    expect([parentOf(top), nameOf(top), ancestorsOf(top)]).toEqual(["", "a", []]);
  });

  it("puts parent and name together to the path again, and the last ancestor is the parent", () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        expect([parentOf(path), nameOf(path)].filter(Boolean).join("/")).toBe(path);
        expect(ancestorsOf(path).at(-1) ?? "").toBe(parentOf(path));
        expect(PATH_BYTES_MAX).toBeGreaterThanOrEqual(Buffer.byteLength(parentOf(path)));
      }),
    );
  });
});
