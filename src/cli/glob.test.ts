import { expect, test } from "vitest";
import { globMatcher } from "./glob.ts";

test.each([
  ["*.ogg", "song.ogg", true],
  ["*.ogg", "song.ogg.part", false],
  ["*.ogg", ".ogg", true],
  ["song?", "song1", true],
  ["song?", "song", false],
  ["[a-c]*", "bass", true],
  ["[a-c]*", "drums", false],
  ["[!a-c]*", "drums", true],
  ["[]x]", "]", true],
  ["[x^]", "^", true],
  ["[a-]", "-", true],
  ["*b*", "abc", true],
  ["*ab", "aab", true],
  ["**", "", true],
  ["a.b", "axb", false],
  ["a+(b)|c{1}$", "a+(b)|c{1}$", true],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["ü?", "ü💿", true],
  ["*", "two\nlines", true],
  ["*a*a*a*a*a*a*a*a*b", "a".repeat(60), false],
])("%s and %j: %s", (glob, name, fits) => {
  expect(globMatcher(glob)(name)).toBe(fits);
});

test("case counts unless it is said not to", () => {
  expect(globMatcher("*.OGG")("a.ogg")).toBe(false);
  expect(globMatcher("*.OGG", { ignoreCase: true })("a.ogg")).toBe(true);
});

test("a bracket that is not closed is refused", () => {
  expect(() => globMatcher("[a")).toThrow("[ without its ]");
});
