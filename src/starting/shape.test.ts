import { expect, it } from "vitest";
import { flag, matching, optional, safeJson, shaped, text, url, whole } from "./shape.ts";

const SHAPE = { name: text, port: whole(1, 65_535), mark: optional(text), up: optional(flag) };

it("answers the members that are asked for, and no others", () => {
  expect(shaped({ name: "a", port: 1, up: true, more: 1 }, SHAPE)).toEqual({ name: "a", port: 1, up: true });
});

it.each([
  undefined,
  null,
  7,
  "text",
  [],
  {},
  { name: "a" },
  { name: "a", port: 0 },
  { name: "a", port: 65_536 },
  { name: "a", port: 1.5 },
  { name: "a", port: "1" },
  { name: 1, port: 1 },
  { name: "a", port: 1, mark: null },
  { name: "a", port: 1, up: "yes" },
])("%j is not of that shape", (value) => {
  expect(shaped(value, SHAPE)).toBeUndefined();
});

it("takes no member that an object inherits", () => {
  expect(shaped({}, { toString: (value: unknown): value is unknown => value !== undefined })).toBeUndefined();
});

it("knows patterns, addresses and what is no JSON", () => {
  expect(shaped({ key: "0af" }, { key: matching(/^[0-9a-f]+$/) })).toEqual({ key: "0af" });
  expect(shaped({ key: "xyz" }, { key: matching(/^[0-9a-f]+$/) })).toBeUndefined();
  expect(shaped({ at: "http://127.0.0.1:4242" }, { at: url })).toBeDefined();
  expect(shaped({ at: "nowhere" }, { at: url })).toBeUndefined();
  expect(safeJson("{")).toBeUndefined();
});
