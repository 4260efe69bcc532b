import { describe, expect, it } from "vitest";
import type { Entry } from "./catalog/entries.ts";
import { type Conditions, meets, ownerOf } from "./conditions.ts";
import { parsePath } from "./paths.ts";
import { rendezvousOrder } from "./rendezvous.ts";

const path = parsePath("a");
const stamp = { rank: 0, time: 1, server: "000000000001" };
const file = { type: "file", path, content: { type: "file", version: "v2" }, stamp } as unknown as Entry;
const directory: Entry = { type: "directory", path, stamp: undefined };

describe("C14: a condition", () => {
  it.each<[Conditions, boolean, boolean, boolean]>([
    [{}, true, true, true],
    [{ ifMatch: "*" }, true, true, false],
    [{ ifMatch: ["v2"] }, true, false, false],
    [{ ifMatch: ["v1", "v2"] }, true, false, false],
    [{ ifMatch: ["v1"] }, false, false, false],
    [{ ifMatch: [] }, false, false, false],
    [{ ifNoneMatch: "*" }, false, false, true],
    [{ ifNoneMatch: ["v2"] }, false, true, true],
    [{ ifNoneMatch: ["v1"] }, true, true, true],
    [{ ifMatch: "*", ifNoneMatch: ["v2"] }, false, true, false],
  ])("%j is met by a file in version v2: %s, by a directory: %s, by nothing: %s", (conditions, ...expected) => {
    expect([file, directory, undefined].map((present) => meets(present, conditions))).toEqual(expected);
  });
});

describe("C14: a path's owner", () => {
  it("is the first by rendezvous, in whatever order the roster is read", () => {
    const roster = ["000000000001", "000000000002", "000000000003", "000000000004"];
    for (const name of ["a", "b", "music/c.ogg", "ü"]) {
      const [first] = rendezvousOrder(name, roster);
      expect(ownerOf(parsePath(name), roster)).toBe(first);
      expect(ownerOf(parsePath(name), roster.toReversed())).toBe(first);
    }
    expect(ownerOf(path, [])).toBe(undefined);
  });
});
